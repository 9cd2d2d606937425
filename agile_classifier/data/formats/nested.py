"""Nested cells: objects in objects, laid flat into columns named by their path (`data.text`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def flatten(cells: dict[str, Any]) -> dict[str, Any]:
    """The cells, with those of inner objects under dotted names; lists and empty objects stay cells.

    >>> flatten({"id": 7, "data": {"text": "so kind", "tags": ["a"]}})
    {'id': 7, 'data.text': 'so kind', 'data.tags': ['a']}

    Raises
    ------
    ValueError
        Two cells have one name.
    """
    if not any(cell and isinstance(cell, dict) for cell in cells.values()):
        return cells
    flat = dict[str, Any]()
    for name, cell in _leaves(cells, ""):
        if name in flat:
            raise ValueError(f"two cells are named {name!r}")
        flat[name] = cell
    return flat


def _leaves(cells: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    for key, cell in cells.items():
        if cell and isinstance(cell, dict):
            yield from _leaves(cell, f"{path}{key}.")
        else:
            yield f"{path}{key}", cell
