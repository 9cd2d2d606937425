"""Prodigy: what `db-out` writes of a choice among options, of a yes or no to one label, and of text categories."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agile_classifier.data.formats.exports.answers import unwrap

Cells = dict[str, Any]

ANSWERS = ("accept", "reject", "ignore")
FORM = ("options", "accept", "config")
"""What describes the form rather than the answer."""


def is_task(cells: Cells) -> bool:
    """Whether an object is an annotated task, of a choice or of one label."""
    is_choice = isinstance(cells.get("accept"), list) and "options" in cells
    return cells.get("answer") in ANSWERS and (is_choice or isinstance(cells.get("label"), str))


def rows_of_task(cells: Cells) -> Iterator[Cells]:
    """The task with `label`: what was chosen, or the label that was accepted, or `not` and the one rejected."""
    row = {name: cell for name, cell in cells.items() if name not in FORM}
    if "options" in cells:
        row["label"] = unwrap(cells["accept"]) if cells["answer"] == "accept" else None
    else:
        label = cells["label"]
        row["label"] = {"accept": label, "reject": f"not {label}", "ignore": None}[cells["answer"]]
    if annotator := cells.get("_annotator_id", cells.get("_session_id")):
        row["annotator"] = annotator
    yield row


def has_categories(cells: Cells) -> bool:
    """Whether an object holds a text and numbers for its categories."""
    cats = cells.get("cats")
    is_scored = isinstance(cats, dict) and bool(cats) and all(isinstance(cat, int | float) for cat in cats.values())
    return is_scored and "text" in cells and "label" not in cells


def rows_of_categories(cells: Cells) -> Iterator[Cells]:
    """The object with `label`: the categories that hold; none, where the answer was not accepted."""
    held = [name for name, number in cells["cats"].items() if number >= 0.5]
    yield {**cells, "label": unwrap(held) if cells.get("answer", "accept") == "accept" else None}
