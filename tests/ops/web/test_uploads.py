"""Files that are brought: under names that mean nothing to a path or a page, whole or not at all, and never two in one place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.errors import InputError
from agile_classifier.ops.web import uploads
from agile_classifier.ops.web.uploads import NoRoom, OutOfStep

ODD = st.text(max_size=300) | st.sampled_from(["../../etc/passwd", "C:\\fakepath\\a", "<img src=x onerror=alert(1)>", "~", "..", "a://b!/c", "-rf *?[a]", "\ud800", "a\x00b", "ü" * 300])  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGILE_HOME", str(tmp_path))
    return tmp_path


def kept(home: Path) -> Iterator[Path]:
    return (home / "uploads").glob("*/*")


@given(ODD, st.sampled_from([".csv", ".CSV", ".jsonl", ".csv.gz", ".zip", ".xlsx"]))
def test_whatever_a_file_is_called_it_is_kept_under_a_plain_name(stem: str, suffix: str) -> None:
    name = uploads.plain_name(f"{stem}{suffix}")
    assert name.endswith(suffix.lower())
    assert Path(name).name == name
    assert len(name.encode()) < 255
    assert not set(name) & set("/\\<>&\"'*?[]~!:$`| \x00\n")
    assert not name.startswith((".", "-"))
    assert uploads.plain_name(name) == name


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("comments.csv", "comments.csv"), ("C:\\fakepath\\My texts (2).CSV", "My_texts_(2).csv"), ("/etc/a b.jsonl", "a_b.jsonl"),
        ("überraschung.tsv", "überraschung.tsv"), (".csv.gz", "file.csv.gz"), ("x" * 300 + ".csv", "x" * 47 + "_" + "x" * 8 + ".csv"),
    ],
)  # fmt: skip
def test_a_name_is_what_is_left_of_it(name: str, plain: str) -> None:
    assert uploads.plain_name(name) == plain


@pytest.mark.parametrize(
    ("name", "said"),
    [("model.pkl", "may be a pickle"), ("notes.docx", "found suffix '.docx'; allowed are .csv"), ("noname", "found suffix ''"),
     ("a.gz", "found suffix '.gz'"), ("a.xlsx.gz", "found suffix '.gz'"), ("", "found suffix ''")],
)  # fmt: skip
def test_what_is_not_read_is_refused_by_its_name(name: str, said: str, home: Path) -> None:
    with pytest.raises(InputError, match=said):
        uploads.begin(name, 10)
    assert not list(kept(home))


def test_a_file_comes_in_parts_and_is_there_once_it_is_whole() -> None:
    upload = uploads.begin("a.csv", 10)
    assert not uploads.list_uploads()
    assert uploads.append(upload.id, 0, b"text\n").received == 5
    with pytest.raises(InputError, match="5 of 10 bytes have come in"):
        uploads.find_whole(upload.id)
    whole = uploads.append(upload.id, 5, b"a\nb\nc")
    assert (whole.received, whole.is_whole, whole.path.read_bytes()) == (10, True, b"text\na\nb\nc")
    assert uploads.list_uploads() == [whole]


def test_a_part_that_does_not_follow_or_is_too_much_changes_nothing() -> None:
    upload = uploads.begin("a.csv", 10)
    uploads.append(upload.id, 0, b"text\n")
    for offset in (0, 4, 6):
        with pytest.raises(OutOfStep, match=f"begins at byte 5, found {offset}"):
            uploads.append(upload.id, offset, b"a")
    with pytest.raises(InputError, match="10 bytes were announced, found 11"):
        uploads.append(upload.id, 5, b"123456")
    assert uploads.append(upload.id, 5, b"12345").is_whole
    with pytest.raises(OutOfStep):
        uploads.append(upload.id, 10, b"")


def test_two_of_one_name_are_two() -> None:
    first, second = (uploads.keep("a.csv", content) for content in (b"one", b"two"))
    assert [first.path.read_bytes(), second.path.read_bytes()] == [b"one", b"two"]
    uploads.remove(first.id)
    assert uploads.list_uploads() == [second]
    with pytest.raises(InputError, match="no file"):
        uploads.find(first.id)


def test_what_is_too_large_or_empty_is_refused_before_it_is_sent(home: Path) -> None:
    with pytest.raises(InputError, match=r"a.csv: has 12.0 MB; at most 10.0 MB are taken"):
        uploads.begin("a.csv", 12_000_000, most_bytes=10_000_000)
    with pytest.raises(InputError, match="the file is empty"):
        uploads.begin("a.csv", 0)
    assert not list(kept(home))


def test_a_disk_that_would_be_full_is_told_before_it_is_sent(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = shutil.disk_usage(home).free
    with pytest.raises(NoRoom, match=r"are free; a run needs 1,000.0 MB"):
        uploads.begin("a.csv", free, most_bytes=free)
    assert not list(kept(home))


def test_a_disk_that_is_full_is_told_and_leaves_nothing(home: Path) -> None:
    upload = uploads.begin("a.csv", 10)
    (upload.folder / "part").symlink_to("/dev/full")
    with pytest.raises(NoRoom, match="the disk is full"):
        uploads.append(upload.id, 0, b"text")
    assert not list(kept(home))


def test_what_never_came_whole_goes_after_a_day() -> None:
    left, fresh, whole = uploads.begin("a.csv", 10), uploads.begin("b.csv", 10), uploads.keep("c.csv", b"text")
    for upload in (left, whole):
        os.utime(upload.folder / uploads.RECORD, (0, 0))
    uploads.begin("d.csv", 10)
    assert [upload.folder.exists() for upload in (left, fresh, whole)] == [False, True, True]


@pytest.mark.parametrize("identity", ["..", "../..", "", "20260101T000000-0000000g", "a" * 300, "\x00"])
def test_no_other_place_is_looked_at(identity: str) -> None:
    with pytest.raises(InputError, match="no file"):
        uploads.find(identity)
