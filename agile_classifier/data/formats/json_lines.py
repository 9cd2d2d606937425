"""JSON lines: an object a line, whose keys are the columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]

from agile_classifier.data.formats.lines import Overlong, TextFile, complain_of_bytes
from agile_classifier.data.formats.row import Row
from agile_classifier.errors import InputError, one_line

INFERRED_ROWS = 4096
"""Rows whose types are told at once."""


class JsonLinesFile(TextFile):
    """A file of JSON objects, one a line: .jsonl, .ndjson. Of a dialect only the encoding counts."""

    newline = "\n"
    without_rows = "the file is empty"

    def names(self) -> list[str]:
        """The keys of any of its rows, in the order in which they are first met; the file is read through for them."""
        return list(dict.fromkeys(name for row in self for name in row.cells))

    def schema(self) -> pa.Schema:
        """Types that hold every value of a column; the file is read through for them."""
        found, waiting = pa.schema([]), list[dict[str, Any]]()
        for row in self:
            waiting += [row.cells] if row.cells else []
            if len(waiting) == INFERRED_ROWS:
                found, waiting = self._widen(found, waiting), []
        return self._widen(found, waiting)

    def _rows(self) -> Iterator[Row]:
        with self._open() as lines:
            number = 0
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
                cells, complaint = ({}, complaint) if complaint else self._parse(line)
                yield Row(number, cells, complaint, lines.written if complaint else "", lines.first)

    def _parse(self, line: str) -> tuple[dict[str, Any], str]:
        """The cells, and why there are none."""
        if complaint := complain_of_bytes(line, self.dialect.encoding):
            return {}, complaint
        try:
            cells = json.loads(line, object_pairs_hook=_without_twins)
            json.dumps(cells, ensure_ascii=False).encode()  # half a surrogate pair is no text
        except (ValueError, RecursionError) as error:
            return {}, f"not JSON: {one_line(error)}"
        if not isinstance(cells, dict):
            return {}, f"a JSON {type(cells).__name__}; needed is an object"
        return cells, "" if cells else "an empty object"

    def _widen(self, found: pa.Schema, rows: list[dict[str, Any]]) -> pa.Schema:
        names = dict.fromkeys(name for row in rows for name in row)
        try:
            columns = {name: pa.array([row.get(name) for row in rows]).type for name in names}
            return pa.unify_schemas([found, pa.schema(list(columns.items()))], promote_options="permissive")
        except (pa.ArrowException, OverflowError) as error:
            raise InputError(f"{self.path}: parquet cannot hold a column: {one_line(error)}") from None


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError(f"a key stands twice among {names}")
    return dict(pairs)
