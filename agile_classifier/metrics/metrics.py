"""Metrics: how good probabilities are, how sure that is, and whether one model's beat another's on the same rows.

A metric here is a function of row weights. Weights of one give the metric itself; bootstrap counts as weights give all
resamples at once, with the rows sorted a single time. So a value and its interval can never come from two formulas;
the tests hold both against scikit-learn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agile_classifier.errors import GateRefused, InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DEFAULT_THRESHOLD = 0.5
INTERVAL = (2.5, 97.5)
"""Percentiles between which 95 % of the resamples lie."""
ROW_SUM_TOLERANCE = 1e-3
"""How far a row of probabilities may be from a sum of 1: float32 softmax, rounded to four places."""
CHUNK = 1_000_000
"""Weights held in memory at a time."""


NORMAL_95 = 1.96
"""Standard deviations that half a 95 % interval of a normal distribution is wide."""


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
        """The same with an interval that also holds noise of this standard deviation, independent of which rows were drawn."""
        if not sd:
            return self
        extra = NORMAL_95 * sd
        low, high = (math.hypot(self.difference - end, extra) for end in (self.low, self.high))
        return replace(self, low=self.difference - low, high=self.difference + high)


def evaluate_scores(*, y_true: ArrayLike, y_score: ArrayLike, decision_threshold: float | None) -> dict[str, float]:
    """Every metric of these probabilities.

    Parameters
    ----------
    y_true : array of shape (n,)
        Classes 0, 1, …; at least two of them occur.
    y_score : array of shape (n, n_classes)
        Probabilities; rows sum to 1.
    decision_threshold : float or None
        Cut on the probability of class 1; None is 0.5. More than two classes have none: the likeliest is predicted.

    Returns
    -------
    dict
        `f1`, `precision`, `recall`, `roc_auc`, `pr_auc` (average precision): of class 1; for more than two classes the
        mean over the classes that `y_true` holds, each against the rest. `f1_macro`: that mean, for two classes too.
        `f1_micro`, `accuracy`. `brier`: mean squared error of the probability of class 1, in [0, 1]; for more than two
        classes summed over the classes, in [0, 2]. All but `brier` are in [0, 1] and higher is better.

    Raises
    ------
    InputError
        Shapes do not fit, a score is not finite, rows do not sum to 1, or `y_true` holds a single class.
    """
    rows = _read_rows(y_true, y_score, decision_threshold)
    weights = np.ones((1, len(rows.y_true)))
    return {name: float(value[0]) for measure in MEASURES for name, value in measure(rows, weights).items()}


def bootstrap_intervals(
    *,
    y_true: ArrayLike,
    y_score: ArrayLike,
    decision_threshold: float | None,
    n_resamples: int = 1000,
    seed: int,
) -> dict[str, tuple[float, float]]:
    """95 % percentile interval of each metric over resampled rows: how far another test set of this size might differ.

    The model and its decision threshold stand still; only the rows vary. A resample that holds a single class has no
    ROC AUC and is drawn again.

    Returns
    -------
    dict
        (low, high) under the names of `evaluate_scores`.
    """
    rows = _read_rows(y_true, y_score, decision_threshold)
    drawn: dict[str, list[Floats]] = {name: [] for name in METRICS}
    for weights in _resample(rows.y_true, n_resamples=n_resamples, seed=seed):
        for measure in MEASURES:
            for name, values in measure(rows, weights).items():
                drawn[name].append(values)
    return {name: _interval(np.concatenate(values)) for name, values in drawn.items()}


def paired_bootstrap(
    *,
    y_true: ArrayLike,
    candidate_score: ArrayLike,
    comparator_score: ArrayLike,
    metric: str,
    candidate_threshold: float | None = None,
    comparator_threshold: float | None = None,
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
    if metric not in METRICS:
        raise InputError(f"metric {metric!r}: not known; allowed are {', '.join(METRICS)}")
    candidate = _read_rows(y_true, candidate_score, candidate_threshold)
    comparator = _read_rows(y_true, comparator_score, comparator_threshold)
    measure = METRICS[metric]
    sign = -1.0 if metric == "brier" else 1.0

    def gain(weights: Floats) -> Floats:
        return sign * (measure(candidate, weights)[metric] - measure(comparator, weights)[metric])

    resamples = _resample(candidate.y_true, n_resamples=n_resamples, seed=seed)
    low, high = _interval(np.concatenate([gain(weights) for weights in resamples]))
    n = len(candidate.y_true)
    return PairedDifference(metric=metric, difference=float(gain(np.ones((1, n)))[0]), low=low, high=high, n=n)


def predict(y_score: ArrayLike, decision_threshold: float | None) -> Ints:
    """Classes of shape (n,): 1 where its probability is at or above the threshold; the likeliest of more than two."""
    score = np.asarray(y_score, dtype=np.float64)
    if score.shape[1] > 2:
        if decision_threshold is not None:
            raise InputError(f"decision threshold {decision_threshold}: {score.shape[1]} classes have none")
        return np.asarray(score.argmax(axis=1), dtype=np.int64)
    cut = DEFAULT_THRESHOLD if decision_threshold is None else decision_threshold
    return np.asarray(score[:, 1] >= cut, dtype=np.int64)


def choose_decision_threshold(
    *,
    y_true: ArrayLike,
    y_score_positive: ArrayLike,
    policy: str = "best_f1",
    least: float = 0.0,
    false_negative_cost: float = 1.0,
) -> float:
    """The cut that a policy prefers, to be chosen on validation; of equally good cuts, the nearest to 0.5.

    Cuts lie midway between neighbouring scores, and below the lowest one, so that none depends on a last digit. For `cost` there
    is one above the highest too, by which nothing is flagged, unless that score is 1: a threshold is a probability, and flags what is at it.

    Parameters
    ----------
    y_true : array of shape (n,)
        Classes 0 and 1; both occur.
    y_score_positive : array of shape (n,)
        Probability of class 1.
    policy : str
        Of `POLICIES`. `best_f1`: the best F1 of class 1; `cost`: the least cost of errors; `precision`: the best recall among cuts of
        precision `least` or more; `recall`: the best precision among cuts of recall `least` or more.
    false_negative_cost : float
        For `cost`: what a missed text costs, in units of a false alarm.

    Raises
    ------
    GateRefused
        No cut reaches `least`.
    """
    truth, score = np.asarray(y_true), np.asarray(y_score_positive, dtype=np.float64)
    _read_rows(truth, np.column_stack([1 - score, score]), None)
    order = np.argsort(-score, kind="stable")
    descending = score[order]
    last = _last_of_ties(descending)
    hits, n_flagged, n_positive = np.cumsum(truth[order] == 1)[last], last + 1, (truth == 1).sum()  # "1 down to here"
    distinct = descending[last]
    if policy == "cost" and distinct[0] < 1:  # as if 1 were a score of no text, below which nothing is flagged yet
        distinct, hits, n_flagged = np.append(1.0, distinct), np.append(0, hits), np.append(0, n_flagged)
    value = POLICIES[policy](hits, n_flagged, n_positive, least=least, false_negative_cost=false_negative_cost)
    if not value.max() > -np.inf:
        reached = {"precision": hits / n_flagged, "recall": hits / n_positive}[policy].max()
        raise GateRefused(
            f"evaluation.decision_threshold {policy}: {least:g} is wanted, {reached:.3f} is the best that a cut reaches on {len(truth)} validation rows"
        )
    upper, lower = distinct, np.append(distinct[1:], 0.0)
    middle = (upper + lower) / 2
    cuts = np.where(middle > lower, middle, upper)  # neighbouring floats have no number between them
    best = cuts[np.isclose(value, value.max(), rtol=0, atol=1e-12)]
    return float(best[np.argmin(np.abs(best - DEFAULT_THRESHOLD))])


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
"""Name → what is best of every cut, from the texts of class 1 above it, all texts above it, and all texts of class 1."""


def confusion(*, y_true: ArrayLike, y_pred: ArrayLike, n_classes: int) -> Ints:
    """Counts of shape (n_classes, n_classes): rows are the truth, columns the prediction."""
    cells = np.asarray(y_true, dtype=np.int64) * n_classes + np.asarray(y_pred, dtype=np.int64)
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


@dataclass(frozen=True)
class _Rows:
    """Checked truth, scores and predictions."""

    y_true: Ints
    y_score: Floats
    y_pred: Ints

    @property
    def shown(self) -> list[int]:
        """Classes a metric is averaged over: class 1 of two, all of more."""
        n_classes = self.y_score.shape[1]
        return [1] if n_classes == 2 else list(range(n_classes))


def _read_rows(y_true: ArrayLike, y_score: ArrayLike, decision_threshold: float | None) -> _Rows:
    truth, score = np.asarray(y_true, dtype=np.int64), np.asarray(y_score, dtype=np.float64)
    if score.ndim != 2 or score.shape[1] < 2 or truth.shape != score.shape[:1]:
        raise InputError(f"metrics: scores of shape {score.shape} for {truth.shape} rows; allowed is (n, n_classes)")
    if not np.isfinite(score).all() or np.abs(score.sum(axis=1) - 1).max(initial=0) > ROW_SUM_TOLERANCE:
        raise InputError("metrics: scores must be finite, and each row must sum to 1")
    if len(np.unique(truth)) < 2:
        raise InputError(f"metrics: {len(truth)} rows hold fewer than two classes, so nothing can be told apart")
    if truth.min() < 0 or truth.max() >= score.shape[1]:
        raise InputError(f"metrics: class {truth.max()} found where scores have {score.shape[1]} columns")
    return _Rows(truth, score, predict(score, decision_threshold))


def _resample(y_true: Ints, *, n_resamples: int, seed: int) -> Iterator[Floats]:
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


def _interval(values: Floats) -> tuple[float, float]:
    low, high = np.percentile(values, INTERVAL)
    return float(low), float(high)


def _measure_predictions(rows: _Rows, weights: Floats) -> dict[str, Floats]:
    """What depends on the predicted classes alone; each value of shape (n_resamples,)."""
    one_hot = np.eye(rows.y_score.shape[1])
    is_true, is_predicted = one_hot[rows.y_true], one_hot[rows.y_pred]  # (n, n_classes)
    n_true, n_predicted, n_hit = (weights @ cells for cells in (is_true, is_predicted, is_true * is_predicted))
    held = n_true > 0
    per_class = {
        "f1": _ratio(2 * n_hit, n_true + n_predicted),
        "precision": _ratio(n_hit, n_predicted),
        "recall": _ratio(n_hit, n_true),
    }
    accuracy = n_hit.sum(axis=1) / weights.sum(axis=1)
    return {
        **{name: _mean_over(values[:, rows.shown], held[:, rows.shown]) for name, values in per_class.items()},
        "f1_macro": _mean_over(per_class["f1"], held),
        "f1_micro": accuracy,  # the same number where each row has exactly one class
        "accuracy": accuracy,
    }


def _measure_ranking(rows: _Rows, weights: Floats) -> dict[str, Floats]:
    """What depends on the order of the scores alone; each value of shape (n_resamples,)."""
    areas = [_areas(rows.y_true == shown, rows.y_score[:, shown], weights) for shown in rows.shown]
    held = np.column_stack([weights @ (rows.y_true == shown) > 0 for shown in rows.shown])
    roc_auc, pr_auc = (np.column_stack(columns) for columns in zip(*areas, strict=True))
    return {"roc_auc": _mean_over(roc_auc, held), "pr_auc": _mean_over(pr_auc, held)}


def _measure_brier(rows: _Rows, weights: Floats) -> dict[str, Floats]:
    """Squared error of the probabilities, of shape (n_resamples,)."""
    truth = np.eye(rows.y_score.shape[1])[rows.y_true]
    error = ((rows.y_score - truth)[:, rows.shown] ** 2).sum(axis=1)  # (n,)
    return {"brier": weights @ error / weights.sum(axis=1)}


def _areas(positive: NDArray[np.bool_], score: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """ROC AUC and average precision of one class against the rest, each of shape (n_resamples,)."""
    order = np.argsort(-score, kind="stable")
    last = _last_of_ties(score[order])
    ordered = weights[:, order]
    n_drawn = np.cumsum(ordered, axis=1)[:, last]  # (n_resamples, n_thresholds), down to each distinct score
    n_hit = np.cumsum(ordered * positive[order], axis=1)[:, last]
    n_false = n_drawn - n_hit
    new_hits, new_false = (np.diff(counts, axis=1, prepend=0) for counts in (n_hit, n_false))
    below = _ratio(((n_hit - new_hits / 2) * new_false).sum(axis=1), n_hit[:, -1] * n_false[:, -1])
    return below, _ratio((new_hits * _ratio(n_hit, n_drawn)).sum(axis=1), n_hit[:, -1])


def _last_of_ties(ordered: Floats) -> Ints:
    """Position of the last of each run of equal scores."""
    return np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)


def _ratio(part: Floats, whole: Floats) -> Floats:
    """0 where nothing is counted, as scikit-learn's `zero_division=0`."""
    return np.divide(part, whole, out=np.zeros_like(whole, dtype=np.float64), where=whole > 0)


def _mean_over(values: Floats, held: NDArray[np.bool_]) -> Floats:
    """Mean over the classes that the rows hold, of shape (n_resamples,)."""
    return np.asarray(_ratio((values * held).sum(axis=1), held.sum(axis=1).astype(np.float64)))


METRICS: dict[str, Callable[[_Rows, Floats], dict[str, Floats]]] = {
    **dict.fromkeys(("f1", "f1_macro", "f1_micro", "accuracy", "precision", "recall"), _measure_predictions),
    **dict.fromkeys(("roc_auc", "pr_auc"), _measure_ranking),
    "brier": _measure_brier,
}
"""Names of the metrics, each with the function that computes it beside its siblings."""
MEASURES = tuple(dict.fromkeys(METRICS.values()))
