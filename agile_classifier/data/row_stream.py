"""Row stream: a file's rows one after the other, cells as written, in memory that does not grow with the file.

It reads what `agile_classifier.data.tables` reads, as faithfully. A row that cannot be read does not end the stream: it is handed on with the
reason, and the next row is read. Only a file that is none, or whose columns cannot be told, is refused.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, Literal, TextIO

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]

from agile_classifier.data.delimited import LONGEST_CELL, refuse_duplicates
from agile_classifier.data.lines import Lines, Overlong
from agile_classifier.data.tables import SUFFIXES, parse_json_row, require_file
from agile_classifier.errors import InputError

PARQUET_ROWS = 1024
"""Rows that are taken out of a parquet file at once."""
INFERRED_ROWS = 4096
"""Rows of a .jsonl file whose types are told at once."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file."""

    number: int
    """From 1; a header and blank lines are no rows."""
    cells: dict[str, Any]
    """By column; empty where the row cannot be read."""
    complaint: str = ""
    """Why it cannot be read."""
    written: str = ""
    """The file's own line, where the row cannot be read."""
    line: int | None = None
    """Line on which it starts, from 1; None in a parquet file."""


class RowStream:
    """The rows of a file, once through.

    Parameters
    ----------
    path : Path
        The suffix names the format.
    delimiter : str or None
        One character; None goes by the suffix.

    Raises
    ------
    InputError
        No such file, or its columns cannot be told.
    """

    def __init__(self, path: Path, *, delimiter: str | None = None) -> None:
        require_file(path)
        self.path, self.suffix, self._size = path, path.suffix.lower(), path.stat().st_size
        self._delimiter = delimiter or SUFFIXES[self.suffix] or ","
        if len(self._delimiter) != 1 or self._delimiter in '\r\n"':
            raise InputError(f"{path}: delimiter {self._delimiter!r}; needed is one character, no quote or line end")
        self._file: BinaryIO | None = None
        self._n_read, self._n_rows = 0, 0

    @property
    def share(self) -> float:
        """Of the file, read up to here; from 0 to 1."""
        if self._n_rows:
            return self._n_read / self._n_rows
        if self._file is None:
            return 0.0
        return 1.0 if self._file.closed else self._file.tell() / self._size

    def __iter__(self) -> Iterator[Row]:
        readers = {".jsonl": self._json_rows, ".parquet": self._parquet_rows}
        return readers.get(self.suffix, self._delimited_rows)()

    def schema(self) -> pa.Schema:
        """Names and types of the columns; a .jsonl file is read through for them."""
        if self.suffix == ".parquet":
            with self._open_parquet() as file:
                return file.schema_arrow.remove_metadata()
        if self.suffix == ".jsonl":
            return self._json_schema()
        with self._open_text(newline="") as file:
            return pa.schema([(name, pa.string()) for name in self._header(Lines(file))])

    def _open_text(self, newline: str) -> TextIO:
        self._file = self.path.open("rb")
        return TextIOWrapper(self._file, encoding="utf-8-sig", errors="surrogateescape", newline=newline)

    def _header(self, lines: Lines) -> list[str]:
        try:
            names = next(filter(None, self._reader(lines)), [])
            "".join(names).encode()
        except (csv.Error, Overlong, UnicodeEncodeError) as error:
            raise InputError(f"{self.path}: its first line cannot be read: {' '.join(str(error).split())}") from None
        if not names or "\0" in "".join(names):
            raise InputError(f"{self.path}: {'a binary file, or not UTF-8' if names else 'the file is empty'}")
        refuse_duplicates(self.path, names)
        return names

    def _reader(self, lines: Lines) -> Iterator[list[str]]:
        csv.field_size_limit(LONGEST_CELL)
        quoting: Literal[0] = csv.QUOTE_MINIMAL
        return csv.reader(lines, delimiter=self._delimiter, quoting=quoting, strict=True)

    def _delimited_rows(self) -> Iterator[Row]:
        with self._open_text(newline="") as file:
            lines = Lines(file)
            names = self._header(lines)
            reader, number = self._reader(lines), 0
            while True:
                lines.begin_row()
                try:
                    cells, complaint = next(reader), ""
                except StopIteration:
                    return
                except (csv.Error, Overlong) as error:
                    cells, complaint = [lines.keep_first()], _quote_complaint(error)
                if not cells:
                    continue
                number += 1
                complaint = complaint or _cells_complaint(cells, len(names))
                if complaint:
                    yield Row(number, {}, complaint, lines.written, lines.first)
                else:
                    yield Row(number, dict(zip(names, cells, strict=True)), line=lines.first)

    def _json_rows(self) -> Iterator[Row]:
        with self._open_text(newline="\n") as file:
            lines, number = Lines(file), 0
            while True:
                lines.begin_row()
                try:
                    line, complaint = next(lines), ""
                except StopIteration:
                    return
                except Overlong as error:
                    line, complaint = "overlong", str(error)
                if not line.strip():
                    continue
                number += 1
                cells, complaint = ({}, complaint) if complaint else _parse(line)
                yield Row(number, cells, complaint, lines.written if complaint else "", lines.first)

    def _json_schema(self) -> pa.Schema:
        """Types that hold every value of a column; names in the order of their first row."""
        found, waiting = pa.schema([]), list[dict[str, Any]]()
        for row in self:
            waiting += [row.cells] if row.cells else []
            if len(waiting) == INFERRED_ROWS:
                found, waiting = self._widened(found, waiting), []
        return self._widened(found, waiting)

    def _widened(self, found: pa.Schema, rows: list[dict[str, Any]]) -> pa.Schema:
        names = dict.fromkeys(name for row in rows for name in row)
        try:
            columns = {name: pa.array([row.get(name) for row in rows]).type for name in names}
            return pa.unify_schemas([found, pa.schema(list(columns.items()))], promote_options="permissive")
        except (pa.ArrowException, OverflowError) as error:
            raise InputError(f"{self.path}: parquet cannot hold a column: {' '.join(str(error).split())}") from None

    def _open_parquet(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self.path, buffer_size=2**20, pre_buffer=False)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise InputError(f"{self.path}: is not a readable parquet file: {' '.join(str(error).split())}") from None

    def _parquet_rows(self) -> Iterator[Row]:
        with self._open_parquet() as file:
            self._n_rows = file.metadata.num_rows
            refuse_duplicates(self.path, file.schema_arrow.names)
            try:
                for batch in file.iter_batches(PARQUET_ROWS, use_threads=False):
                    for cells in _rows_of(batch):
                        self._n_read += 1
                        yield Row(self._n_read, cells or {}, "" if cells else "not UTF-8")
            except (pa.ArrowException, OSError, ValueError) as error:
                raise InputError(
                    f"{self.path}: cannot be read after row {self._n_read}: {' '.join(str(error).split())}"
                ) from None


