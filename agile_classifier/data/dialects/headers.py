"""Headers: whether the first line names the columns, or something else stands above their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median_low

from agile_classifier.config.data import Dialect
from agile_classifier.data.formats.delimited import DelimitedFile
from agile_classifier.data.formats.workbook import WorkbookFile
from agile_classifier.data.rows import open_rows
from agile_classifier.errors import InputError, one_line

COMPARED_ROWS = 50
"""Rows that the first line is compared with."""


def refuse_lines_above(path: Path, dialect: Dialect) -> None:
    """Refuse a file whose first line names few of the columns that its rows fill: a title, notes, merged cells.

    Raises
    ------
    InputError
        Says what stands in the first line and, where one is found, which line names the columns.
    """
    file = open_rows(path, dialect)
    if dialect.column_names is not None or not isinstance(file, DelimitedFile | WorkbookFile):
        return
    first, *below = list(file.first_rows(1 + COMPARED_ROWS)) or [[]]
    usual = median_low(map(_count_filled, below)) if below else 0
    named = _count_filled(first)
    has_index = len(first) > 1 and not first[0].strip()
    if usual == named + 1 and len(first) == named and all(map(_begins_with_number, below)):
        raise InputError(
            f"{path}: its rows begin with a number of the row, which the first line does not name: add its name there; "
            "R writes it with col.names = NA, and no such numbers with row.names = FALSE"
        )
    if named + has_index < usual and 2 * named <= usual:
        raise InputError(
            f"{path}: its first line {_describe(first)} of {usual} columns that rows fill{_advise(below, usual)}"
        )


def _describe(first: Sequence[str]) -> str:
    filled = [cell.strip() for cell in first if cell.strip()]
    return f"names {len(filled)} ({', '.join(one_line(cell, longest=40) for cell in filled[:3])})"


def _advise(below: Sequence[Sequence[str]], usual: int) -> str:
    place = next((place for place, row in enumerate(below) if _count_filled(row) >= usual), 0)
    names = ", ".join(repr(cell.strip()) for cell in below[place] if cell.strip())
    above = f"delete what stands above them, perhaps above {one_line(names, longest=80)}"
    return f": the names of the columns must stand first; {above}"


def _count_filled(row: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in row)


def _begins_with_number(row: Sequence[str]) -> bool:
    return bool(row) and row[0].strip().isdecimal()
