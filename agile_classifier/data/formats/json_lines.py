"""JSON lines: an object a line, whose keys are the columns."""

from __future__ import annotations

import json
from collections.abc import Iterator

from agile_classifier.data.formats.json_objects import JsonFile, without_twins
from agile_classifier.data.formats.lines import Overlong, complain_of_bytes
from agile_classifier.data.formats.row import Row
from agile_classifier.errors import one_line


class JsonLinesFile(JsonFile):
    """A file of JSON objects, one a line: .jsonl, .ndjson, and a .json that is written so."""

    def _rows(self) -> Iterator[Row]:
        with self._open() as lines:
            number = 1
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
                for row in self._rows_on(line, complaint, number, lines.first):
                    yield row
                    number = row.number + 1

    def _rows_on(self, line: str, complaint: str, number: int, first: int) -> Iterator[Row]:
        complaint = complaint or complain_of_bytes(line, self.dialect.encoding)
        try:
            value = None if complaint else json.loads(line, object_pairs_hook=without_twins)
        except (ValueError, RecursionError) as error:
            complaint = f"not JSON: {one_line(error)}"
        if complaint:
            yield Row(number, {}, complaint, self._lines.written if self._lines else "", first)
        else:
            yield from self._rows_of(value, number, first, line)
