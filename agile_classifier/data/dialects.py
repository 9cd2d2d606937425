"""Dialect detection: how an undescribed file is read, with a sentence for each choice that is not the default."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from agile_classifier.config.data import Dialect
from agile_classifier.data.formats.delimited import DELIMITERS, DelimitedFile
from agile_classifier.data.formats.lines import WIDE, Lines, complain_of_bytes
from agile_classifier.data.rows import open_rows

ROWS_READ = 20_000
"""Rows that a guess rests on, from the top."""


@dataclass(frozen=True)
class Detected:
    """A dialect and why it is not the default."""

    dialect: Dialect
    reasons: tuple[str, ...]


def detect_dialect(path: Path) -> Detected:
    """Encoding, delimiter, quoting and header of a file of rows.

    The default of each where the format leaves nothing open.

    Raises
    ------
    InputError
        As `agile_classifier.data.rows.open_rows`.
    """
    file = open_rows(path)
    if not isinstance(file, DelimitedFile):
        return Detected(Dialect(), ())
    reasons = []
    encoding = _detect_encoding(path)
    if encoding != "utf-8":
        reasons.append(f"The bytes are not UTF-8; they were read as {encoding}.")
    dialect = _detect_delimiter(path, file.default, encoding)
    if dialect.delimiter is not None:
        reasons.append(
            f"Columns are parted by {dialect.delimiter!r}, which gives every row as many cells as the first."
        )
    if not dialect.quoting:
        reasons.append("Double quotes are plain characters here: read as enclosing cells, they do not match up.")
    rows = list(DelimitedFile(path, dialect, default=file.default).first_rows(2))
    if len(rows) == 2 and _starts_with_a_row(*rows):
        names = tuple(f"column_{number}" for number in range(1, len(rows[0]) + 1))
        dialect = dialect.model_copy(update={"column_names": names})
        reasons.append("The first line holds numbers, so it is a row, and the columns were given names.")
    return Detected(dialect, tuple(reasons))


def is_number(cell: str) -> bool:
    """Whether a cell is a finite number, as Python writes it."""
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _detect_encoding(path: Path) -> str:
    """Windows-1252 is what text of unknown origin is, when it is not UTF-8."""
    with Lines(path, "utf-8", newline="") as lines:
        if lines.start.startswith(WIDE["utf-16"]):
            return "utf-16"
        return "cp1252" if any(complain_of_bytes(chunk, "utf-8") for chunk in lines.chunks()) else "utf-8"


def _detect_delimiter(path: Path, usual: str, encoding: str) -> Dialect:
    for quoting in (True, False):
        tried = Dialect(encoding=encoding, quoting=quoting)
        widths = {
            other: DelimitedFile(path, tried.model_copy(update={"delimiter": other})).width(ROWS_READ)
            for other in DELIMITERS
        }
        best = usual if widths[usual] > 1 else max(DELIMITERS, key=lambda other: widths[other])
        if widths[best] > 1:
            return tried if best == usual else tried.model_copy(update={"delimiter": best})
    return Dialect(encoding=encoding)


def _starts_with_a_row(first: list[str], second: list[str]) -> bool:
    return any(is_number(upper) and is_number(lower) for upper, lower in zip(first, second, strict=False))