def names_of(stream: RowStream) -> list[str]:
    """Columns of the file; of a .jsonl file the keys of any of its rows, whatever their types."""
    if stream.suffix != ".jsonl":
        return list(stream.schema().names)
    return list(dict.fromkeys(name for row in stream for name in row.cells))


def _rows_of(batch: pa.RecordBatch) -> Iterator[dict[str, Any] | None]:
    """The cells of each row; None of one that holds text which is none."""
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError:
        for place in range(batch.num_rows):
            yield _cells_of(batch.slice(place, 1))


def _cells_of(row: pa.RecordBatch) -> dict[str, Any] | None:
    try:
        cells: dict[str, Any] = row.to_pylist()[0]
    except UnicodeDecodeError:
        return None
    return cells


def _quote_complaint(error: Exception) -> str:
    if isinstance(error, Overlong):
        return str(error)
    return f"a double quote is never closed, or too early ({error})"


def _cells_complaint(cells: list[str], width: int) -> str:
    if len(cells) != width:
        return f"{len(cells)} cells; the columns are {width}"
    together = "".join(cells)
    if "\0" in together:
        return "holds a NUL byte"
    return "" if _is_utf8(together) else "not UTF-8"


def _parse(line: str) -> tuple[dict[str, Any], str]:
    if not _is_utf8(line):
        return {}, "not UTF-8"
    try:
        cells = parse_json_row(line)
    except (ValueError, RecursionError) as error:
        return {}, " ".join(str(error).split())
    return (cells, "") if cells else ({}, "an empty object")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_json(value: Any) -> str:
    """One line of JSON; what JSON has no word for (dates, decimals, bytes) as text."""
    return json.dumps(value, ensure_ascii=False, default=str)
