"""doccano: examples of a text classification with a list of labels each, as JSON or JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agile_classifier.data.formats.exports.answers import is_texts, unwrap

Cells = dict[str, Any]

LABELS = ("label", "labels", "cats")
"""Where labels stand: of a classification, as version 1 wrote them, and of an intent detection."""


def is_example(cells: Cells) -> bool:
    """Whether an object is an example with labels of the whole text, rather than of parts of it."""
    return isinstance(cells.get("text"), str) and any(is_texts(cells.get(name)) for name in LABELS)


def rows_of_example(cells: Cells) -> Iterator[Cells]:
    """The example, with the one label that it has; several stay a list, and none is none."""
    yield {name: unwrap(cell) if name in LABELS and is_texts(cell) else cell for name, cell in cells.items()}
