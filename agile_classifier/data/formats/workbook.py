"""Workbooks: the rows of a sheet of .xlsx or .ods, each cell as a spreadsheet would save it as text.

Whole numbers have no decimals, dates and times are ISO 8601, truth is TRUE or FALSE, a formula is its value, and a cell
without content, or with an error (#N/A), is an empty text.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from agile_classifier.data.formats.headers.check import refuse_headers
from agile_classifier.data.formats.packed import BROKEN, laid_out
from agile_classifier.data.formats.row import Row, RowFile, drop_unnamed_end, refuse_duplicates
from agile_classifier.errors import InputError, one_line

LARGEST_CONTENT = 2**30
"""Largest workbook, unpacked, in bytes: a sheet is held in memory while it is read."""
MOST_CELLS = 2**26
"""Cells from the first to the last of a sheet, empty ones among them, each of which takes memory."""
LARGEST_WHOLE = 10**15
"""Numbers up to this are written without an exponent; a spreadsheet knows no more digits."""

Cell = int | float | str | bool | time | date | datetime | timedelta

_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml|content\.xml")
_XLSX_CELL = re.compile(rb'<c [^>]*?r="([A-Z]{1,3})(\d{1,7})"[^>]*[^/]>')
_ODS_REPEATED = re.compile(rb'<table:table-cell (?=[^>]*value-type)[^>]*columns-repeated="(\d{4,})"')
_UNCOMPUTED = re.compile(rb'<c (?![^>]*t="str")[^>]*r="([A-Z]+\d+)"[^>]*><f[^>]*>[^<]*</f>(?:<v\s*/>|<v></v>)?</c>')


@dataclass
class _Table:
    """An open sheet whose columns are told."""

    names: list[str]
    width: int
    rows: Iterator[tuple[int, list[str]]]
    """Rows that are not blank, each with its number in the sheet."""
    height: int


class WorkbookFile(RowFile):
    """A sheet of a workbook; of a dialect its name and those of the columns count.

    The first row that is not blank names the columns. Blank rows are no rows, and columns without a name at the end are
    dropped while they hold nothing.

    Raises
    ------
    InputError
        On iterating: no workbook, no such sheet, several sheets with rows, or two columns of one name.
    """

    _at, _height = 0, 0

    @property
    def share(self) -> float:
        """Part of the sheet's rows that the latest iteration has read, from 0 to 1."""
        return self._at / self._height if self._height else 0.0

    def schema(self) -> pa.Schema:
        """Names of the columns; all are strings."""
        with self._table() as table:
            return pa.schema([(name, pa.string()) for name in table.names])

    def first_rows(self, n_rows: int) -> Iterator[list[str]]:
        """Cells of the first rows that are not blank, the names of the columns among them."""
        with self._sheet() as sheet:
            for _, cells in islice(_rows_of(sheet), n_rows):
                yield cells

    def _rows(self) -> Iterator[Row]:
        with self._table() as table:
            self._height = table.height
            for number, (line, cells) in enumerate(table.rows, start=1):
                self._at = line
                nameless = "".join(cells[len(table.names) :])
                complaint = f"{nameless!r} stands in a column without a name" if nameless else ""
                if len(cells) != table.width:
                    complaint = f"{len(cells)} cells; the columns are {table.width}"
                written = "\t".join(cells) if complaint else ""
                yield Row(
                    number, {} if complaint else dict(zip(table.names, cells, strict=False)), complaint, written, line
                )
            self._at = self._height

    @contextmanager
    def _table(self) -> Iterator[_Table]:
        with self._sheet() as sheet:
            rows = _rows_of(sheet)
            names = self.dialect.column_names
            if names is None:
                refuse_headers(self.path, lambda n_rows: [cells for _, cells in islice(_rows_of(sheet), n_rows)])
                _, first = next(rows, (0, []))
                if not first:
                    raise InputError(f"{self.path}: sheet {sheet.name!r} is empty")
                header = first
            else:
                header = list(names)
            kept = drop_unnamed_end(header)
            refuse_duplicates(self.path, kept)
            yield _Table(kept, len(header), rows, sheet.total_height)

    @contextmanager
    def _sheet(self) -> Iterator[CalamineSheet]:
        with laid_out(self.path) as file:
            _refuse_hostile(self.path, file)
            try:
                with CalamineWorkbook.from_filelike(file) as book:
                    yield self._find_sheet(book)
            except (CalamineError, OSError, ValueError) as error:
                raise InputError(f"{self.path}: is not a readable workbook: {one_line(error)}") from None

    def _find_sheet(self, book: CalamineWorkbook) -> CalamineSheet:
        named = self.dialect.sheet
        if named is not None:
            if named not in book.sheet_names:
                names = ", ".join(map(repr, book.sheet_names))
                raise InputError(f"{self.path}: no sheet {named!r} (data.sheet, --sheet); there are {names}")
            return book.get_sheet_by_name(named)
        tables = [sheet for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
        shown = [sheet.name for sheet in tables if sheet.visible == SheetVisibleEnum.Visible]
        filled = [name for name in shown or book.sheet_names if book.get_sheet_by_name(name).height]
        if len(filled) != 1:
            held = f"the sheets {', '.join(map(repr, filled))} hold rows" if filled else "no sheet holds rows"
            wanted = "; data.sheet (--sheet) names the one that is meant" if filled else ""
            raise InputError(f"{self.path}: {held}{wanted}")
        return book.get_sheet_by_name(filled[0])


def _rows_of(sheet: CalamineSheet) -> Iterator[tuple[int, list[str]]]:
    for line, cells in enumerate(sheet.iter_rows(), start=1):
        written = [_written(cell) for cell in cells]
        if any(written):
            yield line, written


def _written(cell: Cell) -> str:
    """A cell as text."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < LARGEST_WHOLE:
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)


def _refuse_hostile(path: Path, file: BinaryIO) -> None:
    """Refuse what would fill the memory, and formulas that no spreadsheet has computed yet."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if sum(info.file_size for info in members) > LARGEST_CONTENT:
                raise InputError(f"{path}: refused: unpacks to more than {LARGEST_CONTENT // 2**30} GiB")
            for info in members:
                if _SHEET.fullmatch(info.filename):
                    _scan_sheet(path, archive, info)
    except BROKEN as error:
        raise InputError(f"{path}: is not a readable workbook: {one_line(error)}") from None
    file.seek(0)


def _scan_sheet(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    rows, columns, kept = 1, 1, b""
    with archive.open(info) as stream:
        while chunk := stream.read(2**20):
            text = kept + chunk
            for match in _XLSX_CELL.finditer(text):
                columns, rows = max(columns, _column_number(match[1])), max(rows, int(match[2]))
            if uncomputed := _UNCOMPUTED.search(text):
                raise InputError(
                    f"{path}: the formula in {uncomputed[1].decode()} has no value yet: save it from a spreadsheet"
                )
            if repeated := _ODS_REPEATED.search(text):
                raise InputError(f"{path}: refused: one cell is repeated {int(repeated[1]):,} times")
            kept = text[-1000:]
    if rows * columns > MOST_CELLS:
        raise InputError(
            f"{path}: refused: cells stand {rows:,} rows and {columns:,} columns apart; remove the far ones"
        )


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number
