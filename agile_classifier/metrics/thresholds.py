"""Decision thresholds: the cut on the probability of class 1 that a policy prefers, chosen on validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from agile_classifier.errors import GateRefused
from agile_classifier.metrics.calibration import Floats, Ints
from agile_classifier.metrics.metrics import DEFAULT_THRESHOLD, last_of_ties, read_rows


def choose_decision_threshold(
    *,
    y_true: ArrayLike,
    y_score_positive: ArrayLike,
    policy: str = "best_f1",
    least: float = 0.0,
    false_negative_cost: float = 1.0,
) -> float:
    """The cut that a policy prefers, to be chosen on validation; of equally good cuts, the nearest to 0.5.

    Cuts lie midway between neighbouring scores, and below the lowest one, so that none depends on a last digit. For
    `cost` there is one above the highest too, by which nothing is flagged, unless that score is 1: a threshold is a
    probability, and flags what is at it.

    Parameters
    ----------
    y_true : array of shape (n,)
        Classes 0 and 1; both occur.
    y_score_positive : array of shape (n,)
        Probability of class 1.
    policy : str
        Of `POLICIES`. `best_f1`: the best F1 of class 1; `cost`: the least cost of errors; `precision`: the best recall
        among cuts of precision `least` or more; `recall`: the best precision among cuts of recall `least` or more.
    false_negative_cost : float
        For `cost`: what a missed text costs, in units of a false alarm.

    Raises
    ------
    GateRefused
        No cut reaches `least`.
    """
    truth, score = np.asarray(y_true), np.asarray(y_score_positive, dtype=np.float64)
    read_rows(truth, np.column_stack([1 - score, score]), None)
    order = np.argsort(-score, kind="stable")
    descending = score[order]
    last = last_of_ties(descending)
    hits, n_flagged, n_positive = np.cumsum(truth[order] == 1)[last], last + 1, (truth == 1).sum()  # "1 down to here"
    distinct = descending[last]
    if policy == "cost" and distinct[0] < 1:  # as if 1 were a score of no text, below which nothing is flagged yet
        distinct, hits, n_flagged = np.append(1.0, distinct), np.append(0, hits), np.append(0, n_flagged)
    value = POLICIES[policy](hits, n_flagged, n_positive, least=least, false_negative_cost=false_negative_cost)
    if not value.max() > -np.inf:
        reached = {"precision": hits / n_flagged, "recall": hits / n_positive}[policy].max()
        raise GateRefused(
            f"evaluation.decision_threshold {policy}: {least:g} is wanted, {reached:.3f} is the best that a cut reaches"
            f" on {len(truth)} validation rows"
        )
    best = _cuts_below(distinct)[np.isclose(value, value.max(), rtol=0, atol=1e-12)]
    return float(best[np.argmin(np.abs(best - DEFAULT_THRESHOLD))])


def _cuts_below(descending: Floats) -> Floats:
    """A cut midway between each score and the next lower one; neighbouring floats have no number between them."""
    lower = np.append(descending[1:], 0.0)
    middle = (descending + lower) / 2
    return np.where(middle > lower, middle, descending)


def _by_f1(hits: Ints, n_flagged: Ints, n_positive: int, **_: float) -> Floats:
    return np.asarray(2 * hits / (n_flagged + n_positive), dtype=np.float64)


def _by_cost(hits: Ints, n_flagged: Ints, n_positive: int, *, false_negative_cost: float, **_: float) -> Floats:
    return np.asarray(-(n_flagged - hits) - false_negative_cost * (n_positive - hits), dtype=np.float64)


def _by_precision(hits: Ints, n_flagged: Ints, n_positive: int, *, least: float, **_: float) -> Floats:
    return np.where(hits / n_flagged >= least, hits / n_positive, -np.inf)


def _by_recall(hits: Ints, n_flagged: Ints, n_positive: int, *, least: float, **_: float) -> Floats:
    return np.where(hits / n_positive >= least, hits / n_flagged, -np.inf)


POLICIES: Mapping[str, Callable[..., Floats]] = {
    "best_f1": _by_f1,
    "cost": _by_cost,
    "precision": _by_precision,
    "recall": _by_recall,
}
"""Name → what is best of every cut, from the texts of class 1 above it, all texts above it, and all texts of class
1."""
