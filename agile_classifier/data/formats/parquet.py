"""Parquet: cells of the types that the file holds, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]

from agile_classifier.data.formats.row import Row, RowFile, refuse_duplicates
from agile_classifier.errors import InputError, one_line

BATCH_ROWS = 1024
"""Rows that are taken out of a file at once."""


class ParquetFile(RowFile):
    """A .parquet file. Index columns that pandas wrote are columns; no field of a dialect counts."""

    _n_read, _n_rows = 0, 0

    @property
    def share(self) -> float:
        """Part of the rows that the latest iteration has read, from 0 to 1."""
        return self._n_read / self._n_rows if self._n_rows else 0.0

    def schema(self) -> pa.Schema:
        """Names and types of the columns, as the file holds them."""
        with self._open() as file:
            return file.schema_arrow.remove_metadata()

    def _rows(self) -> Iterator[Row]:
        with self._open() as file:
            self._n_read, self._n_rows = 0, file.metadata.num_rows
            try:
                for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
                    for cells in _rows_of(batch):
                        self._n_read += 1
                        yield Row(self._n_read, cells or {}, "" if cells else "not UTF-8")
            except (pa.ArrowException, OSError, ValueError) as error:
                raise InputError(f"{self.path}: cannot be read after row {self._n_read}: {one_line(error)}") from None

    @contextmanager
    def _open(self) -> Iterator[pq.ParquetFile]:
        try:
            file = pq.ParquetFile(self.path, buffer_size=2**20, pre_buffer=False)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise InputError(f"{self.path}: is not a readable parquet file: {one_line(error)}") from None
        with file:
            refuse_duplicates(self.path, file.schema_arrow.names)
            yield file


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
