"""Bootstrap: how sure a metric is, and whether one model's beats another's on the same rows.

All resamples of a chunk are measured at once: how often each row was drawn is its weight in the metric
(`agile_classifier.metrics.metrics`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from agile_classifier.errors import InputError
from agile_classifier.metrics.metrics import METRICS, AnyRows, DecisionThreshold, Floats, Ints, read_rows

INTERVAL = (2.5, 97.5)
"""Percentiles between which 95 % of the resamples lie."""
CHUNK = 1_000_000
"""Weights held in memory at a time."""
NORMAL_95 = 1.96
"""Standard deviations that half a 95 % interval of a normal distribution is wide."""

Answers = tuple[ArrayLike, DecisionThreshold]
"""Probabilities of a model, of shape (n, n_classes), and its decision threshold; as in `evaluate_scores`."""


@dataclass(frozen=True)
class PairedDifference:
    """How much better the candidate is than the comparator on the same rows; above 0 it is better, for every metric."""

    metric: str
    difference: float
    """Candidate minus comparator on all rows (for `brier`, an error, comparator minus candidate)."""
    low: float
    """Lower end of the 95 % interval of the difference."""
    high: float
    """Upper end of the 95 % interval of the difference."""
    n: int
    """Rows that both models scored."""

    def with_run_noise(self, sd: float) -> PairedDifference:
        """The same with an interval that also holds noise of this standard deviation, whichever rows were drawn."""
        if not sd:
            return self
        extra = NORMAL_95 * sd
        low, high = (math.hypot(self.difference - end, extra) for end in (self.low, self.high))
        return replace(self, low=self.difference - low, high=self.difference + high)


def bootstrap_intervals(
    *,
    y_true: ArrayLike,
    y_score: ArrayLike,
    decision_threshold: DecisionThreshold,
    n_resamples: int = 1000,
    metrics: Sequence[str] = tuple(METRICS),
    seed: int,
) -> dict[str, tuple[float, float]]:
    """95 % percentile interval of each metric over resampled rows: how far another test set of this size might differ.

    The model and its decision threshold stand still; only the rows vary. A resample that holds a single class has no
    ROC AUC and is drawn again.

    Parameters
    ----------
    metrics : sequence of str
        Names of `evaluate_scores` to measure; all without it.

    Returns
    -------
    dict
        (low, high) under these names.
    """
    rows = read_rows(y_true, y_score, decision_threshold)
    drawn: dict[str, list[Floats]] = {name: [] for name in metrics}
    for weights in resample(rows.y_true, n_resamples=n_resamples, seed=seed):
        for measure in dict.fromkeys(METRICS[name] for name in metrics):
            found = measure(rows, weights)
            for name in drawn.keys() & found.keys():
                drawn[name].append(found[name])
    return {name: _interval(np.concatenate(values)) for name, values in drawn.items()}


def paired_bootstrap(
    *,
    y_true: ArrayLike,
    candidate_score: ArrayLike,
    comparator_score: ArrayLike,
    metric: str,
    candidate_threshold: DecisionThreshold = None,
    comparator_threshold: DecisionThreshold = None,
    n_resamples: int = 2000,
    seed: int,
) -> PairedDifference:
    """Difference of two models with its 95 % percentile interval, both scored on the same resampled rows.

    Pairing removes what both share, the difficulty of the rows, so it sees gains that two separate intervals hide.

    Parameters
    ----------
    candidate_score, comparator_score : arrays of shape (n, n_classes)
    metric : str
        A name of `evaluate_scores`.
    candidate_threshold, comparator_threshold : float or None
        Decision threshold of each; as in `evaluate_scores`.
    """
    differences = paired_differences(
        y_true, (candidate_score, candidate_threshold), {"comparator": (comparator_score, comparator_threshold)},
        metrics=[metric], n_resamples=n_resamples, seed=seed,
    )  # fmt: skip
    return differences["comparator"][metric]


def paired_differences(
    y_true: ArrayLike,
    candidate: Answers,
    comparators: Mapping[str, Answers],
    *,
    metrics: Sequence[str],
    n_resamples: int = 2000,
    seed: int,
) -> dict[str, dict[str, PairedDifference]]:
    """Compare a model with several others, in several metrics: comparator → metric → as `paired_bootstrap`.

    All are measured on the same resamples, and each once a resample.
    """
    if unknown := [metric for metric in metrics if metric not in METRICS]:
        raise InputError(f"metric {unknown[0]!r}: not known; allowed are {', '.join(METRICS)}")
    ours, theirs = read_rows(y_true, *candidate), {name: read_rows(y_true, *who) for name, who in comparators.items()}
    n = len(ours.y_true)
    on_all = _gains(ours, theirs, np.ones((1, n)), metrics=metrics)
    drawn = [
        _gains(ours, theirs, weights, metrics=metrics)
        for weights in resample(ours.y_true, n_resamples=n_resamples, seed=seed)
    ]
    found: dict[str, dict[str, PairedDifference]] = {}
    for name in theirs:
        ends = {metric: _interval(np.concatenate([gains[name][metric] for gains in drawn])) for metric in metrics}
        found[name] = {
            metric: PairedDifference(metric, float(on_all[name][metric][0]), low, high, n)
            for metric, (low, high) in ends.items()
        }
    return found


def resample(y_true: Ints, *, n_resamples: int, seed: int) -> Iterator[Floats]:
    """Chunks of shape (n_chunk, n): how often each row was drawn in each resample, single-class resamples left out."""
    generator, n = np.random.default_rng(seed), len(y_true)
    missing = n_resamples
    while missing:
        n_chunk = min(missing, max(1, CHUNK // n))
        drawn = generator.integers(0, n, size=(n_chunk, n)) + n * np.arange(n_chunk)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=n_chunk * n).reshape(n_chunk, n).astype(np.float64)
        per_class = weights @ np.eye(y_true.max() + 1)[y_true]  # (n_chunk, n_classes)
        weights = weights[(per_class > 0).sum(axis=1) >= 2]
        missing -= len(weights)
        yield weights


def _gains(
    ours: AnyRows, theirs: Mapping[str, AnyRows], weights: Floats, *, metrics: Sequence[str]
) -> dict[str, dict[str, Floats]]:
    """Comparator → metric → gain of the candidate, above 0 better for every metric, of shape (n_resamples,)."""
    measures = tuple(dict.fromkeys(METRICS[metric] for metric in metrics))

    def measure(rows: AnyRows) -> dict[str, Floats]:
        return {name: values for each in measures for name, values in each(rows, weights).items()}

    mine = measure(ours)
    found = {}
    for name, rows in theirs.items():
        other = measure(rows)
        found[name] = {
            metric: (-1.0 if metric == "brier" else 1.0) * (mine[metric] - other[metric]) for metric in metrics
        }
    return found


def _interval(values: Floats) -> tuple[float, float]:
    low, high = np.percentile(values, INTERVAL)
    return float(low), float(high)
