"""doccano: examples of a text classification with a list of labels each, as JSON or JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agile_classifier.data.formats.exports.answers import is_texts, join_columns, unwrap

Cells = dict[str, Any]

LABELS = ("label", "labels", "cats")
"""Where labels stand: of a classification, as version 1 wrote them, and of an intent detection."""
NUMBERED = "annotations"
"""Where the JSON export of version 1 lists the numbers of labels, each with the number of who gave it."""


def is_numbered(cells: Cells) -> bool:
    """Whether an object is an example of the JSON export of version 1, whose annotations name labels by number."""
    given = cells.get(NUMBERED)
    are_objects = isinstance(given, list) and all(isinstance(one, dict) for one in given)
    return isinstance(cells.get("text"), str) and are_objects and all(_is_numbered(one) for one in given or ())


def rows_of_numbered(cells: Cells) -> Iterator[Cells]:
    """A row for each annotation, with its number of a label and of a user; one without any, else."""
    rest = {name: cell for name, cell in cells.items() if name != NUMBERED}
    for one in cells[NUMBERED] or [{}]:
        yield join_columns({"label": one.get("label"), "annotator": one.get("user")}, rest, prefix="example")


def is_example(cells: Cells) -> bool:
    """Whether an object is an example with labels of the whole text, rather than of parts of it."""
    return isinstance(cells.get("text"), str) and any(is_texts(cells.get(name)) for name in LABELS)


def rows_of_example(cells: Cells) -> Iterator[Cells]:
    """The example, with the one label that it has; several stay a list, and none is none."""
    yield {name: unwrap(cell) if name in LABELS and is_texts(cell) else cell for name, cell in cells.items()}


def _is_numbered(annotation: Cells) -> bool:
    """Annotations of parts of a text have offsets."""
    return isinstance(annotation.get("label"), int) and "start_offset" not in annotation
