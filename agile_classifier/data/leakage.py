"""Data leakage and label conflicts across the parts of a split, looked for before anything is trained.

A text of test that train holds too, word for word or nearly, measures memory; one text under two labels measures
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agile_classifier.data.duplicates.copies import CROWD, Copies, find_copies
from agile_classifier.data.duplicates.shingles import measure_likeness
from agile_classifier.data.splits import PARTS
from agile_classifier.data.text import normalised
from agile_classifier.errors import GateRefused

Ints = NDArray[np.int64]

SHOWN = 20
"""Largest number of pairs listed of each finding, one a group of copies."""
SHOWN_CHARACTERS = 120
COMPARED = 100
"""Rows among which the most like one is looked for, to stand beside another in a pair that is listed."""


@dataclass(frozen=True)
class Finding:
    """Result of one check of the split: duplicates, leaks or conflicts."""

    name: str
    """Name of the check: that of its limit in the config, without `_limit`."""
    what: str
    """What was counted, as the end of a sentence that begins with a number of texts."""
    n: int
    of: int
    """Number of texts that were checked."""
    n_groups: int
    """Number of groups of copies that the `n` texts belong to."""
    limit: float | None
    """Largest share allowed; None for no limit."""
    pairs: tuple[dict[str, Any], ...]
    """A pair of each of the first groups: both texts' `ids`, `parts`, `labels` and `texts`, and their `similarity`."""

    @property
    def share(self) -> float:
        """Share of the checked texts, in [0, 1]."""
        return self.n / self.of if self.of else 0.0

    @property
    def is_past_limit(self) -> bool:
        """Whether the share is past the limit, so that the run must end."""
        return self.limit is not None and self.share > self.limit

    @property
    def sentence(self) -> str:
        """One sentence with the counts, and the limit if there is one."""
        allowed = "" if self.limit is None else f" (data_quality.{self.name}_limit allows {self.limit:.1%})"
        return f"{self.n} of {self.of} texts {self.what}, {self.share:.1%}{allowed}"

    def facts(self) -> dict[str, Any]:
        """Plain values for a report; without the limit, which is a setting and no property of the data."""
        kept = {name: value for name, value in asdict(self).items() if name != "limit"}
        return {**kept, "share": self.share, "pairs": list(self.pairs)}


def examine_parts(
    parts: Mapping[str, pd.DataFrame], *, similarity: float, limits: Mapping[str, float | None]
) -> list[Finding]:
    """Check a split for duplicates inside train, leaks between the parts, and labels that contradict each other.

    Parameters
    ----------
    parts : mapping of `train`, `validation`, `test` to frames of `id`, `text`, `label`
    similarity : float
        Jaccard similarity of character shingles from which two texts count as one, in (0, 1].
    limits : mapping of `duplicates`, `leaks`, `conflicts` to the largest share, or None
    """
    rows = pd.concat([parts[part].assign(part=part) for part in PARTS if len(parts[part])], ignore_index=True)
    copies = find_copies(list(rows["text"]), similarity=similarity)
    part, label = rows["part"].map(PARTS.index).to_numpy(dtype=np.int64), rows["label"].to_numpy(dtype=np.int64)
    is_train = part == PARTS.index("train")
    beside = _Beside.of(copies)
    checks = (
        _Check(
            "duplicates",
            "of train stand in it more than once, word for word or nearly",
            is_train & (beside.sum(is_train.astype(np.int64)) > 1),
            is_train,
            lambda _: is_train,
        ),
        _Check(
            "leaks",
            "of validation and test stand in another part too, word for word or nearly",
            beside.differs(part),
            ~is_train,
            lambda row: part != part[row],
        ),
        _Check(
            "conflicts",
            "have a label that the same text contradicts elsewhere",
            beside.differs(label),
            np.ones(len(rows), dtype=bool),
            lambda row: label != label[row],
        ),
    )
    return [_finding(check, rows, copies, limits[check.name]) for check in checks]


def refuse_leakage(findings: Sequence[Finding]) -> None:
    """Refuse a split that is past a limit.

    Raises
    ------
    GateRefused
        Names each limit that is passed, with the first pair.
    """
    past = [finding for finding in findings if finding.is_past_limit]
    if past:
        first = past[0].pairs[0]
        example = f"first: rows {first['ids'][0]} ({first['parts'][0]}) and {first['ids'][1]} ({first['parts'][1]})"
        raise GateRefused(f"data leakage: {'; '.join(finding.sentence for finding in past)}; {example}")


