"""Scores as people write them: numbers, per cent, votes, stars, with a point or a comma."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Literal

from agile_classifier.data.text import is_missing

Decimal = Literal[".", ","]

MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "-", "–", "—", "\\n"})
"""Lower-cased cells that mean that no number was given, in a column of numbers."""

_GROUPED = re.compile(
    r"(?P<head>[+\-\u2212]?(?:\d{1,3}(?P<sign>[,.'’_ \u00a0\u2009\u202f])\d{3}(?:(?P=sign)\d{3})*"
    r"|\d{1,2}(?:,\d\d)+,\d{3}))"  # as in India
    r"(?:[.,](?P<rest>\d+))?"
)
_VOTES = re.compile(r"(.+?)\s*(?:/|\bof\b|\bout of\b)\s*(.+)", re.IGNORECASE)
_STARS = re.compile(r"(.*?\d)\s*(?:stars?|★|⭐)", re.IGNORECASE)
_ROW_OF_STARS = re.compile(r"[★⭐]*[☆✩]*")
_VARIATION = "\ufe0f"
"""Follows a character that is to be shown in colour, as many stars are."""


def read_score(cell: object, *, decimal: Decimal = ".") -> float | None:
    """The number that a cell stands for; NaN where nothing was given, None where it is no number.

    A share is written `75%`, `3/5` or `3 of 5`; stars are `★★★☆☆`, `3★` or `3 stars`. Where no one of none voted
    (`0/0`) nothing was given. Numbers are read to the last digit, infinite ones too; digits are not grouped.

    Parameters
    ----------
    decimal : {".", ","}
        What parts whole numbers from fractions, in cells that are text.

    Examples
    --------
    >>> [read_score(cell) for cell in ("0.25", "75 %", "3/5", "★★★☆☆", 4, "n/a", "0,5", "high")]
    [0.25, 0.75, 0.6, 3.0, 4.0, nan, None, None]
    >>> read_score("0,5", decimal=",")
    0.5
    """
    if is_missing(cell):
        return math.nan
    if not isinstance(cell, str):
        return _of_number(cell)
    text = cell.strip().replace(_VARIATION, "")
    if text.lower() in MISSING:
        return math.nan
    if text.endswith("%"):
        number = _of_text(text[:-1], decimal)
        return None if number is None else number / 100
    return _of_stars(text, decimal)


def is_no_score(cell: object) -> bool:
    """Whether a cell of a column of numbers says that none was given.

    >>> [is_no_score(cell) for cell in ("", "n/a", "0", "high")]
    [True, True, False, False]
    """
    number = read_score(cell)
    return number is not None and math.isnan(number)


def is_share(cell: object) -> bool:
    """Whether a cell is written as a part of a whole (`75%`, `3/5`), so that it lies between 0 and 1 as a number.

    >>> [is_share(cell) for cell in ("75%", "3/5", "0.6", 0.6, "n/a")]
    [True, True, False, False, False]
    """
    if not isinstance(cell, str) or cell.strip().lower() in MISSING:
        return False
    stars = _STARS.fullmatch(cell.strip())
    text = (stars[1] if stars else cell).strip()
    return text.endswith("%") or _VOTES.fullmatch(text) is not None


def ungroup(cell: object, *, decimal: Decimal = ".") -> str | None:
    """The number that a cell seems to stand for whose digits are grouped, written without; None for any other cell.

    Such a cell is no score: `1,037` may be 1037 or, with a decimal comma, 1.037.

    >>> [ungroup(cell) for cell in ("1,037", "1.037,5", "1 037", "1'037", "1.037", "0.5", "high")]
    ['1037', '1037.5', '1037', '1037', None, None, None]
    """
    if not isinstance(cell, str) or read_score(cell, decimal=decimal) is not None:
        return None
    found = _GROUPED.fullmatch(cell.strip())
    if found is None or (found["rest"] and _repeats_sign(found)):
        return None
    whole = re.sub(r"[^\d+\-]", "", found["head"].replace("\u2212", "-"))
    return f"{whole}.{found['rest']}" if found["rest"] else whole


def suggest_decimal(cells: Sequence[object], *, decimal: Decimal = ".") -> Decimal | None:
    """The other decimal mark, where every cell is a number with it though not every one is with this one.

    >>> suggest_decimal(["0,2", "1"])
    ','
    """
    other: Decimal = "," if decimal == "." else "."
    if all(read_score(cell, decimal=decimal) is not None for cell in cells):
        return None
    return other if all(read_score(cell, decimal=other) is not None for cell in cells) else None


def _repeats_sign(found: re.Match[str]) -> bool:
    """Whether what parts the thousands would part the fraction too."""
    return found[0][found.end("head")] == (found["sign"] or ",")


def suggest_readings(cells: Sequence[object], *, decimal: Decimal = ".") -> list[str]:
    """What would make numbers of all cells, of which some are none: digits without groups, another decimal mark.

    >>> suggest_readings(["1,037", "12"])[0]
    'digits are grouped, it seems: write 1037, without a sign between thousands'
    """
    bad = [cell for cell in cells if read_score(cell, decimal=decimal) is None]
    plain = [ungroup(cell, decimal=decimal) for cell in bad]
    other = suggest_decimal(cells, decimal=decimal)
    grouped = f"digits are grouped, it seems: write {next(iter(plain), '')}, without a sign between thousands"
    marked = f"with data.decimal: '{other}' all of them are numbers"
    return [grouped] * (bool(plain) and all(plain)) + [marked] * bool(other)


def _of_stars(text: str, decimal: Decimal) -> float | None:
    if _ROW_OF_STARS.fullmatch(text):
        return float(len(text.rstrip("☆✩")))
    starred = _STARS.fullmatch(text)
    plain = starred[1] if starred else text
    votes = _VOTES.fullmatch(plain)
    return _of_votes(votes[1], votes[2], decimal) if votes else _of_text(plain, decimal)


def _of_votes(given: str, asked: str, decimal: Decimal) -> float | None:
    part, whole = _of_text(given, decimal), _of_text(asked, decimal)
    if part is None or whole is None or not 0 <= part <= whole:
        return None
    return part / whole if whole else math.nan


def _of_text(text: str, decimal: Decimal) -> float | None:
    other = "." if decimal == "," else ","
    if "_" in text or other in text:
        return None
    return _of_number(text.replace(decimal, ".").replace("\u2212", "-"))


def _of_number(cell: object) -> float | None:
    try:
        return float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
