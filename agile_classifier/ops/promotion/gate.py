"""Promotion: whether a candidate becomes champion. Whatever cannot be shown beyond noise leaves things as they are."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, computed_field

from agile_classifier.config.evaluation import PromotionConfig
from agile_classifier.evaluation.checks.outcomes import Outcome
from agile_classifier.evaluation.score_tables import list_as_good
from agile_classifier.evaluation.titles import CONTENDERS
from agile_classifier.metrics.bias import Area
from agile_classifier.metrics.bootstrap import PairedDifference
from agile_classifier.metrics.comparison import McNemar
from agile_classifier.ops.promotion.since_champion import RowsApart, tell_apart

FIRST_COMPARATORS = ("majority", "tfidf")
"""Baselines that a first champion must beat; every evaluation has them. To no other may it lose beyond noise."""


class Limit(BaseModel):
    """A limit that the candidate must keep, whatever its gain."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    what: str
    """Name of the measured value, as the subject of a sentence."""
    value: float | None
    """Measured value; None if it could not be measured, which counts as not kept."""
    at_least: float | None = None
    at_most: float | None = None

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorator above a property
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


class Evidence(BaseModel):
    """Evidence on a candidate and a champion, as far as the policy asks for it."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    candidate: str
    """Version number of the candidate."""
    champion: str | None = None
    """Version number of the champion; None if there is none yet."""
    n_rows: int = 0
    """Number of test rows that neither model has learnt from (`comparable_rows`)."""
    test_digest: str | None = None
    """SHA-256 of these rows; None if none were looked at."""
    n_new: int | None = None
    """Number of these rows that the champion was not tested on, since they came later; None where it does not say."""
    apart: dict[str, RowsApart] = {}
    """Both models on the rows that are `new` since the champion, and on the `old` ones."""
    differences: dict[str, PairedDifference] = {}
    """Difference in `promotion.metric` from the champion, under `champion`, or from each baseline under its name."""
    limits: tuple[Limit, ...] = ()
    """Limits, all of which the candidate must keep."""
    obstacle: str | None = None
    """Reason, as a clause, why the two cannot or must not be compared; None if they can."""
    metrics: dict[str, PairedDifference] = {}
    """Difference from the champion in every metric."""
    mcnemar: McNemar | None = None
    """McNemar's test of the decisions of candidate and champion."""
    slices: dict[str, PairedDifference] = {}
    """Difference from the champion on each slice with enough rows."""
    slices_too_small: dict[str, int] = {}
    """Number of rows of each slice with too few."""
    labels: dict[str, PairedDifference] = {}
    """Difference from the champion on each of several labels; empty where a text has one class."""
    bias: dict[str, dict[str, Area]] = {}
    """Group of people → subgroup, BPSN and BNSP AUC of the candidate on the texts that name it, of enough rows."""
    checks: tuple[Outcome, ...] = ()
    """Functional tests of the suites in `promotion.checks`, each beside the champion where there is one."""