@dataclass(frozen=True)
class _Check:
    """One check of all rows."""

    name: str
    what: str
    touched: NDArray[np.bool_]
    """Rows that the check is about, and the rows that they are copies of."""
    counted: NDArray[np.bool_]
    """Rows that count."""
    may_pair: Callable[[int], NDArray[np.bool_]]
    """Row → rows that it can make a pair with, if they are copies."""


@dataclass(frozen=True)
class _Beside:
    """What stands beside each row: rows of equal and of nearly equal texts.

    In a group of more than `CROWD` different texts each counts as near to all.
    """

    cluster: Ints
    """Rows of one text, or of one crowd, of shape (n_rows,)."""
    one: Ints
    other: Ints
    """Clusters that are near, both ways, of shape (n,)."""

    @classmethod
    def of(cls, copies: Copies) -> _Beside:
        text, first = np.unique(copies.text, return_index=True)
        group = copies.group[first]  # of each text
        n_texts = np.bincount(group)
        by_text = np.where(n_texts[group] > CROWD, len(text) + group, text)
        one, other = by_text[copies.pairs].T
        near = one != other
        return cls(
            by_text[copies.text],
            np.concatenate([one[near], other[near]]),
            np.concatenate([other[near], one[near]]),
        )

    def sum(self, value: Ints) -> Ints:
        """Sum of a value over each row, the rows of its cluster and those near it, of shape (n_rows,)."""
        own = np.zeros(self._n_clusters, dtype=np.int64)
        np.add.at(own, self.cluster, value)
        total = own.copy()
        np.add.at(total, self.one, own[self.other])
        return total[self.cluster]

    def differs(self, value: Ints) -> NDArray[np.bool_]:
        """Whether any row of its cluster or near it has another value than each row, of shape (n_rows,)."""
        low, high = np.full(self._n_clusters, value.max(initial=0)), np.full(self._n_clusters, value.min(initial=0))
        np.minimum.at(low, self.cluster, value)
        np.maximum.at(high, self.cluster, value)
        lowest, highest = low.copy(), high.copy()
        np.minimum.at(lowest, self.one, low[self.other])
        np.maximum.at(highest, self.one, high[self.other])
        return np.asarray((lowest[self.cluster] != value) | (highest[self.cluster] != value))

    @property
    def _n_clusters(self) -> int:
        return int(self.cluster.max(initial=-1)) + 1


def _finding(check: _Check, rows: pd.DataFrame, copies: Copies, limit: float | None) -> Finding:
    chosen = np.flatnonzero(check.touched & check.counted)
    _, first = np.unique(copies.group[chosen], return_index=True)  # one row of each group
    listed = tuple(_pair(rows, row, copies, check.may_pair(row)) for row in chosen[np.sort(first)][:SHOWN])
    return Finding(check.name, check.what, len(chosen), int(check.counted.sum()), len(first), limit, listed)


def _pair(rows: pd.DataFrame, row: int, copies: Copies, may_pair: NDArray[np.bool_]) -> dict[str, Any]:
    """The row and the most like of those of its group that it may pair with, the first row first."""
    others = np.flatnonzero((copies.group == copies.group[row]) & may_pair)
    others = others[others != row]
    equal = others[copies.text[others] == copies.text[row]]
    others = (equal if len(equal) else others)[:COMPARED]
    texts = [normalised(rows["text"].iloc[place]) for place in (row, *others)]
    places = np.arange(1, len(texts))
    likeness = measure_likeness(texts, np.zeros_like(places), places)
    best = int(np.argmax(likeness))
    one, other = sorted((row, int(others[best])))
    return _described(rows, one, other, float(likeness[best]))


def _described(rows: pd.DataFrame, one: int, other: int, similarity: float) -> dict[str, Any]:
    both = rows.iloc[[one, other]]
    return {
        "ids": [str(value) for value in both["id"]],
        "parts": list(both["part"]),
        "labels": [int(value) for value in both["label"]],
        "texts": [text[:SHOWN_CHARACTERS] for text in both["text"]],
        "similarity": round(similarity, 3),
    }
