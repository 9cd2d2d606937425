"""Targets: what can be learnt from columns, alone or together: raters of one question, codes and their names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from agile_classifier.drafts.choices import Answer
from agile_classifier.drafts.columns import MOST_CLASSES, Column
from agile_classifier.drafts.words import LABEL, NOT_LABEL, QUALITY, RATER, SCALE, has_word, is_named, words_of
from agile_classifier.errors import one_line

SHOWN_CLASSES = 6
"""Classes that a sentence names."""
LONGEST_CLASS = 30
"""Characters of a class that it shows."""
FEW_CLASSES = 20
"""Up to this many classes need no name to be believed."""
FEWEST_RATERS = 2
RATERS_POINTS = 2.5
"""Points of several raters' columns: above a column without a telling name, below one called label."""

Kind = Literal["score", "classes", "raters", "any", "many"]
_NUMBERED = re.compile(r"(.*?)[\W_]*([0-9]+|[a-eA-E])$")


@dataclass(frozen=True)
class Target:
    """Columns that are learnt, and how."""

    kind: Kind
    columns: tuple[Column, ...]
    points: float
    reason: str
    """Why it was chosen, as the end of a sentence; empty where only the values speak for it."""
    names: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Name of each code, where another column holds it."""

    @property
    def column(self) -> Column:
        """The column, or the first of several."""
        return self.columns[0]

    @property
    def answer(self) -> Answer:
        """The answer that chooses this target."""
        names = tuple(column.name for column in self.columns)
        role = {"score": "score", "raters": "raters"}.get(self.kind, "labels")
        return Answer({role: names[0] if role == "score" else names}, self.description)

    @property
    def description(self) -> str:
        """The columns and what they hold, for a person."""
        named = ", ".join(repr(column.name) for column in self.columns)
        if self.kind == "score":
            low, high = min(self.column.numbers), max(self.column.numbers)
            return f"{named} as a score, {len(set(self.column.numbers))} values from {low:g} to {high:g}"
        if self.kind == "raters":
            return f"what the raters {named} say on average"
        return f"{named} as {self.column.n_distinct} classes, {list_classes(self.column.counts)}"


def find_raters(columns: Sequence[Column]) -> list[Target]:
    """Columns that are named as raters are, of which each holds the same few values."""
    families: dict[str, list[Column]] = {}
    for column in columns:
        stem = _rater_stem(column.name)
        if stem is not None and column.is_simple and column.given and not has_word(column.name, NOT_LABEL - {"n"}):
            families.setdefault(stem, []).append(column)
    return [
        Target("raters", tuple(family), RATERS_POINTS, "their names count through the raters of one question")
        for family in families.values()
        if len(family) >= FEWEST_RATERS and _share_values(family)
    ]


def _rater_stem(name: str) -> str | None:
    """What the names of one family have in common: `ann` of `ann1`, `label` of `label_3`."""
    words = words_of(name)
    if any(word in RATER for word in words):
        return " ".join(word for word in words if not (word.isdigit() or (len(word) == 1 and word.isalpha())))
    numbered = _NUMBERED.fullmatch(name)
    return numbered[1].lower() if numbered and is_named(numbered[1], LABEL | SCALE | QUALITY) else None


def _share_values(family: Sequence[Column]) -> bool:
    """Numbers on one scale, or words of one small set."""
    if all(column.numbers for column in family):
        return len(set().union(*(column.numbers for column in family))) <= MOST_CLASSES
    union = set().union(*(column.counts for column in family))
    return len(union) <= FEW_CLASSES and all(len(column.counts) * 2 >= len(union) for column in family)


def join_codes(targets: Sequence[Target]) -> list[Target]:
    """Targets, where codes and the column of their names are one: the codes, under those names."""
    words = [each for each in targets if each.kind == "classes" and not each.column.is_whole and each.points >= 0]
    joined: list[Target] = []
    taken: set[str] = set()
    for each in targets:
        if each.kind != "classes" or not each.column.is_whole or each.points < 0:
            continue
        for other in words:
            names = _pairs(each.column, other.column)
            if names and other.column.name not in taken:
                reason = f"{other.column.name!r} names its codes"
                joined.append(Target("classes", each.columns, max(each.points, other.points), reason, names))
                taken |= {each.column.name, other.column.name}
                break
    return [*(each for each in targets if each.column.name not in taken), *joined]


def _pairs(codes: Column, names: Column) -> dict[str, str]:
    """Name of each code where the two columns always go together; empty where they do not."""
    if (
        codes.n_distinct != names.n_distinct
        or len(codes.given) != len(codes.cells)
        or len(names.given) != len(names.cells)
    ):
        return {}
    pairs = set(zip(map(str, codes.given), map(str, names.given), strict=True))
    if len(pairs) != codes.n_distinct:
        return {}
    return dict(sorted(pairs, key=lambda pair: float(pair[0])))


def list_classes(counts: Mapping[str, int]) -> str:
    """Classes for a person, the most frequent first."""
    ordered = sorted(counts, key=lambda value: (-counts[value], value))
    shown = ", ".join(one_line(value, longest=LONGEST_CLASS) for value in ordered[:SHOWN_CLASSES])
    return f"{shown}, …" if len(ordered) > SHOWN_CLASSES else shown
