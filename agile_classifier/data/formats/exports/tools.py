"""Exports of annotation tools: known by their shape, and laid out as plain columns, a row for each annotator's answer.

What nobody has answered, or somebody has skipped, is a row without a label. A list of one answer is that answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from agile_classifier.data.formats.exports import argilla, doccano, label_studio, prodigy

Cells = dict[str, Any]


@dataclass(frozen=True)
class Export:
    """What an annotation tool writes."""

    tool: str
    has_shape: Callable[[Cells], bool]
    """Whether an object looks like one of the tool's."""
    to_rows: Callable[[Cells], Iterable[Cells]]
    """The rows in an object of that shape."""


EXPORTS = (
    Export("Label Studio, JSON", label_studio.is_task, label_studio.rows_of_task),
    Export("Label Studio, JSON_MIN", label_studio.is_short, label_studio.rows_of_short),
    Export("Argilla, JSON", argilla.is_record, argilla.rows_of_record),
    Export("Argilla, data set", argilla.is_flat, argilla.rows_of_flat),
    Export("Argilla 1, feedback", argilla.is_feedback, argilla.rows_of_feedback),
    Export("Argilla 1, text classification", argilla.is_legacy, argilla.rows_of_legacy),
    Export("Prodigy", prodigy.is_task, prodigy.rows_of_task),
    Export("spaCy and Prodigy, text categories", prodigy.has_categories, prodigy.rows_of_categories),
    Export("doccano 1, JSON", doccano.is_numbered, doccano.rows_of_numbered),
    Export("doccano", doccano.is_example, doccano.rows_of_example),
)
"""Every export that is known; the first whose shape fits counts."""


PLAIN_MARKS = frozenset({"annotation_id", "annotation_agent", "answer"})
"""Keys of the exports whose objects may hold plain cells alone."""


def plain_rows(cells: Cells) -> list[Cells]:
    """The rows in a JSON object or a row of parquet: several, where it is the export of a tool that keeps several."""
    is_plain = not any(isinstance(cell, list | dict) for cell in cells.values())
    if is_plain and not cells.keys() & PLAIN_MARKS and not any(name.endswith(argilla.USERS) for name in cells):
        return [cells]
    export = next((export for export in EXPORTS if export.has_shape(cells)), None)
    return [cells] if export is None else list(export.to_rows(cells))
