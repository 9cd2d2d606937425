"""Wrapped lines: a whole row in one pair of quotes, as when a table was saved as a table of one column."""

from __future__ import annotations

from collections.abc import Sequence

SIGNS = (",", ";", "\t", "|")
FEWEST_ROWS = 3
"""Lines from which it is no chance that each holds the sign."""


def complain(rows: Sequence[Sequence[str]]) -> str:
    """Whether every line is one cell that holds a row, whether or not its quotes are read; empty where none is."""
    if len(rows) < FEWEST_ROWS:
        return ""
    is_cut = all(len(row) > 1 and _opens(row[0]) and _opens(row[-1][::-1]) for row in rows)
    sign = next((sign for sign in SIGNS if all(len(row) == 1 and sign in row[0] for row in rows)), None)
    if is_cut or sign:
        return (
            "each line stands in quotes as a whole, so that a row is one cell: save the table from the program that it "
            "comes from, or remove the quotes at both ends of every line"
        )
    return ""


def _opens(cell: str) -> bool:
    """Whether a cell begins with a quote that is not closed at its end."""
    return cell.startswith('"') and not (len(cell) > 1 and cell.endswith('"'))
