"""Answers: what annotators have chosen, as a plain cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def unwrap(answer: Any) -> Any:
    """A list of one answer as that answer, a list of none as none; several stay a list."""
    if not isinstance(answer, list):
        return answer
    return answer if len(answer) > 1 else answer[0] if answer else None


def join_columns(cells: Mapping[str, Any], more: Mapping[str, Any], *, prefix: str) -> dict[str, Any]:
    """Both together; a name that the first has already is told apart by a prefix: `metadata.id`."""
    return {**cells, **{f"{prefix}.{name}" if name in cells else name: cell for name, cell in more.items()}}


def is_texts(answer: Any) -> bool:
    """Whether an answer is a list of texts, or of nothing."""
    return isinstance(answer, list) and all(isinstance(one, str) for one in answer)
