"""Delimiter detection: the character, quoting and escape with which the rows of a file agree on their columns."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from agile_classifier.config.addresses.dialect import Dialect
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


def detect_delimiter(path: Path, usual: str, told: Dialect, *, said: Collection[str] = (), n_rows: int) -> Dialect:
    """Delimiter, quoting and escape of a delimited file; `usual` is the delimiter of its suffix.

    Of `told`, the encoding is kept, and every field of `said`. The first way of quoting in which all rows agree wins,
    then the way in which most do, so that a bad row is named rather than read in another way. Where quoted cells hold
    line ends, but each line is a whole row without quotes, quotes are plain characters.
    """
    nearest = None
    delimiters = (told.delimiter or usual,) if "delimiter" in said else (*DELIMITERS, *RARE_DELIMITERS)
    for style in _styles(path, told, said):
        readings = [_read(path, style, delimiter, usual, n_rows) for delimiter in delimiters]
        if best := _best([reading for reading in readings if reading.is_clean]):
            plain = None if "quoting" in said else _line_by_line(path, best, told, usual, n_rows)
            return plain or best.dialect
        most = max(readings, key=lambda reading: (reading.width > 1, reading.share, reading.is_usual))
        if most.width > 1 and most.share >= AGREEING and (nearest is None or most.share > nearest.share):
            nearest = most
    return nearest.dialect if nearest else told


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


def _styles(path: Path, told: Dialect, said: Collection[str]) -> Iterator[Dialect]:
    """Ways of quoting that what is said leaves open, the commonest first."""
    has_quote, has_escape = _holds(path, told.encoding, '"'), _holds(path, told.encoding, ESCAPE)
    yield told
    changes: list[dict[str, object]] = []
    if has_escape and (has_quote or "quoting" in said):
        changes.append({"escape": ESCAPE})
    if has_quote:
        changes.append({"quoting": False})
    if has_escape:
        changes.append({"quoting": False, "escape": ESCAPE})
    for change in changes:
        if all(name not in said or value == getattr(told, name) for name, value in change.items()):
            yield told.model_copy(update=change)


def _holds(path: Path, encoding: str, sign: str) -> bool:
    with Lines(path, encoding, newline="") as lines:
        return sign in next(lines.chunks(), "")


def _best(clean: list[_Reading]) -> _Reading | None:
    usual = next((reading for reading in clean if reading.is_usual), None)
    known = [reading for reading in clean if reading.dialect.delimiter not in RARE_DELIMITERS]
    return usual or max(known or clean, key=lambda reading: reading.width, default=None)


def _line_by_line(path: Path, quoted: _Reading, told: Dialect, usual: str, n_rows: int) -> Dialect | None:
    """The dialect without quoting, where it makes a row of as many cells of every single line."""
    if not (quoted.spans_lines and quoted.dialect.quoting):
        return None
    style = told.model_copy(update={"quoting": False})
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
