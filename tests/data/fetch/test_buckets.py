"""Buckets: objects, patterns and prefixes of each kind of store, from real servers on loopback, read while others are added.

S3 is read wherever the tests run, Google Cloud Storage and Azure Blob by `make test-buckets`.
"""

from __future__ import annotations

import base64
import re
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fsspec.registry import _registry

from agile_classifier.config.data import DataConfig
from agile_classifier.data.examples import read_examples
from agile_classifier.data.fetch import buckets
from agile_classifier.environment import cache
from agile_classifier.errors import InputError
from agile_classifier.files import content_digest
from tests.toys.toy_places import EMULATED, SECRET, SERVERS, Store, forget_servers, opened
from tests.toys.waiting import before_a_person_gives_up


@pytest.fixture(scope="module", params=["s3", *EMULATED])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, Mapping[str, str]]]:
    """A store of objects on loopback: its scheme, and the variables by which it is found."""
    with SERVERS[request.param]() as variables:
        yield request.param, variables


@pytest.fixture
def store(server: tuple[str, Mapping[str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Store:
    """The bucket `words`, which is empty at first."""
    monkeypatch.setenv("AGILE_HOME", str(tmp_path / "home"))
    return opened(*server, monkeypatch)


SECRETS = (base64.b64encode(SECRET.encode()).decode(), "AccountKey")
"""What an error of Azure must not say."""


def texts(address: str, **fields: Any) -> list[str]:
    return list(read_examples(DataConfig(source=address, **fields))["text"])


def test_a_prefix_is_read_by_name_and_grows(store: Store) -> None:
    store.put("labels/week1.csv", "text\none\ntwo\n")
    store.put("labels/_SUCCESS", "")
    store.put("labels/deep/.week9.crc", "no rows")
    assert texts(store.address("labels/")) == ["one", "two"]
    store.put("labels/deep/week3.csv", "text\nthree\n")
    store.put("labels-of-others/week1.csv", "text\nnobody's\n")
    assert texts(store.address("labels/")) == ["three", "one", "two"]
    store.put("labels/week1.csv", "text\none\n")
    assert texts(store.address("labels/")) == ["three", "one"], "what the store has replaced is fetched again"


def test_an_object_and_a_pattern_are_read(store: Store) -> None:
    store.put("labels/week1.csv", "text\none\n")
    store.put("labels/week2.csv", "text\ntwo\n")
    store.put("labels/notes.md", "no rows")
    assert texts(store.address("labels/week2.csv")) == ["two"]
    assert texts(store.address("labels/*.csv")) == ["one", "two"]


def test_an_object_that_is_the_same_is_not_fetched_again(store: Store) -> None:
    store.put("week1.csv", "text\none\n")
    texts(store.address("week1.csv"))
    (kept,) = cache().rglob("week1.csv")
    before = kept.stat().st_mtime_ns
    texts(store.address("week1.csv"))
    assert kept.stat().st_mtime_ns == before
    assert not list(cache().rglob("*.part"))


def test_a_pin_holds_an_object_to_its_bytes(store: Store, tmp_path: Path) -> None:
    (tmp_path / "week1.csv").write_text("text\none\n")
    store.put("week1.csv", "text\none\n")
    digest = content_digest(tmp_path / "week1.csv")
    assert texts(store.address("week1.csv"), sha256=digest) == ["one"]
    store.put("week1.csv", "text\nother\n")
    said = rf"{re.escape(store.address('week1.csv'))}: sha256 is [0-9a-f]{{64}}, data.sha256 asks for {digest}"
    with pytest.raises(InputError, match=said):
        texts(store.address("week1.csv"), sha256=digest)


def test_what_is_called_as_a_prefix_is_hides_nothing_below_it(store: Store) -> None:
    store.put("labels/deep/week1.csv", "text\none\n")
    store.put("labels", "not of the prefix")
    store.put("labels/deep/", "")
    store.put("labels-of-others/week1.csv", "text\nnobody's\n")
    assert texts(store.address("labels/")) == ["one"]
    assert texts(store.address("labels/deep/*.csv")) == ["one"]


def test_an_object_that_is_replaced_while_it_is_read_is_read_whole(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = buckets.find_below
    store.put("labels/week1.csv", "text\none\n")

    def list_and_replace(filesystem: Any, path: str) -> Any:
        found = real(filesystem, path)
        store.put("labels/week1.csv", "text\none\ntwo\n")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(buckets, "find_below", list_and_replace)
        assert texts(store.address("labels/")) == ["one", "two"]
    store.put("labels/week1.csv", "text\nsix\nten\n")
    assert texts(store.address("labels/")) == ["six", "ten"]


N_OBJECTS, N_ROWS = 12, 50


def test_objects_that_appear_meanwhile_are_read_whole(store: Store) -> None:
    def add_objects() -> None:
        for number in range(1, N_OBJECTS):
            add_object(number)

    def add_object(number: int) -> None:
        rows = "".join(f"{number} {row}\n" for row in range(N_ROWS))
        store.put(f"labels/week{number:02}.csv", f"text\n{rows}")

    add_object(0)
    writer = threading.Thread(target=add_objects)
    writer.start()
    seen = []
    while not seen or len(seen[-1]) < N_OBJECTS * N_ROWS:
        was_alive = writer.is_alive()
        seen.append(texts(store.address("labels/")))
        assert was_alive or len(seen[-1]) == N_OBJECTS * N_ROWS
    writer.join()
    for before, after in zip([[], *seen], seen, strict=False):
        assert set(before) <= set(after)
        assert len(after) % N_ROWS == 0
        assert len(set(after)) == len(after)


WRONG = [
    ("words/nothing/", "words/nothing/: there is no object below this prefix"),
    ("words/*.tsv", "words/*.tsv: no object matches"),
    ("words/gone.csv", "words/gone.csv: there is no such bucket or object"),
    ("nobody/labels/", "nobody/labels/: there is no such bucket or object"),
    ("nobody/*.csv", "nobody/*.csv: there is no such bucket or object"),
    ("nobody/a.csv", "nobody/a.csv: there is no such bucket or object"),
    ("words/labels", "words/labels: is a prefix; end it in / for every object below it"),
    ("words/mixed/", "words/mixed/b.csv: its columns differ from those of {scheme}://words/mixed/a.csv"),
    ("words/notes.md", "words/notes.md: found suffix '.md'; allowed are"),
]


@pytest.mark.parametrize(("path", "said"), WRONG, ids=[path for path, _ in WRONG])
def test_what_is_not_there_or_differs_is_one_line(store: Store, path: str, said: str) -> None:
    for key, body in {
        "labels/a.csv": "text\na\n",
        "mixed/a.csv": "text\na\n",
        "mixed/b.csv": "words\nb\n",
        "notes.md": "x",
    }.items():
        store.put(key, body)
    scheme = store.address("").partition(":")[0]
    with pytest.raises(InputError) as refused:
        texts(f"{scheme}://{path}")
    assert str(refused.value).startswith(f"{scheme}://{said.format(scheme=scheme)}")
    assert "\n" not in str(refused.value)


def test_an_empty_bucket_is_one_line(store: Store) -> None:
    said = f"{re.escape(store.address(''))}: there is no object below this prefix"
    with pytest.raises(InputError, match=said):
        texts(store.address(""))


@pytest.mark.parametrize("kind", ["closed", "silent"])
def test_a_store_that_does_not_answer_is_one_line(
    server: tuple[str, Mapping[str, str]], store: Store, kind: str, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(buckets, "LONGEST_SILENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        if kind == "closed":
            listener.close()
        for name, value in server[1].items():
            monkeypatch.setenv(name, re.sub(r"127\.0\.0\.1:\d+", address, value))
        forget_servers(server[0])
        capfd.readouterr()
        with before_a_person_gives_up(), pytest.raises(InputError) as refused:
            texts(store.address("labels/"))
    said = str(refused.value)
    assert said.startswith(f"{store.address('labels/')}: cannot be read: ")
    assert not any(part in said for part in ("\n", SECRET, *SECRETS))
    assert "".join(capfd.readouterr()) == ""


@pytest.mark.parametrize(("scheme", "module"), [("s3", "s3fs"), ("gs", "gcsfs"), ("az", "adlfs")])
def test_a_driver_that_is_not_installed_is_named_with_its_extra(
    scheme: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(_registry, scheme, raising=False)
    said = rf"{scheme}://words/a\.csv: its driver is not installed: pip install 'agile-classifier\[{scheme}\]'"
    with pytest.raises(InputError, match=said):
        texts(f"{scheme}://words/a.csv")