class PromotionDecision(BaseModel):
    """Decision on a candidate, with its reason and evidence."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    promote: bool
    reason: str
    """Reason for the decision: one English sentence with the numbers, and one on the rows that came since the
    champion."""
    evidence: Evidence
    """Everything that was measured; the intervals of `differences` are widened by the noise of the trainings."""
    policy: PromotionConfig
    """Section `promotion` of the config by which it was decided."""


def decide(evidence: Evidence, policy: PromotionConfig) -> PromotionDecision:
    """Promote only a candidate whose gain over every comparator lies beyond noise.

    The comparator is the champion or, where there is none yet, each of `FIRST_COMPARATORS`; then the candidate must not
    lose to any other baseline either, and one that is as good is named. A comparison that is missing or holds a number
    that is not finite counts as lost. An interval is widened by `promotion.run_noise`: once
    for the candidate, and once for the champion, which was trained too.
    """
    evidence = evidence.model_copy(update={"differences": _widened(evidence, policy)})
    promote, why = _verdict(evidence, policy)
    return PromotionDecision(
        promote=promote,
        reason=f"{_outcome(promote, evidence)}: {why}.{_since_champion(evidence)}",
        evidence=evidence,
        policy=policy,
    )


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


def _comparators(evidence: Evidence) -> tuple[str, ...]:
    return FIRST_COMPARATORS if evidence.champion is None else ("champion",)


def _widened(evidence: Evidence, policy: PromotionConfig) -> dict[str, PairedDifference]:
    """The differences that decide, with the noise of both trainings."""
    noise = policy.run_noise * math.sqrt(1 if evidence.champion is None else 2)
    return {name: difference.with_run_noise(noise) for name, difference in evidence.differences.items()}


def _verdict(evidence: Evidence, policy: PromotionConfig) -> tuple[bool, str]:
    """Whether to promote, and why."""
    n_rows = min([evidence.n_rows, *(difference.n for difference in evidence.differences.values())])
    if evidence.candidate == evidence.champion:
        return False, "it is the champion already"
    if evidence.obstacle is not None:
        return False, evidence.obstacle
    if n_rows < policy.min_rows:
        return False, f"the comparison has {n_rows} test rows that no model has seen, and needs {policy.min_rows}"
    checks = [_check(name, evidence.differences.get(name), policy.smallest_gain) for name in _comparators(evidence)]
    lost = [clause for won, clause in checks if not won]
    lost += [
        _loss(name, found)
        for name, found in _other_baselines(evidence).items()
        if not (_is_finite(found) and found.high >= 0)
    ]
    lost += [limit.clause for limit in evidence.limits if not limit.is_kept]
    return not lost, ", and ".join(lost or [clause for _, clause in checks])


def _check(name: str, found: PairedDifference | None, smallest_gain: float) -> tuple[bool, str]:
    """Whether the candidate won a comparison, and a clause that says so."""
    comparator = _title(name)
    if found is None or not _is_finite(found):
        return False, f"the comparison with {comparator} has no finite result"
    won = found.low > smallest_gain
    return won, (
        f"its gain over {comparator} is {found.difference:+.3f} {found.metric} on {found.n} test rows"
        f" (95 % interval {found.low:+.3f} to {found.high:+.3f},"
        f" {'above' if won else 'not wholly above'} the smallest gain of {smallest_gain:g})"
    )


def _other_baselines(evidence: Evidence) -> dict[str, PairedDifference]:
    """Differences from baselines that need not be beaten, where there is no champion yet."""
    others = {} if evidence.champion is not None else evidence.differences
    return {name: found for name, found in others.items() if name not in FIRST_COMPARATORS}


def _loss(name: str, found: PairedDifference) -> str:
    if not _is_finite(found):
        return f"the comparison with {_title(name)} has no finite result"
    return (
        f"{_title(name)} is better by {-found.difference:.3f} {found.metric} on {found.n} test rows (95 % interval"
        f" {-found.high:.3f} to {-found.low:.3f})"
    )


def _is_finite(found: PairedDifference) -> bool:
    return all(map(math.isfinite, (found.difference, found.low, found.high)))


def _title(name: str) -> str:
    return "the champion" if name == "champion" else CONTENDERS.get(name, name)


def _since_champion(evidence: Evidence) -> str:
    """Sentence on the rows that came since the champion; empty where nothing is known of them."""
    if evidence.champion is None or evidence.n_new is None or not evidence.n_rows:
        return ""
    return f" {tell_apart(evidence.n_new, evidence.n_rows, evidence.apart, champion=evidence.champion)}"


def _outcome(promote: bool, evidence: Evidence) -> str:
    if promote:
        simpler = [_title(name) for name in list_as_good(_other_baselines(evidence))]
        named = f" though a simpler model is as good ({', '.join(simpler)})" if simpler else ""
        return f"Candidate {evidence.candidate} becomes champion{named}"
    champion = evidence.champion
    stays = "there is still no champion" if champion is None else f"champion {champion} stays"
    return f"Candidate {evidence.candidate} is not promoted and {stays}"
