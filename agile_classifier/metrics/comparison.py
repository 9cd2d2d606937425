"""Comparison: two models on the same rows, beyond one metric: every slice, and the decisions they disagree on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from agile_classifier.metrics.bootstrap import PairedDifference, paired_differences
from agile_classifier.metrics.metrics import DecisionThreshold, predict

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Answers:
    """A model's answers on the rows."""

    y_score: Floats
    """Probabilities of shape (n, n_classes)."""
    threshold: DecisionThreshold
    """Decision threshold on the probability of class 1; with several labels, one each."""

    def on(self, rows: Mask) -> Answers:
        """Select the answers on some of the rows."""
        return Answers(self.y_score[rows], self.threshold)


WORSE_BEYOND_NOISE = 0.05
"""p-value of McNemar's test below which more wrong decisions are not chance."""


@dataclass(frozen=True)
class McNemar:
    """Whether two models that decide differently are right equally often, where they disagree."""

    only_candidate_right: int
    only_comparator_right: int
    p_value: float
    """Exact two-sided p-value: how often a fair coin falls at least as unevenly; 1 if they never disagree."""


def compare(
    y_true: Ints, candidate: Answers, comparator: Answers, *, metrics: Sequence[str]
) -> dict[str, PairedDifference]:
    """Paired difference of two models in each metric, on the same resamples."""
    new, old = (candidate.y_score, candidate.threshold), (comparator.y_score, comparator.threshold)
    return paired_differences(y_true, new, {"comparator": old}, metrics=metrics, seed=0)["comparator"]


def compare_slices(
    y_true: Ints,
    candidate: Answers,
    comparator: Answers,
    *,
    metric: str,
    slices: Mapping[str, Mask],
    min_rows: int,
) -> tuple[dict[str, PairedDifference], dict[str, int]]:
    """Paired difference on each slice, and the sizes of slices that are too small or of one class."""
    judged, left_out = {}, {}
    for name, rows in slices.items():
        if rows.sum() >= min_rows and len(np.unique(y_true[rows], axis=0)) > 1:
            judged[name] = compare(y_true[rows], candidate.on(rows), comparator.on(rows), metrics=[metric])[metric]
        else:
            left_out[name] = int(rows.sum())
    return judged, left_out


def mcnemar(y_true: Ints, candidate: Answers, comparator: Answers) -> McNemar:
    """McNemar's exact test on the decisions; with several labels a row is right where all of its labels are."""
    right = [predict(who.y_score, who.threshold) == y_true for who in (candidate, comparator)]
    right = [each.all(axis=1) if each.ndim == 2 else each for each in right]
    only = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    p_value = float(binomtest(only[0], sum(only)).pvalue) if sum(only) else 1.0
    return McNemar(*only, p_value)
