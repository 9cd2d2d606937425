"""JSON objects as rows: what files of JSON have in common, whether their objects stand on lines or in an array."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]

from agile_classifier.data.formats.exports.tools import plain_rows
from agile_classifier.data.formats.lines import TextFile, complain_of_bytes
from agile_classifier.data.formats.nested import flatten
from agile_classifier.data.formats.row import Row, RowFile
from agile_classifier.errors import InputError, one_line

INFERRED_ROWS = 4096
"""Rows whose types are told at once."""
MOST_COLUMNS = 10_000
"""Columns of a file; objects whose keys are data rather than names would else fill the memory."""


class JsonFile(TextFile):
    """A file of JSON objects, whose keys are the columns; of a dialect only the encoding counts.

    Objects in objects become columns named by their path, and an annotation tool's export plain columns.
    """

    newline = "\n"
    without_rows = "the file is empty"

    def names(self) -> list[str]:
        """The keys of any of its rows, in the order in which they are first met; the file is read through for them."""
        return list(dict.fromkeys(name for row in self for name in row.cells))

    def schema(self) -> pa.Schema:
        """Types that hold every value of a column; the file is read through for them."""
        return infer_schema(self)

    def _rows_of(self, value: Any, number: int, line: int, written: str, complaint: str = "") -> Iterator[Row]:
        """The rows that one JSON value makes, counted on from `number`; `written` is how it stands in the file."""
        complaint = complain_of_bytes(written, self.dialect.encoding) or complaint or complain_of_value(value)
        try:
            rows = [] if complaint else [flatten(cells) for cells in plain_rows(value)]
        except (ValueError, RecursionError) as error:
            complaint, rows = one_line(error), []
        if complaint:
            yield Row(number, {}, complaint, self._lines.shown(written) if self._lines else "", line)
        for place, cells in enumerate(rows):
            yield Row(number + place, cells, line=line)


def infer_schema(rows: RowFile) -> pa.Schema:
    """Types that hold every cell of a file's rows, which are read through for them."""
    found, waiting = pa.schema([]), list[dict[str, Any]]()
    for row in rows:
        waiting += [row.cells] if row.cells else []
        if len(waiting) == INFERRED_ROWS:
            found, waiting = _widen(rows, found, waiting), []
    return _widen(rows, found, waiting)


def complain_of_value(value: Any) -> str:
    """Why a JSON value makes no row; empty where it makes one."""
    try:
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        return f"not JSON: {one_line(error)}"
    if not isinstance(value, dict):
        return f"a JSON {type(value).__name__}; needed is an object"
    return "" if value else "an empty object"


def without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys differ; raises ValueError where one stands twice."""
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError(f"a key stands twice among {names}")
    return dict(pairs)


def _widen(file: RowFile, found: pa.Schema, rows: list[dict[str, Any]]) -> pa.Schema:
    names = dict.fromkeys(name for row in rows for name in row)
    if len(names) + len(found) > 2 * MOST_COLUMNS:
        raise InputError(f"{file.path}: more than {MOST_COLUMNS:,} columns; needed are objects of the same keys")
    try:
        columns = {name: pa.array([row.get(name) for row in rows]).type for name in names}
        return pa.unify_schemas([found, pa.schema(list(columns.items()))], promote_options="permissive")
    except (pa.ArrowException, OverflowError) as error:
        raise InputError(f"{file.path}: parquet cannot hold a column: {one_line(error)}") from None
