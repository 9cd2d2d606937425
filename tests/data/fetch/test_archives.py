"""Archives: what is wanted comes out, and nothing that is made to do harm gets in."""

from __future__ import annotations

import io
import stat
import tarfile
import warnings
import zipfile
from pathlib import Path

import pytest

from agile_classifier.data.fetch import archives
from agile_classifier.data.fetch.archives import extract
from agile_classifier.errors import InputError


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def make_tar(path: Path, *infos: tarfile.TarInfo, mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for info in infos:
            archive.addfile(info, io.BytesIO(b"x" * info.size))
    return path


def tar_info(name: str, *, type: bytes = tarfile.REGTYPE, linkname: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = type, linkname
    info.size = 1 if type == tarfile.REGTYPE else 0
    return info


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_file_and_a_folder_come_out_under_their_own_names(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"data/a.csv": b"1", "data/deep/b.csv": b"2", "other.txt": b"3"})
    assert extract(archive, chain=["data/a.csv"], scratch=tmp_path / "1").read_bytes() == b"1"
    folder = extract(archive, chain=["data"], scratch=tmp_path / "2")
    assert (folder.name, files_below(folder)) == ("data", ["a.csv", "deep/b.csv"])


def test_a_chain_goes_into_an_archive_in_an_archive_and_an_empty_path_is_everything(tmp_path: Path) -> None:
    inner = make_tar(tmp_path / "inner.tar.gz", tar_info("top/a.txt"), tar_info("top/b.txt"))
    outer = make_zip(tmp_path / "outer.zip", {"x/inner.tar.gz": inner.read_bytes()})
    assert extract(outer, chain=["x/inner.tar.gz", "top/a.txt"], scratch=tmp_path / "1").read_bytes() == b"x"
    everything = extract(outer, chain=["x/inner.tar.gz", ""], scratch=tmp_path / "2")
    assert files_below(everything) == ["top/a.txt", "top/b.txt"]


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"name-1.0/data.csv": b"1", "name-1.0/setup.py": b""}, "data.csv"),
        ({"data.csv": b"1", "name-1.0.dist-info/WHEEL": b""}, "data.csv"),
        ({"name/data.csv": b"1", "name-1.0.dist-info/WHEEL": b""}, "name/data.csv"),
    ],
)
def test_only_the_single_top_folder_of_a_source_distribution_is_stripped(
    tmp_path: Path, members: dict[str, bytes], path: str
) -> None:
    archive = make_zip(tmp_path / "a.zip", members)
    assert extract(archive, chain=[path], scratch=tmp_path / "out", strip_top=True).read_bytes() == b"1"


@pytest.mark.parametrize("name", ["/etc/evil", "../evil", "a/../../evil", "C:/evil", "..\\evil", "\\evil"])
def test_a_member_that_would_leave_its_folder_refuses_the_whole_archive(tmp_path: Path, name: str) -> None:
    hostile = (
        make_zip(tmp_path / "a.zip", {"good": b"1", name: b"evil"}),
        make_tar(tmp_path / "a.tar", tar_info("good"), tar_info(name), mode="w"),
    )
    for archive in hostile:
        with pytest.raises(InputError, match=r"a\.(zip|tar): refused: .* would leave its folder"):
            extract(archive, chain=["good"], scratch=tmp_path / archive.suffix)
    assert not [place for place in (*tmp_path.rglob("*"), *tmp_path.parent.iterdir()) if place.name.endswith("evil")]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_of_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    archive = make_tar(tmp_path / "a.tar.gz", tar_info("good"), tar_info("bad", type=kind, linkname="/etc/passwd"))
    with pytest.raises(InputError, match="'bad' is a link or device"):
        extract(archive, chain=[""], scratch=tmp_path / "out")


def test_a_symbolic_link_of_a_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(InputError, match="'link' is a link or device"):
        extract(tmp_path / "a.zip", chain=["link"], scratch=tmp_path / "out")


@pytest.mark.parametrize("twin", ["data/a.csv", "./data/a.csv", "data//a.csv", "data/./a.csv"])
def test_a_member_that_would_replace_another_refuses_the_archive(tmp_path: Path, twin: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("data/a.csv", b"first")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # zipfile warns of the same name
            archive.writestr(twin, b"second")
    hostile = (tmp_path / "a.zip", make_tar(tmp_path / "a.tar", tar_info("data/a.csv"), tar_info(twin), mode="w"))
    for archive_file in hostile:
        for member in ("data/a.csv", "data", ""):
            with pytest.raises(InputError, match=r"refused: member .*a\.csv' would replace another of the same name"):
                extract(archive_file, chain=[member], scratch=tmp_path / f"{archive_file.suffix}{len(member)}")


def test_an_archive_that_would_fill_the_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "LARGEST", 1000)
    bomb = make_zip(tmp_path / "a.zip", {"zeros": bytes(1001)})
    with pytest.raises(InputError, match="unpacks to more than"):
        extract(bomb, chain=["zeros"], scratch=tmp_path / "out")


def test_a_damaged_archive_is_one_line_not_a_traceback(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "a.tar.gz", *(tar_info(f"{number}") for number in range(100)))
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(InputError, match=r"^a\.tar\.gz: (cannot be unpacked|neither)[^\n]*$"):
        extract(archive, chain=["99"], scratch=tmp_path / "1")
    spoiled = bytearray(make_zip(tmp_path / "a.zip", {"a": b"1" * 100}).read_bytes())
    spoiled[40] ^= 0xFF
    (tmp_path / "a.zip").write_bytes(spoiled)
    with pytest.raises(InputError, match=r"a\.zip: cannot be unpacked: Bad CRC"):
        extract(tmp_path / "a.zip", chain=["a"], scratch=tmp_path / "2")


def test_a_file_that_also_is_a_folder_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"a": b"1", "a/b": b"2"})
    with pytest.raises(InputError, match="cannot be unpacked"):
        extract(archive, chain=[""], scratch=tmp_path / "out")


def test_a_missing_member_is_answered_with_what_the_archive_holds(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"x/data.csv": b"", "y/other.csv": b""})
    with pytest.raises(InputError, match=r"no member data\.csv; it holds x/data\.csv$"):
        extract(archive, chain=["data.csv"], scratch=tmp_path / "1")
    (tmp_path / "plain").write_text("no archive")
    with pytest.raises(InputError, match="plain: neither a zip nor a tar"):
        extract(tmp_path / "plain", chain=["a"], scratch=tmp_path / "2")
