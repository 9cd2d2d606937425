"""Delimited text: cells exactly as written.

Python's csv module rather than pandas: it keeps every cell a string, and it can tell on which line a row starts.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Literal

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]

from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.data.formats.exports import label_studio
from agile_classifier.data.formats.headers.check import refuse_headers
from agile_classifier.data.formats.lines import Lines, Overlong, TextFile, complain_of_bytes
from agile_classifier.data.formats.row import Row, drop_unnamed_end, refuse_duplicates
from agile_classifier.errors import InputError, one_line

DEFAULT_DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
"""The delimiter of each suffix where none is given."""
DELIMITERS = (",", ";", "\t", "|")
"""Delimiters that a file is tried with when the given one yields a single column."""
LONGEST_CELL = 2**31 - 1
"""Characters; csv's own limit of 131,072 is less than a book."""
TRIED_ROWS = 20
SEP_LINE = re.compile(r'"?sep=([^"])"?', re.IGNORECASE)
"""A first line by which Excel names the delimiter."""


@dataclass
class _Table:
    """An open file whose columns are told."""

    lines: Lines
    names: list[str]
    width: int
    """Cells of a row, those of unnamed columns at its end included."""
    parsed: Iterator[tuple[list[str], str]]
    """Cells of each row, and why they could not be told."""


