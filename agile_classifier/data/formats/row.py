"""Row, and what every file of rows offers, whatever its format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]

from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.data.text import Null
from agile_classifier.errors import InputError

LONGEST_WORD = 20
"""Characters of a word for an empty cell, the space around it included."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file, read or rejected."""

    number: int
    """From 1; a header and blank lines are no rows."""
    cells: dict[str, Any]
    """Cells by column; empty if the row cannot be read."""
    complaint: str = ""
    """Why it cannot be read; empty where it can."""
    written: str = ""
    """The file's own line, where the row cannot be read."""
    line: int | None = None
    """Line on which it starts, from 1; None in a parquet file."""
    path: Path | None = None
    """The file that it stands in, where several are read as one."""
    n_before: int = 0
    """Rows of the files before that one."""

    @property
    def place(self) -> str:
        """Where it stands in its file, for a person: `row 2 (line 3)`."""
        number = self.number - self.n_before
        return f"row {number}" if self.line is None else f"row {number} (line {self.line})"


class RowFile(ABC):
    """A file of rows, read from the top by every iteration, in memory that does not grow with it.

    A row that cannot be read is handed on with its complaint, and the next row is read. Iterating raises `InputError`
    where the file's columns cannot be told, and at the end of a file without rows.
    """

    without_rows = "has a header but no rows"

    def __init__(self, path: Path, dialect: Dialect) -> None:
        self.path, self.dialect = path, dialect
        self._empty = frozenset(dialect.empty) - {""}

    def __iter__(self) -> Iterator[Row]:
        row = None
        for row in self._rows():
            yield self._mark_empty(row) if any(map(self._is_empty_word, row.cells.values())) else row
        if row is None:
            raise InputError(f"{self.path}: {self.without_rows}")

    def names(self) -> list[str]:
        """Columns of the file, in its order."""
        return list(self.schema().names)

    @property
    @abstractmethod
    def share(self) -> float:
        """Part of the file that the latest iteration has read, from 0 to 1."""

    @abstractmethod
    def schema(self) -> pa.Schema:
        """Names and types of the columns; text cells are strings."""

    @abstractmethod
    def _rows(self) -> Iterator[Row]: ...

    def _mark_empty(self, row: Row) -> Row:
        """The row, with each cell that is a word for nothing as `Null`."""
        cells = {name: Null(cell) if self._is_empty_word(cell) else cell for name, cell in row.cells.items()}
        return replace(row, cells=cells)

    def _is_empty_word(self, cell: Any) -> bool:
        return type(cell) is str and len(cell) <= LONGEST_WORD and cell.strip() in self._empty


def refuse_duplicates(path: Path, names: Sequence[str]) -> None:
    """Raise InputError where two columns have one name: a config could not tell them apart."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{path}: {names.count(twice[0])} columns are named {twice[0]!r}; names must differ")


def drop_unnamed_end(names: Sequence[str]) -> list[str]:
    """Drop unnamed columns at the end, a spreadsheet's leavings, while they hold nothing."""
    kept = list(names)
    while names.count("") > 1 and any(names) and not kept[-1]:
        kept.pop()
    return kept
