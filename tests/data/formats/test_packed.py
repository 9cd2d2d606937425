"""Packed files: the one file of rows in a zip, whatever its format, and nothing that a zip may do to a disk."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from agile_classifier.data.dialects.detection import detect_dialect
from agile_classifier.data.formats import packed
from agile_classifier.data.rows import FORMATS, open_rows
from agile_classifier.data.tables import read_table
from agile_classifier.errors import InputError


def write(path: Path, **members: str | bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    return path


def workbook() -> bytes:
    book, content = openpyxl.Workbook(), io.BytesIO()
    for row in (["text"], ["a"], ["b"]):
        book.active.append(row)
    book.save(content)
    return content.getvalue()


CONTENTS = {
    "x_csv": "text\na\nb\n",
    "Deep__x_TSV": "text\na\nb\n",
    "x_json": json.dumps([{"text": "a"}, {"text": "b"}]),
    "x_jsonl": '{"text": "a"}\n{"text": "b"}\n',
    "x_parquet": pd.DataFrame({"text": ["a", "b"]}).to_parquet(),
    "x_xlsx": workbook(),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_the_one_file_of_rows_in_a_zip_is_read(tmp_path: Path, name: str) -> None:
    members = {name: CONTENTS[name], "__MACOSX__._x_csv": b"\0", "picture_png": b"\0", "_hidden_csv": "x"}
    path = write(tmp_path / "Form.csv.zip", **members)
    rows = open_rows(path)
    assert [row.cells["text"] for row in rows] == ["a", "b"]
    assert rows.share == 1
    assert read_table(path, detect_dialect(path).dialect)["text"].tolist() == ["a", "b"]


def test_several_files_of_rows_or_none_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds one file of rows .*it holds 'a\.csv', 'b\.json': unpack the one"):
        open_rows(write(tmp_path / "two.zip", a_csv="text\na\n", b_json="[]", c_png=""))
    with pytest.raises(InputError, match=r"it holds 'c\.png'"):
        open_rows(write(tmp_path / "none.zip", c_png=""))
    with pytest.raises(InputError, match=r"it holds nothing"):
        open_rows(write(tmp_path / "empty.zip"))


def test_a_zip_made_to_fill_a_disk_or_to_run_for_ever_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "LARGEST_STREAMED", 1000)
    monkeypatch.setattr(packed, "LARGEST_LAID_OUT", 1000)
    with pytest.raises(InputError, match=r"refused: a\.csv unpacks to more than"):
        open_rows(write(tmp_path / "text.zip", a_csv="x" * 2000))
    monkeypatch.setattr(packed, "LARGEST_STREAMED", 2**30)
    with pytest.raises(InputError, match=r"refused: x\.parquet unpacks to more than"):
        read_table(write(tmp_path / "table.zip", x_parquet=CONTENTS["x_parquet"]))


def test_a_zip_that_is_broken_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.zip"
    path.write_bytes(b"text\na\n")
    with pytest.raises(InputError, match=r"rows\.zip: cannot be read: File is not a zip file"):
        open_rows(path)
    content = bytearray(write(path, a_csv="text\n" + "a,b\n" * 1000).read_bytes())
    content[40:60] = b"\xff" * 20
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"rows\.zip: cannot be read: "):
        list(open_rows(path))


def test_every_format_is_one_that_may_be_packed() -> None:
    assert sorted((*packed.STREAMED, *packed.LAID_OUT)) == sorted(FORMATS)


def test_a_name_in_a_zip_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ä.csv", "text\na\n")
    path.write_bytes(path.read_bytes().replace("ä".encode(), b"\xcd "))
    with pytest.raises(InputError, match=r"rows\.zip: cannot be read: "):
        open_rows(path)