class DelimitedFile(TextFile):
    """A file whose cells a delimiter parts: .csv, .tsv, .txt.

    A first line `sep=;`, as Excel knows it, names the delimiter where the dialect names none. A line of delimiters
    alone is blank, and blank lines are no rows. Of several columns without a name those at the end are dropped, and may
    hold nothing; nor may cells behind the last column.

    Raises
    ------
    InputError
        The delimiter or escape is not one character, or both are the same. On iterating: the header cannot be read, two
        columns have one name, or another delimiter than asked for parts the columns.
    """

    def __init__(self, path: Path, dialect: Dialect, *, default: str = ",") -> None:
        super().__init__(path, dialect)
        self.default = self._parting = default
        for field, sign in (("delimiter", dialect.delimiter), ("escape", dialect.escape)):
            if sign is not None and (len(sign) != 1 or sign in '\r\n"'):
                raise InputError(
                    f"{path}: data.{field} is {sign!r}; needed is one character, no quote or line end (--{field})"
                )

    def schema(self) -> pa.Schema:
        """Names of the columns; all are strings."""
        with self._table() as table:
            return pa.schema([(name, pa.string()) for name in table.names])

    def first_rows(self, n_rows: int) -> Iterator[list[str]]:
        """Cells of the first rows as they are parsed, the header among them; empty where they cannot be told."""
        with self._read_anew() as lines:
            for cells, complaint in islice(self._parse(lines, self._find_delimiter(lines)), n_rows):
                yield [] if complaint else cells

    def delimiter(self) -> str:
        """The character that parts the columns: the dialect's, else what a line `sep=` names, else the suffix's."""
        with self._read_anew() as lines:
            return self._find_delimiter(lines)

    def width(self, n_rows: int) -> int:
        """Number of columns in which the first rows agree; 0 where they do not."""
        widths = set[int]()
        for cells in self.first_rows(n_rows):
            widths.add(len(cells))
            if len(widths) > 1 or not cells:
                return 0
        return widths.pop() if widths else 0

    def _rows(self) -> Iterator[Row]:
        with self._table() as table:
            lines, names = table.lines, table.names
            is_label_studio = set(names) >= label_studio.SHORT
            for number, (cells, complaint) in enumerate(table.parsed, start=1):
                if complaint := complaint or self._complain(cells, table):
                    yield Row(number, {}, complaint, lines.written, lines.first)
                else:
                    given = map(label_studio.read_answer, cells) if is_label_studio else cells
                    yield Row(number, dict(zip(names, given, strict=False)), line=lines.first)

    def _mark_empty(self, row: Row) -> Row:
        marked, quoted = super()._mark_empty(row), self._find_quoted(row)
        kept = {name: cell for name, cell in row.cells.items() if name in quoted}
        return replace(marked, cells={**marked.cells, **kept}) if kept else marked

    def _find_quoted(self, row: Row) -> set[str]:
        """Columns of which the row at hand has the cell in quotes: they change with what is written in the quotes."""
        probe = written = self._lines.taken if self._lines and self.dialect.quoting else ""
        for cell in filter(self._is_empty_word, row.cells.values()):
            probe = probe.replace(f'"{cell}"', f'"{cell}+"')
        if probe == written:
            return set()
        changed = zip(
            row.cells, *(next(self._reader([line], self._parting)) for line in (written, probe)), strict=False
        )
        return {name for name, cell, other in changed if cell != other}

    @contextmanager
    def _table(self) -> Iterator[_Table]:
        with self._open() as lines:
            delimiter = self._parting = self._find_delimiter(lines)
            parsed = self._parse(lines, delimiter)
            first = next(parsed, None)
            if first is None:
                raise InputError(f"{self.path}: the file is empty")
            if self.dialect.column_names is None:
                header = self._require_header(*first, lines.taken)
            else:
                header, parsed = list(self.dialect.column_names), chain([first], parsed)
            if len(first[0]) == 1 and (self.dialect.column_names is None or len(header) > 1):
                self._refuse_delimiter(delimiter)
            if self.dialect.column_names is None:
                refuse_headers(self.path, self.first_rows)
            names = drop_unnamed_end(header)
            refuse_duplicates(self.path, names)
            yield _Table(lines, names, len(header), parsed)

    def _find_delimiter(self, lines: Lines) -> str:
        named = lines.skip_first(SEP_LINE)
        found = self.dialect.delimiter or (named[1] if named else self.default)
        if found == self.dialect.escape:
            raise InputError(f"{self.path}: data.escape is {found!r} (--escape), which parts the columns too")
        return found

    def _reader(self, lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
        style: Literal[0, 3] = csv.QUOTE_MINIMAL if self.dialect.quoting else csv.QUOTE_NONE
        escape = self.dialect.escape
        source = map(_escapes_of_signs(escape, delimiter), lines) if escape else lines
        return csv.reader(source, delimiter=delimiter, quoting=style, escapechar=escape, strict=True)

    def _parse(self, lines: Lines, delimiter: str) -> Iterator[tuple[list[str], str]]:
        csv.field_size_limit(LONGEST_CELL)
        reader = self._reader(lines, delimiter)
        while True:
            lines.begin_row()
            try:
                cells, complaint = next(reader), ""
            except StopIteration:
                return
            except (csv.Error, Overlong) as error:
                cells, complaint = [lines.keep_first()], _complain_of_quotes(error)
            if any(cells) or lines.taken.strip(f"{delimiter}\r\n"):
                yield cells, complaint

    def _require_header(self, names: list[str], complaint: str, written: str) -> list[str]:
        if complaint := complaint or complain_of_bytes(written, self.dialect.encoding):
            raise InputError(f"{self.path}: its first line cannot be read: {complaint}")
        if "\0" in written:
            raise InputError(
                f"{self.path}: its first line holds a NUL byte: a binary file, or another encoding than "
                f"{self.dialect.encoding}"
            )
        return names

    def _refuse_delimiter(self, delimiter: str) -> None:
        for other in DELIMITERS:
            tried = DelimitedFile(self.path, self.dialect.model_copy(update={"delimiter": other}))
            width = 0 if other == delimiter else tried.width(TRIED_ROWS)
            if width > 1:
                refuse_headers(self.path, tried.first_rows)  # a drawn table has more than another delimiter
                raise InputError(
                    f"{self.path}: delimiter {delimiter!r} gives one column, {other!r} would give {width}: "
                    f"set data.delimiter (--delimiter) to {other!r}"
                )

    def _complain(self, cells: list[str], table: _Table) -> str:
        if len(cells) < table.width or any(cells[table.width :]):
            return f"{len(cells)} cells; the columns are {table.width}"
        if "\0" in (written := table.lines.taken):
            return "holds a NUL byte"
        if nameless := "".join(cells[len(table.names) :]):
            return f"{nameless!r} stands in a column without a name"
        return complain_of_bytes(written, self.dialect.encoding)


def _escapes_of_signs(escape: str, delimiter: str) -> Callable[[str], str]:
    """Makes an escape plain where nothing behind it needs one, as in `C:\\new`, so that no character is lost."""
    signs, pair = f'{escape}{delimiter}"\r\n', re.compile(re.escape(escape) + "(.)", re.DOTALL)
    return lambda line: pair.sub(lambda match: match[0] if match[1] in signs else escape + match[0], line)


def _complain_of_quotes(error: Exception) -> str:
    if isinstance(error, Overlong):
        return str(error)
    return (
        f"a double quote is never closed, or too early ({one_line(error)}); "
        "data.quoting: false (--no-quoting) reads quotes as they stand"
    )
