"""Check of the first lines: one for every command, so that `init`, `train` and `score` refuse a file by one line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from agile_classifier.data.formats.headers import above, drawn, surveys, wrapped
from agile_classifier.errors import InputError

LOOKED_AT = 51
"""Lines, from the top, that the check sees: the names and the rows that they are compared with."""
CHECKS = (drawn.complain, wrapped.complain, surveys.complain, above.complain)
"""What may be wrong with the first lines, the surest first."""


def refuse_headers(path: Path, first_rows: Callable[[int], Iterable[Sequence[str]]]) -> None:
    """Refuse a table whose first lines are not the names of its columns and then rows.

    Parameters
    ----------
    first_rows : callable
        Gives that many of the first lines, the names among them, as cells.

    Raises
    ------
    InputError
        Says what stands there, and which lines to delete.
    """
    rows = list(first_rows(LOOKED_AT))
    complaint = next((found for check in CHECKS if rows and (found := check(rows))), "")
    if complaint:
        raise InputError(f"{path}: {complaint}")
