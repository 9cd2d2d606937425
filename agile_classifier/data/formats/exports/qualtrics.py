"""Qualtrics: tables with three lines of headers: names of the columns, questions, and keys of the import."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from agile_classifier.errors import InputError

MARKS = frozenset({"ResponseId", "RecordedDate", "StartDate"})
"""Columns of every export, of which a person may have deleted some."""
KEY = '{"ImportId"'
"""How the cells of the third line begin."""


def refuse_headers(path: Path, names: Sequence[str], first_rows: Callable[[int], Iterable[Sequence[str]]]) -> None:
    """Refuse a table whose second and third line are headers, which would be read as examples.

    Parameters
    ----------
    names : sequence of str
        Columns of the table.
    first_rows : callable
        Gives that many of the first rows, the names among them.

    Raises
    ------
    InputError
        Says which lines to delete.
    """
    if not MARKS & set(names):
        return
    for number, row in enumerate(first_rows(3), start=1):
        if any(cell.replace(" ", "").startswith(KEY) for cell in row):
            which = "line 2 is a header" if number == 2 else "lines 2 and 3 are headers"
            raise InputError(
                f"{path}: {which} too, as Qualtrics writes them, and no answers: delete what follows line 1 up to the "
                f"ImportIds in line {number}"
            )
