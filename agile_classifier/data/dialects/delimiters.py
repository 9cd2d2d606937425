"""Delimiter detection: the character, quoting and escape with which the rows of a file agree on their columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agile_classifier.config.data import Dialect
from agile_classifier.data.formats.delimited import DELIMITERS, DelimitedFile
from agile_classifier.data.formats.lines import Lines

RARE_DELIMITERS = ("^", "~", "\x1f", "\x01", "¦", "§")
"""Delimiters that are tried where none of the usual ones gives more than one column."""
ESCAPE = "\\"
AGREEING = 0.9
"""Share of rows that must have as many cells as the first, where no reading makes them all agree."""

_BACKSLASHES = re.compile(r"\\+")


@dataclass(frozen=True)
class _Reading:
    """How the first rows look, read in one way."""

    dialect: Dialect
    is_usual: bool
    width: int
    """Cells of the first row."""
    share: float
    """Share of the rows that have as many, and that can be read."""
    spans_lines: bool
    """Whether a cell holds a line end."""

    @property
    def is_clean(self) -> bool:
        return self.width > 1 and self.share == 1


def detect_delimiter(path: Path, usual: str, encoding: str, *, n_rows: int) -> Dialect:
    """Delimiter, quoting and escape of a delimited file; `usual` is the delimiter of its suffix.

    The first way of quoting in which all rows agree wins, then the way in which most do, so that a bad row is named
    rather than read in another way. Where quoted cells hold line ends, but each line is a whole row without quotes,
    quotes are plain characters.
    """
    nearest = None
    for style in _styles(path, encoding):
        readings = [_read(path, style, delimiter, usual, n_rows) for delimiter in (*DELIMITERS, *RARE_DELIMITERS)]
        if best := _best([reading for reading in readings if reading.is_clean]):
            return _line_by_line(path, best, usual, n_rows) or best.dialect
        most = max(readings, key=lambda reading: (reading.width > 1, reading.share, reading.is_usual))
        if most.width > 1 and most.share >= AGREEING and (nearest is None or most.share > nearest.share):
            nearest = most
    return nearest.dialect if nearest else Dialect(encoding=encoding)


def remark_on_escape(path: Path, dialect: Dialect) -> str | None:
    """A sentence, where backslashes stand in pairs alone, as a program writes them that escapes by backslashes."""
    with Lines(path, dialect.encoding, newline="") as lines:
        head = next(lines.chunks(), "")
    pair = _BACKSLASHES.search(head)
    if pair is None or dialect.escape is not None or any(len(run) % 2 for run in _BACKSLASHES.findall(head)):
        return None
    near = head[pair.start() - min(20, pair.start()) : pair.end() + 20].splitlines()
    line = next(line for line in near if ESCAPE in line)
    return f"Backslashes stand in pairs alone, as in {line}: with data.escape '\\' (--escape) each pair is one."


def _styles(path: Path, encoding: str) -> Iterator[Dialect]:
    """Ways of quoting, the commonest first."""
    has_quote, has_escape = _holds(path, encoding, '"'), _holds(path, encoding, ESCAPE)
    yield Dialect(encoding=encoding)
    if has_quote and has_escape:
        yield Dialect(encoding=encoding, escape=ESCAPE)
    if has_quote:
        yield Dialect(encoding=encoding, quoting=False)
    if has_escape:
        yield Dialect(encoding=encoding, quoting=False, escape=ESCAPE)


def _holds(path: Path, encoding: str, sign: str) -> bool:
    with Lines(path, encoding, newline="") as lines:
        return sign in next(lines.chunks(), "")


def _best(clean: list[_Reading]) -> _Reading | None:
    usual = next((reading for reading in clean if reading.is_usual), None)
    known = [reading for reading in clean if reading.dialect.delimiter not in RARE_DELIMITERS]
    return usual or max(known or clean, key=lambda reading: reading.width, default=None)


def _line_by_line(path: Path, quoted: _Reading, usual: str, n_rows: int) -> Dialect | None:
    """The dialect without quoting, where it makes a row of as many cells of every single line."""
    if not (quoted.spans_lines and quoted.dialect.quoting):
        return None
    style = Dialect(encoding=quoted.dialect.encoding, quoting=False)
    plain = _read(path, style, quoted.dialect.delimiter or usual, usual, n_rows)
    return plain.dialect if plain.is_clean and plain.width == quoted.width else None


def _read(path: Path, style: Dialect, delimiter: str, usual: str, n_rows: int) -> _Reading:
    tried = style.model_copy(update={"delimiter": delimiter})
    width = n_read = n_agreeing = 0
    spans_lines = False
    for cells in DelimitedFile(path, tried).first_rows(n_rows):
        width = width or len(cells)
        n_read += 1
        n_agreeing += len(cells) >= width > 0 and not any(cells[width:])
        spans_lines = spans_lines or any("\n" in cell or "\r" in cell for cell in cells)
        if n_read == 1 and width <= 1:
            break
    share, is_usual = n_agreeing / n_read if n_read else 0.0, delimiter == usual
    return _Reading(style if is_usual else tried, is_usual, width, share, spans_lines)
