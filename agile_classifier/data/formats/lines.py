"""Physical lines of a text file.

Any encoding, packed or not, in bounded memory, and a parser can give them back.

A byte that the encoding does not know ends nothing: it becomes a mark (half a surrogate pair, which no text holds), so
that only the row that it stands in is rejected.
"""

from __future__ import annotations

import codecs
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import Self, TypeVar, cast

from agile_classifier.data.formats.packed import BROKEN, unpack
from agile_classifier.data.formats.row import RowFile
from agile_classifier.errors import InputError, one_line

LONGEST_ROW = 2**22
"""Characters of a row, more than a long novel; without a bound, one quote that is never closed would take in the rest
of the file."""
SHOWN_LENGTH = 10_000
"""Characters kept of a row that cannot be read."""
CHUNK = 2**20
"""Characters read at once where lines do not matter."""
WIDE = {"utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)}
"""Encodings that Python's decoder of streams reads only after one of these marks."""

Read = TypeVar("Read")

_BOM = "\ufeff"
_MARKS = "mark bytes that are no text"
_MARK = re.compile("[\udc00-\udcff]")


class Overlong(Exception):
    """A row has more than LONGEST_ROW characters."""


class Lines:
    """Lines with their ends, that can be given back; a row may take several.

    Parameters
    ----------
    path, encoding : Path, str
        The file, and its encoding as Python names it; a byte order mark is dropped.
    newline : str
        As `open` takes it: `""` where each of \\n, \\r\\n and \\r ends a line.

    Raises
    ------
    InputError
        Python knows no such encoding, or the file cannot be unpacked.
    """

    def __init__(self, path: Path, encoding: str, *, newline: str) -> None:
        self.path, self.first = path, 0
        self._file, self._size = path.open("rb"), path.stat().st_size
        unpacked = cast(BufferedReader, unpack(path, self._file))
        self.start = self._reading(unpacked.peek, 4)[:4]
        try:
            self._text = TextIOWrapper(unpacked, encoding=_codec(encoding, self.start), errors=_MARKS, newline=newline)
        except (LookupError, ValueError):
            raise InputError(
                f"{path}: data.encoding is {encoding!r} (--encoding), no text encoding that Python knows"
            ) from None
        self._waiting, self._number, self._is_at_top = deque[str](), 0, True
        self._taken, self._n_taken = list[str](), 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._text.close()
        self._file.close()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._n_taken > LONGEST_ROW:
            raise StopIteration
        line = self._waiting.popleft() if self._waiting else self._read()
        if not line:
            raise StopIteration
        self._number += 1
        self._taken.append(line)
        self._n_taken += len(line)
        if isinstance(line, _Cut):
            raise Overlong(f"the line is longer than {LONGEST_ROW:,} characters")
        return line

    @property
    def share(self) -> float:
        """Part of the file that is read, from 0 to 1."""
        return 1.0 if self._file.closed else self._file.tell() / self._size

    @property
    def taken(self) -> str:
        """The row at hand, as it stands in the file."""
        return "".join(self._taken)

    @property
    def written(self) -> str:
        """The row at hand, cut after SHOWN_LENGTH characters; bytes that are no text as `\\x..`."""
        return self.shown(self.taken)

    def shown(self, text: str) -> str:
        """A part of the file as a person can be shown it, and as it can be written as text."""
        return _MARK.sub(lambda mark: f"\\x{_byte(mark[0]):02x}", text[:SHOWN_LENGTH].rstrip("\r\n"))

    def begin_row(self) -> None:
        """Forget what the last row took."""
        self._taken, self._n_taken, self.first = [], 0, self._number + 1

    def keep_first(self) -> str:
        """Give back all lines of the row at hand but its first: they may be rows of their own."""
        first, *rest = self._taken
        self._waiting.extendleft(reversed(rest))
        self._number -= len(rest)
        self._taken = [first]
        return first

    def skip_first(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Pass over the file's first line where the pattern is all that it holds."""
        line = self._read()
        match = pattern.fullmatch(line.rstrip("\r\n"))
        self._number += bool(match)
        if not match:
            self._waiting.append(line)
        return match

    def chunks(self) -> Iterator[str]:
        """What is left of the file, in pieces that know nothing of lines."""
        return iter(lambda: self._reading(self._text.read, CHUNK), "")

    def _read(self) -> str:
        line = self._reading(self._text.readline, LONGEST_ROW)
        is_cut = len(line) == LONGEST_ROW and not line.endswith(("\n", "\r"))
        if self._is_at_top:
            line, self._is_at_top = line.removeprefix(_BOM), False
        if not is_cut:
            return line
        while (rest := self._reading(self._text.readline, LONGEST_ROW)) and not rest.endswith(("\n", "\r")):
            pass
        return _Cut(line[:SHOWN_LENGTH])

    def _reading(self, read: Callable[[int], Read], size: int) -> Read:
        try:
            return read(size)
        except BROKEN as error:
            raise InputError(f"{self.path}: cannot be read: {one_line(error)}") from None


class TextFile(RowFile):
    """A file of rows that is made of lines."""

    newline = ""

    _lines: Lines | None = None

    @property
    def share(self) -> float:
        """Part of the file that the latest iteration has read, from 0 to 1."""
        return self._lines.share if self._lines else 0.0

    def _open(self) -> Lines:
        self._lines = self._read_anew()
        return self._lines

    def _read_anew(self) -> Lines:
        """The lines once more, beside an iteration whose `share` they leave alone."""
        return Lines(self.path, self.dialect.encoding, newline=self.newline)


class _Cut(str):
    """The beginning of a line that is too long."""


def complain_of_bytes(text: str, encoding: str) -> str:
    """Which byte of the text its encoding does not know; empty where all are text."""
    if text.isascii() or not (mark := _MARK.search(text)):
        return ""
    before = text[max(0, mark.start() - 20) : mark.start()]
    place = f"after {before!r}" if before else "at the start"
    found = f"byte 0x{_byte(mark[0]):02x} {place} is not {encoding.upper()}"
    return f"{found}; --encoding (in a config data.encoding) may name another"


def _codec(encoding: str, start: bytes) -> str:
    """Python's decoder of UTF-16 asks for a byte order mark, and without one goes by this machine's order."""
    name = codecs.lookup(encoding).name
    if name in WIDE and not start.startswith(WIDE[name]):
        return f"{name}-{sys.byteorder[0]}e"
    return name


def _byte(mark: str) -> int:
    return ord(mark) & 0xFF


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_MARKS, _mark)
