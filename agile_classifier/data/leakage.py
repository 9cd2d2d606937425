"""Data leakage and label conflicts across the parts of a split, looked for before anything is trained.

A text of test that train holds too, word for word or nearly, measures memory; one text under two labels measures
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from agile_classifier.data.duplicates import find_near_duplicates
from agile_classifier.data.splits import PARTS
from agile_classifier.errors import GateRefused

SHOWN = 20
"""Largest number of pairs listed of each finding."""
SHOWN_CHARACTERS = 120


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
    limit: float | None
    """Largest share allowed; None for no limit."""
    pairs: tuple[dict[str, Any], ...]
    """First pairs found: `ids`, `parts`, `labels` and `texts` of both texts, and their `similarity`."""

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
        allowed = "" if self.limit is None else f" (leakage.{self.name}_limit allows {self.limit:.1%})"
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
    pairs = find_near_duplicates(list(rows["text"]), similarity=similarity)
    part, label = rows["part"].to_numpy(), rows["label"].to_numpy()
    both = [(one, other) for one, other, _ in pairs]
    kinds: dict[str, tuple[str, list[bool], Iterable[str]]] = {
        "duplicates": (
            "of train stand in it more than once, word for word or nearly",
            [part[one] == part[other] == "train" for one, other in both],
            ("train",),
        ),
        "leaks": (
            "of validation and test stand in another part too, word for word or nearly",
            [part[one] != part[other] for one, other in both],
            ("validation", "test"),
        ),
        "conflicts": (
            "have a label that the same text contradicts elsewhere",
            [label[one] != label[other] for one, other in both],
            PARTS,
        ),
    }
    return [
        _finding(
            name,
            what,
            [pair for pair, is_one in zip(pairs, chosen, strict=True) if is_one],
            rows,
            set(counted),
            limits[name],
        )
        for name, (what, chosen, counted) in kinds.items()
    ]


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


def _finding(
    name: str,
    what: str,
    pairs: list[tuple[int, int, float]],
    rows: pd.DataFrame,
    counted: set[str],
    limit: float | None,
) -> Finding:
    can_be = rows["part"].isin(counted).to_numpy()
    touched = np.zeros(len(rows), dtype=bool)
    touched[[place for pair in pairs for place in pair[:2]]] = True
    listed = tuple(_described(rows, *pair) for pair in pairs[:SHOWN])
    return Finding(name, what, int((touched & can_be).sum()), int(can_be.sum()), limit, listed)


def _described(rows: pd.DataFrame, one: int, other: int, similarity: float) -> dict[str, Any]:
    both = rows.iloc[[one, other]]
    return {
        "ids": [str(value) for value in both["id"]],
        "parts": list(both["part"]),
        "labels": [int(value) for value in both["label"]],
        "texts": [text[:SHOWN_CHARACTERS] for text in both["text"]],
        "similarity": round(similarity, 3),
    }
