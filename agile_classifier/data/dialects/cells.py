"""Cells of the first rows: whether they are numbers, of which decimal mark, and whether the first line is a row."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from statistics import fmean, median

Rows = Sequence[Sequence[str]]

LONG_TEXT = 15
"""Characters on average from which a column of cells without spaces may be a text."""

_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?\s?%?")
_DIGIT = re.compile(r"\d")
_WHOLE = re.compile(r"[+-]?\d+\s?%?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")


def is_number(cell: str) -> bool:
    """Whether a cell is a finite number, as Python writes it."""
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def find_decimal_commas(names: Sequence[str], rows: Rows) -> str | None:
    """The first column whose cells are all numbers, some of them with a decimal comma; None where there is none.

    Numbers that may all be thousands (`1,200`) are none.
    """
    for name, cells in zip(names, zip(*rows, strict=False), strict=False):
        given = [cell.strip() for cell in cells if cell.strip()]
        commas = [cell for cell in given if _DECIMAL_COMMA.fullmatch(cell)]
        rest = [cell for cell in given if not _DECIMAL_COMMA.fullmatch(cell)]
        if commas and all(map(_WHOLE.fullmatch, rest)) and not all(map(_THOUSANDS.fullmatch, commas)):
            return name
    return None


def starts_with_a_row(first: Sequence[str], rows: Rows) -> bool:
    """Whether the first line is a row like the rows below it, rather than the names of the columns.

    It is where its cell of the text column looks like a text of that column, and another cell is a number above
    numbers or a class that stands below it again.
    """
    columns = [[row[place] for row in rows if place < len(row)] for place in range(len(first))]
    if not rows or any(_is_name_of_numbers(cell, cells) for cell, cells in zip(first, columns, strict=True)):
        return False
    text = max(range(len(first)), key=lambda place: fmean(map(len, columns[place] or [""])))
    others = [place for place in range(len(first)) if place != text]
    if any(_is_name_of_codes(first[place], columns[place]) for place in others):
        return False
    if not _looks_like_text(first[text], columns[text]):
        return False
    return any(_is_value(first[place], columns[place]) for place in others)


def _is_name_of_numbers(cell: str, below: Sequence[str]) -> bool:
    return bool(cell.strip()) and not _is_numeric(cell) and len(below) > 1 and all(map(_is_numeric, below))


def _is_name_of_codes(cell: str, below: Sequence[str]) -> bool:
    """Whether a cell without a digit stands above cells that all have one: dates, keys, addresses."""
    given = [other for other in below if other.strip()]
    return bool(cell.strip()) and not _DIGIT.search(cell) and len(given) > 1 and all(map(_DIGIT.search, given))


def _is_value(cell: str, below: Sequence[str]) -> bool:
    given = [other for other in below if other.strip()]
    if not given or not cell.strip():
        return False
    is_class = cell in given and len(set(given)) > 1  # an option that was ticked or not is named by its only value
    return is_class or (_is_numeric(cell) and sum(map(_is_numeric, given)) * 2 > len(given))


def _looks_like_text(cell: str, below: Sequence[str]) -> bool:
    if _is_numeric(cell) and sum(map(_is_numeric, below)) * 2 <= len(below):
        return False
    several_words = sum(" " in other.strip() for other in below) * 2 > len(below)
    if several_words and " " in cell.strip():
        return True
    lengths = [len(other) for other in below if other.strip()] or [0]
    return len(cell) >= (min(lengths) if median(lengths) < LONG_TEXT else median(lengths) / 2)


def _is_numeric(cell: str) -> bool:
    return is_number(cell) or bool(_DECIMAL_COMMA.fullmatch(cell.strip()))
