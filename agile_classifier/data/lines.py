"""Physical lines: a text file line by line, lines of any length in bounded memory, that a parser can give back."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TextIO

LONGEST_ROW = 2**22
"""Characters of a row, more than a long novel; without a bound, one quote that is never closed would take in the rest of the file."""
SHOWN_LENGTH = 10_000
"""Characters kept of a row that cannot be read."""


class Overlong(Exception):
    """A line has more than LONGEST_ROW characters."""


class _Cut(str):
    """The beginning of such a line."""


@dataclass
class Lines:
    """Lines with their ends, that can be given back; a row may take several."""

    file: TextIO
    first: int = 0
    """Line on which the row at hand starts, from 1."""
    _number: int = 0
    _taken: list[str] = field(default_factory=list)
    _n_taken: int = 0
    _waiting: deque[str] = field(default_factory=deque)

    @property
    def written(self) -> str:
        """The first line of the row at hand, bytes that are not UTF-8 as `\\x..`."""
        line = "".join(self._taken)[:SHOWN_LENGTH].rstrip("\r\n")
        return line.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")

    def begin_row(self) -> None:
        """Forget what the last row took."""
        self._taken, self._n_taken, self.first = [], 0, self._number + 1

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

    def _read(self) -> str:
        line = self.file.readline(LONGEST_ROW)
        if len(line) < LONGEST_ROW or line.endswith(("\n", "\r")):
            return line
        while (rest := self.file.readline(LONGEST_ROW)) and not rest.endswith(("\n", "\r")):
            pass
        return _Cut(line[:SHOWN_LENGTH])

    def keep_first(self) -> str:
        """Give back all lines of the row at hand but its first: they may be rows of their own."""
        first, *rest = self._taken
        self._waiting.extendleft(reversed(rest))
        self._number -= len(rest)
        self._taken = [first]
        return first
