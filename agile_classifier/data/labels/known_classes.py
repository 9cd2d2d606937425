"""Known classes: the classes of a version, by what a cell or a verdict may call them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agile_classifier.data.labels.classes import spelling


@dataclass(frozen=True)
class Classes:
    """Classes of a version by what a cell of labels may say: their names, and the codes that they stand for."""

    names: tuple[str, ...]
    numbers: Mapping[str, int]
    folds: bool = False
    """Whether a class may be written otherwise, as `labels.fold` says."""

    @classmethod
    def of(cls, names: Sequence[str], labels: Mapping[str, Any]) -> Classes:
        """From the names of a version, and the section `labels` of its config."""
        numbers = {name: number for number, name in enumerate(names)}
        coded = zip(labels.get("codes") or (), labels.get("names") or (), strict=False)
        known = {**{code: numbers[name] for code, name in coded if name in numbers}, **numbers}
        folds = bool(labels.get("fold"))
        spelt = {spelling(word): number for word, number in known.items()} if folds else {}
        return cls(tuple(names), {**spelt, **known}, folds)

    def find(self, word: str) -> int | None:
        """Number of the class that a cell names; None where the version knows none of that name."""
        return self.numbers.get(word, self.numbers.get(spelling(word)) if self.folds else None)
