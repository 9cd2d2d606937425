"""Parquet: cells of the types that the file holds, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]

from agile_classifier.data.formats.exports.tools import plain_rows
from agile_classifier.data.formats.json_objects import infer_schema
from agile_classifier.data.formats.nested import flatten
from agile_classifier.data.formats.packed import laid_out
from agile_classifier.data.formats.row import Row, RowFile, refuse_duplicates
from agile_classifier.errors import InputError, one_line

BATCH_ROWS = 1024
"""Rows that are taken out of a file at once."""


class ParquetFile(RowFile):
    """A .parquet file. Index columns that pandas wrote are columns; no field of a dialect counts.

    Objects in objects become columns named by their path, and an annotation tool's export plain columns.
    """

    _n_read, _n_rows = 0, 0

    @property
    def share(self) -> float:
        """Part of the rows that the latest iteration has read, from 0 to 1."""
        return self._n_read / self._n_rows if self._n_rows else 0.0

    def schema(self) -> pa.Schema:
        """Names and types of the columns, as the file holds them; where its rows are laid out anew, as they become."""
        with self._open() as file:
            schema = file.schema_arrow.remove_metadata()
            first = next(self._batches(file), None)
        return infer_schema(self) if first is not None and _is_laid_out(first) else schema

    def _rows(self) -> Iterator[Row]:
        with self._open() as file:
            self._n_read, self._n_rows = 0, file.metadata.num_rows
            number = 1
            for batch in self._batches(file):
                for cells in _rows_of(batch):
                    self._n_read += 1
                    for row in _plain(cells, number):
                        yield row
                        number += 1

    def _batches(self, file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
        try:
            yield from file.iter_batches(BATCH_ROWS, use_threads=False)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise InputError(f"{self.path}: cannot be read after row {self._n_read}: {one_line(error)}") from None

    @contextmanager
    def _open(self) -> Iterator[pq.ParquetFile]:
        with laid_out(self.path) as source:
            try:
                file = pq.ParquetFile(source, buffer_size=2**20, pre_buffer=False)
            except (pa.ArrowException, OSError, ValueError) as error:
                raise InputError(f"{self.path}: is not a readable parquet file: {one_line(error)}") from None
            with file:
                refuse_duplicates(self.path, file.schema_arrow.names)
                yield file


def _plain(cells: dict[str, Any] | None, number: int) -> Iterator[Row]:
    if cells is None:
        yield Row(number, {}, "not UTF-8")
        return
    try:
        rows = _lay_out(cells)
    except ValueError as error:
        yield Row(number, {}, one_line(error))
        return
    for place, one in enumerate(rows):
        yield Row(number + place, one)


def _is_laid_out(batch: pa.RecordBatch) -> bool:
    """Whether a row gives other cells than the file holds."""
    try:
        return any(cells is not None and _lay_out(cells) != [cells] for cells in _rows_of(batch))
    except ValueError:
        return True


def _lay_out(cells: dict[str, Any]) -> list[dict[str, Any]]:
    return [flatten(one) for one in plain_rows(cells)]


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
