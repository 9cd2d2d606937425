"""Workbooks: cells as a spreadsheet would save them as text, the right sheet, and no memory filled by a hostile one."""

from __future__ import annotations

import zipfile
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.data.dialects.detection import detect_dialect
from agile_classifier.data.rows import open_rows
from agile_classifier.data.tables import read_table
from agile_classifier.errors import InputError

NOON = datetime(2026, 5, 1, 12, 30)  # noqa: DTZ001  (a workbook knows no time zones)
SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
)


def write(path: Path, **sheets: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def write_ods(path: Path, table: str) -> Path:
    """A document of OpenOffice, LibreOffice or Google, as far as it matters here."""
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", kind)
        entry = f'<m:file-entry m:full-path="/" m:media-type="{kind}"/>'
        archive.writestr(
            "META-INF/manifest.xml",
            f'<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">{entry}</m:manifest>',
        )
        archive.writestr(
            "content.xml",
            f"<office:document-content {SPACES}><office:body><office:spreadsheet>"
            f'<table:table table:name="A">{table}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return path


def ods_row(*cells: str | float) -> str:
    written = (
        f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
        if isinstance(cell, str)
        else f'<table:table-cell office:value-type="float" office:value="{cell}"><text:p>{cell:.0f}</text:p></table:table-cell>'
        for cell in cells
    )
    return f"<table:table-row>{''.join(written)}</table:table-row>"


EMPTY_END = (
    '<table:table-row table:number-rows-repeated="1048570"><table:table-cell table:number-columns-repeated="16384"/>'
    "</table:table-row>"
)


def test_cells_are_what_a_spreadsheet_saves_as_text(tmp_path: Path) -> None:
    cells = ["NA", "007", 7, 7.0, 0.1, -1e-7, 1e20, True, date(2026, 5, 1), NOON, time(1, 2)]
    path = write(tmp_path / "rows.xlsx", S=[["text", *range(10)], cells, [" a\n b ", *[None] * 10]])
    first, second = open_rows(path)
    said = ["NA", "007", "7", "7", "0.1", "-1e-07", "1e+20", "TRUE", "2026-05-01", "2026-05-01T12:30:00", "01:02:00"]
    assert list(first.cells.values()) == said
    assert list(second.cells.values()) == [" a\n b ", *[""] * 10]
    assert list(first.cells) == ["text", *map(str, range(10))]


def test_blank_rows_and_unnamed_columns_at_the_end_are_no_content(tmp_path: Path) -> None:
    rows = [[], ["text", "label", None, " "], ["a", "x"], [None, None], ["b", "y"]]
    rows[1][3] = None
    path = write(tmp_path / "rows.xlsx", S=rows)
    assert [(row.cells, row.place) for row in open_rows(path)] == [
        ({"text": "a", "label": "x"}, "row 1 (line 3)"),
        ({"text": "b", "label": "y"}, "row 2 (line 5)"),
    ]


def test_the_one_sheet_with_rows_is_read_and_of_several_the_named_one(tmp_path: Path) -> None:
    rows = [["text"], ["a"]]
    assert len(read_table(write(tmp_path / "one.xlsx", Notes=[], Data=rows))) == 1
    path = write(tmp_path / "two.xlsx", Data=rows, More=[["text"], ["b"], ["c"]])
    with pytest.raises(InputError, match=r"the sheets 'Data', 'More' hold rows; data\.sheet \(--sheet\) names"):
        read_table(path)
    assert read_table(path, Dialect(sheet="More"))["text"].tolist() == ["b", "c"]
    with pytest.raises(InputError, match=r"no sheet 'Other' .*there are 'Data', 'More'"):
        read_table(path, Dialect(sheet="Other"))
    with pytest.raises(InputError, match="no sheet holds rows"):
        read_table(write(tmp_path / "none.xlsx", A=[], B=[]))


def test_a_hidden_sheet_is_read_only_where_it_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.xlsx", Data=[["text"], ["a"]], Lists=[["x"], ["y"]])
    book = openpyxl.load_workbook(path)
    book["Lists"].sheet_state = "hidden"
    book.save(path)
    assert read_table(path)["text"].tolist() == ["a"]
    assert read_table(path, Dialect(sheet="Lists"))["x"].tolist() == ["y"]


def test_an_open_document_is_read_the_same(tmp_path: Path) -> None:
    path = write_ods(
        tmp_path / "rows.ods", ods_row("text", "n") + ods_row("so good", 0.5) + ods_row("b", 2.0) + EMPTY_END
    )
    assert [list(row.cells.values()) for row in open_rows(path)] == [["so good", "0.5"], ["b", "2"]]


def test_a_formula_is_its_value_and_one_that_was_never_computed_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.xlsx", S=[["text", "n"], ["a", "=1+1"]])
    with pytest.raises(InputError, match="the formula in B2 has no value yet"):
        read_table(path)
    name = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(
                member,
                content.replace(b"<v />", b"<v>2</v>").replace(b"<v></v>", b"<v>2</v>") if member == name else content,
            )
    assert read_table(path)["n"].tolist() == ["2"]


def test_a_sheet_without_a_header_is_found_and_read(tmp_path: Path) -> None:
    texts = ["what a lovely day it was", "go away you stupid fool", "nobody expected this at all"]
    path = write(tmp_path / "rows.xlsx", S=[[text, number % 2] for number, text in enumerate(texts)])
    found = detect_dialect(path).dialect
    assert found.column_names == ("column_1", "column_2")
    assert read_table(path, found)["column_1"].tolist() == texts


def test_cells_far_apart_and_cells_repeated_without_end_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.xlsx", S=[["text"], ["a"]])
    book = openpyxl.load_workbook(path)
    book["S"]["XFD1048576"] = "x"
    book.save(path)
    with pytest.raises(InputError, match="1,048,576 rows and 16,384 columns apart"):
        read_table(path)
    repeated = '<table:table-cell office:value-type="string" table:number-columns-repeated="16384"><text:p>x</text:p></table:table-cell>'
    bomb = f'<table:table-row table:number-rows-repeated="1048570">{repeated}</table:table-row>'
    with pytest.raises(InputError, match="one cell is repeated 16,384 times"):
        read_table(write_ods(tmp_path / "bomb.ods", ods_row("text") + bomb))


@pytest.mark.parametrize("content", [b"text,n\na,1\n", b"PK\x03\x04\0\0", b"\xd0\xcf\x11\xe0" * 100])
def test_what_is_no_workbook_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.xlsx"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"rows\.xlsx: is not a readable workbook: "):
        read_table(path)


def test_columns_of_one_name_and_content_without_a_name_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 columns are named 'a'"):
        read_table(write(tmp_path / "rows.xlsx", S=[["a", "a"], ["1", "2"]]))
    path = write(tmp_path / "rows.xlsx", S=[["a", "b", "c", None, None], ["1", "2", "3", "4", "5"]])
    with pytest.raises(InputError, match=r"row 1 \(line 2\): '45' stands in a column without a name"):
        read_table(path)
