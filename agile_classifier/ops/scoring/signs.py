"""Signs: what a file of text says about itself before it is parsed.

Its byte order mark, its first line, whether its bytes can be of an encoding, whether quotes may be plain characters.
"""

from __future__ import annotations

import codecs
import re
from itertools import islice
from pathlib import Path

from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.data.formats.delimited import SEP_LINE, DelimitedFile
from agile_classifier.data.formats.lines import Lines
from agile_classifier.data.formats.row import Row
from agile_classifier.data.rows import open_rows

ROWS_LOOKED_AT = 20_000
"""Rows, from the top, in which one that spans lines is looked for."""
MARKS = (
    ("utf-8", codecs.BOM_UTF8), ("utf-32", codecs.BOM_UTF32_LE), ("utf-32", codecs.BOM_UTF32_BE),
    ("utf-16", codecs.BOM_UTF16_LE), ("utf-16", codecs.BOM_UTF16_BE),
)  # fmt: skip
"""Encodings by the byte order mark that a file begins with; that of UTF-32 begins like that of UTF-16."""

_BEYOND_ASCII = re.compile(r"\S*[^\x00-\x7f]\S*")


def read_mark(path: Path) -> str | None:
    """Encoding that a text file's byte order mark names; None without one."""
    start = _read_start(path)
    return next((encoding for encoding, mark in MARKS if start.startswith(mark)), None)


def read_first_line(path: Path, encoding: str) -> tuple[str, str]:
    """First line of a text file and its end (`\\n`, `\\r\\n`, `\\r`); a line `sep=…` is no line."""
    with Lines(path, encoding, newline="") as lines:
        lines.skip_first(SEP_LINE)
        line = next(lines, "")
    body = line.rstrip("\r\n")
    return body, line[len(body) :] or "\n"


def read_named_delimiter(path: Path, encoding: str) -> str | None:
    """Delimiter that a first line `sep=…` names; None without one."""
    with Lines(path, encoding, newline="") as lines:
        match = lines.skip_first(SEP_LINE)
    return match[1] if match else None


def contradiction(path: Path, encoding: str) -> str:
    """Why a text file without a byte order mark is hardly of an encoding other than UTF-8; empty where it may be.

    Text of a code page is next to never valid UTF-8 by chance, and UTF-16 holds NUL bytes wherever it holds ASCII.
    """
    start, name = _read_start(path), codecs.lookup(encoding).name
    if name.startswith(("utf-16", "utf-32")):
        return "" if b"\0" in start or not start.isascii() else "its bytes are plain ASCII"
    if name == "utf-8" or start.isascii():
        return ""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return ""
    word = _BEYOND_ASCII.search(text)
    shown = word[0] if word else ""
    return f"its bytes are UTF-8: {shown!r} would be {shown.encode().decode(encoding, errors='replace')!r}"


def find_doubtful_row(path: Path, dialect: Dialect) -> Row | None:
    """First row that spans lines, in a file whose rows are as wide as the header where quotes are plain characters.

    Both readings are possible then: a quotation of one writer encloses cells of the other.
    """
    rows = open_rows(path, dialect)
    if not isinstance(rows, DelimitedFile) or not dialect.quoting or b'"' not in _read_start(path):
        return None
    spans = (row for row in islice(rows, ROWS_LOOKED_AT) if any(_spans_lines(cell) for cell in row.cells.values()))
    row = next(spans, None)
    plain = DelimitedFile(path, dialect.model_copy(update={"quoting": False}), default=rows.default)
    return row if row is not None and plain.width(ROWS_LOOKED_AT) == len(rows.names()) else None


def _spans_lines(cell: object) -> bool:
    return isinstance(cell, str) and ("\n" in cell or "\r" in cell)


def _read_start(path: Path) -> bytes:
    """First bytes of a file, about a million, unpacked."""
    with Lines(path, "latin-1", newline="") as lines:
        return next(lines.chunks(), "").encode("latin-1")
