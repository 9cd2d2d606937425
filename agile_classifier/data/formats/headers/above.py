"""Lines above the names: titles, notes, merged cells; or row numbers that the first line does not name."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median_low

from agile_classifier.errors import one_line


def complain(rows: Sequence[Sequence[str]]) -> str:
    """What stands in a first line that names few of the columns which rows fill; empty where it names them.

    Where one is found, says which line names the columns.
    """
    first, *below = rows
    usual = median_low(map(_count_filled, below)) if below else 0
    named = _count_filled(first)
    has_index = len(first) > 1 and not first[0].strip()
    if usual == named + 1 and len(first) == named and _are_numbered(below):
        return (
            "its rows begin with a number of the row, which the first line does not name: add its name there; "
            "R writes it with col.names = NA, and no such numbers with row.names = FALSE"
        )
    if named and named + has_index < usual and 2 * named <= usual:
        return f"its first line {_describe(first)} of {usual} columns that rows fill{_advise(below, usual)}"
    return ""


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


def _are_numbered(rows: Sequence[Sequence[str]]) -> bool:
    """Whether rows begin with whole numbers that rise."""
    begin = [row[0].strip() if row else "" for row in rows]
    numbers = [int(cell) for cell in begin if cell.isdecimal()]
    return len(numbers) == len(rows) and all(one < other for one, other in pairwise(numbers))
