"""Label Studio: tasks with their annotations (JSON), or a row an annotation (JSON_MIN, and as CSV and TSV).

Both give the same columns: those of the task's data, `id`, one for each control of the labelling interface, and
`annotator`, `annotation_id`, `created_at`, `updated_at`, `lead_time`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from agile_classifier.data.formats.exports.answers import join_columns, unwrap

Cells = dict[str, Any]

SHORT = frozenset({"annotator", "annotation_id", "lead_time"})
"""Columns that every annotation of JSON_MIN has."""
TOLD = ("created_at", "updated_at", "lead_time")
CHOICES = '{"choices":'
"""How several choices begin in the CSV export."""
ANSWERS = ("choices", "rating", "number", "text", "taxonomy")
"""What the value of a result holds: one of these, for the controls that judge a whole text."""


def is_task(cells: Cells) -> bool:
    """Whether an object is a task of the JSON export."""
    annotations = cells.get("annotations", cells.get("completions"))
    has_results = isinstance(annotations, list) and all(isinstance(one, dict) for one in annotations)
    return isinstance(cells.get("data"), dict) and has_results


def rows_of_task(cells: Cells) -> Iterator[Cells]:
    """A row for each annotator's label, the latest first as in JSON_MIN; one without a label where there is none."""
    for annotation in standing_annotations(cells) or [{}]:
        outputs = _outputs(annotation)
        told = {
            "annotator": _annotator(annotation.get("completed_by")),
            "annotation_id": annotation.get("id"),
            **{name: annotation.get(name) for name in TOLD},
        }
        more = {"agreement": cells["agreement"]} if "agreement" in cells else {}
        yield join_columns({"id": cells.get("id"), **outputs, **told, **more}, cells["data"], prefix="data")


def standing_annotations(task: Mapping[str, Any]) -> list[Cells]:
    """What annotators now say of a task: of each the latest annotation, unless that skips; the latest first.

    An annotation without an annotator stands by itself.
    """
    given = sorted(task.get("annotations", task.get("completions")) or (), key=_changed_at)
    latest = {_annotator(one.get("completed_by")) or number: one for number, one in enumerate(given, start=-len(given))}
    kept = [one for one in latest.values() if not (one.get("was_cancelled") or one.get("skipped"))]
    return sorted(kept, key=lambda one: str(one.get("created_at", "")), reverse=True)


def is_short(cells: Cells) -> bool:
    """Whether an object is an annotation of the JSON_MIN export."""
    return cells.keys() >= SHORT


def rows_of_short(cells: Cells) -> Iterator[Cells]:
    """The annotation, with the answers taken out of what encloses them."""
    yield {name: _answer(cell) for name, cell in cells.items()}


def read_answer(cell: str) -> Any:
    """A cell of the CSV export: several choices, which are written as JSON, as a list."""
    if not cell.startswith(CHOICES):
        return cell
    try:
        return _answer(json.loads(cell))
    except ValueError:
        return cell


def _outputs(annotation: Mapping[str, Any]) -> Cells:
    found = dict[str, list[Any]]()
    for result in annotation.get("result") or ():
        if isinstance(result, dict) and isinstance(result.get("value"), dict) and result.get("from_name"):
            found.setdefault(str(result["from_name"]), []).append(result["value"])
    return {name: _answer(values) for name, values in found.items()}


def _answer(cell: Any) -> Any:
    """`[{"choices": ["a"]}]`, `{"choices": ["a"]}` and `[{"rating": 4}]` as the answer itself."""
    value = cell[0] if isinstance(cell, list) and len(cell) == 1 else cell
    if not isinstance(value, dict):
        return cell
    name = next((name for name in ANSWERS if name in value), None)
    return cell if name is None else unwrap(value[name])


def _changed_at(annotation: Mapping[str, Any]) -> tuple[str, str]:
    """When an annotation was last changed, and made; times of ISO 8601 in one zone sort as text."""
    made = str(annotation.get("created_at") or "")
    return str(annotation.get("updated_at") or made), made


def _annotator(completed_by: Any) -> Any:
    if isinstance(completed_by, dict):
        return completed_by.get("email") or completed_by.get("id")
    return completed_by
