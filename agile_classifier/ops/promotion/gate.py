"""Promotion: whether a candidate becomes champion. Whatever cannot be shown beyond noise leaves things as they are."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agile_classifier.metrics.bootstrap import PairedDifference

FIRST_COMPARATORS = ("majority", "tfidf")
"""Baselines that a first champion must beat; every evaluation has them."""


@dataclass(frozen=True)
class Limit:
    """A limit that the candidate must keep, whatever its gain."""

    what: str
    """Name of the measured value, as the subject of a sentence."""
    value: float | None
    """Measured value; None if it could not be measured, which counts as not kept."""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def is_kept(self) -> bool:
        """Whether the value lies within the limit; NaN does not."""
        if self.value is None or not math.isfinite(self.value):
            return False
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )

    @property
    def clause(self) -> str:
        """Clause for the decision's reason that says how the limit is broken."""
        if self.value is None or not math.isfinite(self.value):
            return f"{self.what} has no finite value"
        allowed = f"at most {self.at_most:g}" if self.at_most is not None else f"at least {self.at_least:g}"
        return f"{self.what} is {self.value:.4g}, allowed is {allowed}"


@dataclass(frozen=True)
class PromotionDecision:
    """Decision on a candidate, with its reason and evidence."""

    promote: bool
    reason: str
    """Reason for the decision: one English sentence with the numbers."""
    evidence: dict[str, Any]
    """Everything that the decision was made from, as plain values."""


def decide(
    *,
    candidate: str,
    champion: str | None,
    differences: Mapping[str, PairedDifference | None],
    n_rows: int,
    min_rows: int,
    smallest_gain: float,
    run_noise: float = 0.0,
    limits: Sequence[Limit] = (),
    obstacle: str | None = None,
    findings: Mapping[str, Any] = MappingProxyType({}),
) -> PromotionDecision:
    """Promote only a candidate whose gain over every comparator lies beyond noise.

    The comparator is the champion or, where there is none yet, each of `FIRST_COMPARATORS`.

    Parameters
    ----------
    candidate, champion : str
        Names of model versions; no champion is None.
    differences : mapping
        Candidate against `champion` (that word is the key) or against each baseline by its name. A comparison that is
        missing or holds a number that is not finite counts as lost.
    n_rows : int
        Test rows that neither model has learnt from (`comparable_rows`).
    min_rows : int
        Fewest such rows that a promotion may rest on.
    smallest_gain : float
        What the lower end of the paired 95 % interval must exceed, in the unit of the metric.
    run_noise : float
        Standard deviation of the metric over trainings of one config that differ in their seed alone. The interval is widened by it: once for
        the candidate, and once for the champion, which was trained too.
    limits : sequence of Limit
        All of them must be kept.
    obstacle : str or None
        A clause that says why nothing can be compared at all, or must not be.
    findings : mapping
        Further facts for the evidence.
    """
    comparators = FIRST_COMPARATORS if champion is None else ("champion",)
    trained = 1 if champion is None else 2
    found = {
        name: None if (known := differences.get(name)) is None else known.with_run_noise(run_noise * math.sqrt(trained))
        for name in comparators
    }
    checks = [_check(name, difference, smallest_gain) for name, difference in found.items()]
    n_rows = min([n_rows, *(difference.n for difference in found.values() if difference is not None)])
    if candidate == champion:
        promote, why = False, "it is the champion already"
    elif obstacle is not None:
        promote, why = False, obstacle
    elif n_rows < min_rows:
        promote, why = False, f"the comparison has {n_rows} test rows that no model has seen, and needs {min_rows}"
    else:
        broken = [limit.clause for limit in limits if not limit.is_kept]
        lost = [clause for won, clause in checks if not won] + broken
        promote, why = not lost, ", and ".join(lost or [clause for _, clause in checks])
    evidence = {
        **findings,
        "candidate": candidate,
        "champion": champion,
        "n_rows": n_rows,
        "min_rows": min_rows,
        "smallest_gain": smallest_gain,
        "run_noise": run_noise,
        "differences": {name: asdict(difference) for name, difference in found.items() if difference is not None},
        "limits": [{**asdict(limit), "is_kept": limit.is_kept} for limit in limits],
    }
    return PromotionDecision(promote, f"{_outcome(promote, candidate, champion)}: {why}.", evidence)


def comparable_rows(test_text_digest: Sequence[str], *seen: Collection[str]) -> NDArray[np.bool_]:
    """Mask of the test rows that no model has learnt from or was chosen on, of shape (n_test,).

    Parameters
    ----------
    test_text_digest : sequence of shape (n_test,)
        Digest of each test text.
    *seen : collections
        Digests of the train and validation texts of each model.
    """
    known = set().union(*seen)
    return np.asarray([digest not in known for digest in test_text_digest], dtype=bool)


def _check(name: str, found: PairedDifference | None, smallest_gain: float) -> tuple[bool, str]:
    """Whether the candidate won a comparison, and a clause that says so."""
    comparator = "the champion" if name == "champion" else name
    if found is None or not all(map(math.isfinite, (found.difference, found.low, found.high))):
        return False, f"the comparison with {comparator} has no finite result"
    won = found.low > smallest_gain
    return won, (
        f"its gain over {comparator} is {found.difference:+.3f} {found.metric} on {found.n} test rows"
        f" (95 % interval {found.low:+.3f} to {found.high:+.3f},"
        f" {'above' if won else 'not wholly above'} the smallest gain of {smallest_gain:g})"
    )


def _outcome(promote: bool, candidate: str, champion: str | None) -> str:
    if promote:
        return f"Candidate {candidate} becomes champion"
    stays = "there is still no champion" if champion is None else f"champion {champion} stays"
    return f"Candidate {candidate} is not promoted and {stays}"
