"""Metrics: how good probabilities are, against the classes that they are of.

A metric here is a function of row weights. Weights of one give the metric itself; bootstrap counts as weights give all
resamples at once, with the rows sorted a single time. So a value and its interval can never come from two formulas;
the tests hold both against scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agile_classifier.errors import InputError
from agile_classifier.label_sets import join_labels, two_columns

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DecisionThreshold = float | tuple[float, ...] | None
"""Decision threshold on the probability of class 1; with several labels one each; None of more than two classes."""

DEFAULT_THRESHOLD = 0.5
ROW_SUM_TOLERANCE = 1e-3
"""How far a row of probabilities may be from a sum of 1: float32 softmax, rounded to four places."""


def evaluate_scores(
    *, y_true: ArrayLike, y_score: ArrayLike, decision_threshold: DecisionThreshold
) -> dict[str, float]:
    """Every metric of these probabilities.

    Parameters
    ----------
    y_true : array of shape (n,)
        Classes 0, 1, …; at least two of them occur. With several labels a table of shape (n, n_labels) of 0 and 1.
    y_score : array of shape (n, n_classes)
        Probabilities; rows sum to 1. With several labels the probability of each, of shape (n, n_labels).
    decision_threshold : float or None
        Cut on the probability of class 1; None is 0.5. More than two classes have none: the likeliest is predicted.
        With several labels a tuple of one each.

    Returns
    -------
    dict
        `f1`, `precision`, `recall`, `roc_auc`, `pr_auc` (average precision): of class 1; for more than two classes the
        mean over the classes that `y_true` holds, each against the rest. `f1_macro`: that mean, for two classes too.
        `f1_micro`, `accuracy`. `brier`: mean squared error of the probability of class 1, in [0, 1]; for more than two
        classes summed over the classes, in [0, 2]. All but `brier` are in [0, 1] and higher is better. With several
        labels each is the mean over the labels that `y_true` holds and does not hold everywhere, as a classifier of two
        classes each; `f1_macro` is `f1`, and `f1_micro` counts all labels of all rows together.

    Raises
    ------
    InputError
        Shapes do not fit, a score is not finite, rows do not sum to 1, or `y_true` holds a single class.
    """
    rows = read_rows(y_true, y_score, decision_threshold)
    weights = np.ones((1, len(rows.y_true)))
    return {name: float(value[0]) for measure in MEASURES for name, value in measure(rows, weights).items()}


def predict(y_score: ArrayLike, decision_threshold: DecisionThreshold) -> Ints:
    """Classes of shape (n,): 1 where its probability is at or above the threshold; the likeliest of more than two.

    With several labels, whose thresholds are a tuple: a table of shape (n, n_labels), 1 where a label is present.
    """
    score = np.asarray(y_score, dtype=np.float64)
    if isinstance(decision_threshold, tuple):
        return np.asarray(score >= np.asarray(decision_threshold), dtype=np.int64)
    if score.shape[1] > 2:
        if decision_threshold is not None:
            raise InputError(f"decision threshold {decision_threshold}: {score.shape[1]} classes have none")
        return np.asarray(score.argmax(axis=1), dtype=np.int64)
    cut = DEFAULT_THRESHOLD if decision_threshold is None else decision_threshold
    return np.asarray(score[:, 1] >= cut, dtype=np.int64)


def confusion(*, y_true: ArrayLike, y_pred: ArrayLike, n_classes: int) -> Ints:
    """Counts of shape (n_classes, n_classes): rows are the truth, columns the prediction."""
    cells = np.asarray(y_true, dtype=np.int64) * n_classes + np.asarray(y_pred, dtype=np.int64)
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


@dataclass(frozen=True)
class Rows:
    """Checked truth, scores and predictions."""

    y_true: Ints
    y_score: Floats
    y_pred: Ints

    @property
    def shown(self) -> list[int]:
        """Classes a metric is averaged over: class 1 of two, all of more."""
        n_classes = self.y_score.shape[1]
        return [1] if n_classes == 2 else list(range(n_classes))


@dataclass(frozen=True)
class LabelRows:
    """Several labels of the same rows: each a binary task of its own."""

    y_true: Ints
    """Number of each row's set of labels, of shape (n,): rows of one number are alike."""
    labels: tuple[Rows, ...]
    """Labels that some rows carry and others do not."""

    def held(self, weights: Floats) -> NDArray[np.bool_]:
        """Labels that resamples hold and do not hold everywhere, of shape (n_resamples, n_labels)."""
        present = np.column_stack([weights @ (rows.y_true == 1) for rows in self.labels])
        return np.asarray((present > 0) & (present < weights.sum(axis=1, keepdims=True)))


AnyRows = Rows | LabelRows
Measure = Callable[[AnyRows, Floats], dict[str, Floats]]


def part_tasks(
    y_true: ArrayLike, y_score: ArrayLike, decision_threshold: DecisionThreshold
) -> list[tuple[Ints, Floats, float | None]]:
    """Truth, probabilities of shape (n, 2) and threshold of each of several labels, from tables of (n, n_labels)."""
    truth, score = np.asarray(y_true, dtype=np.int64), np.asarray(y_score, dtype=np.float64)
    if truth.ndim != 2 or truth.shape != score.shape:
        raise InputError(f"metrics: scores of shape {score.shape} for labels of {truth.shape}; they must be alike")
    n_labels = truth.shape[1]
    cuts = decision_threshold if isinstance(decision_threshold, tuple) else (decision_threshold,) * n_labels
    if len(cuts) != n_labels:
        raise InputError(f"metrics: {len(cuts)} decision thresholds for {n_labels} labels; needed is one each")
    return [(truth[:, number], two_columns(score[:, number]), cuts[number]) for number in range(n_labels)]


def read_rows(y_true: ArrayLike, y_score: ArrayLike, decision_threshold: DecisionThreshold) -> AnyRows:
    """Check truth and probabilities, and predict; raises as `evaluate_scores`."""
    if np.ndim(y_true) == 2:
        return _read_labels(y_true, y_score, decision_threshold)
    return _read_classes(y_true, y_score, decision_threshold)


def _read_labels(y_true: ArrayLike, y_score: ArrayLike, decision_threshold: DecisionThreshold) -> LabelRows:
    tasks = part_tasks(y_true, y_score, decision_threshold)
    labels = [_read_classes(*task) for task in tasks if len(np.unique(task[0])) == 2]
    if not labels:
        raise InputError(
            f"metrics: of {len(tasks)} labels each stands in all or in none of the {np.shape(y_true)[0]} rows, so"
            " nothing can be told apart"
        )
    sets = np.unique(join_labels(y_true), return_inverse=True)[1]
    return LabelRows(np.asarray(sets, dtype=np.int64), tuple(labels))


def _read_classes(y_true: ArrayLike, y_score: ArrayLike, decision_threshold: DecisionThreshold) -> Rows:
    truth, score = np.asarray(y_true, dtype=np.int64), np.asarray(y_score, dtype=np.float64)
    if score.ndim != 2 or score.shape[1] < 2 or truth.shape != score.shape[:1]:
        raise InputError(f"metrics: scores of shape {score.shape} for {truth.shape} rows; allowed is (n, n_classes)")
    if not np.isfinite(score).all() or np.abs(score.sum(axis=1) - 1).max(initial=0) > ROW_SUM_TOLERANCE:
        raise InputError("metrics: scores must be finite, and each row must sum to 1")
    if len(np.unique(truth)) < 2:
        raise InputError(f"metrics: {len(truth)} rows hold fewer than two classes, so nothing can be told apart")
    if truth.min() < 0 or truth.max() >= score.shape[1]:
        raise InputError(f"metrics: class {truth.max()} found where scores have {score.shape[1]} columns")
    return Rows(truth, score, predict(score, decision_threshold))


def measure_roc_auc(positive: NDArray[np.bool_], score: Floats, weights: Floats) -> Floats:
    """ROC AUC of one class against the rest under each weighting of the n rows, of shape (n_resamples,).

    0 where a weighting leaves one side without rows.
    """
    return _areas(positive, score, weights)[0]


def _of_each_label(measure: Callable[[Rows, Floats], dict[str, Floats]]) -> Measure:
    """A measure that of several labels is the mean over those that a resample holds, and lacks somewhere."""

    @wraps(measure)
    def measured(rows: AnyRows, weights: Floats) -> dict[str, Floats]:
        if isinstance(rows, Rows):
            return measure(rows, weights)
        found, held = [measure(one, weights) for one in rows.labels], rows.held(weights)
        means = {name: _mean_over(np.column_stack([each[name] for each in found]), held) for name in found[0]}
        pooled = {"f1_macro": means["f1"], "f1_micro": _pooled_f1(rows, weights)} if "f1" in means else {}
        return {**means, **pooled}

    return measured


def _pooled_f1(rows: LabelRows, weights: Floats) -> Floats:
    """F1 over all labels of all rows together, of shape (n_resamples,)."""
    truth, predicted = (np.column_stack([getattr(one, which) for one in rows.labels]) for which in ("y_true", "y_pred"))
    n_hit, n_said = weights @ (truth * predicted).sum(axis=1), weights @ (truth + predicted).sum(axis=1)
    return _ratio(2.0 * n_hit, np.asarray(n_said, dtype=np.float64))


@_of_each_label
def _measure_predictions(rows: Rows, weights: Floats) -> dict[str, Floats]:
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


@_of_each_label
def _measure_ranking(rows: Rows, weights: Floats) -> dict[str, Floats]:
    """What depends on the order of the scores alone; each value of shape (n_resamples,)."""
    areas = [_areas(rows.y_true == shown, rows.y_score[:, shown], weights) for shown in rows.shown]
    held = np.column_stack([weights @ (rows.y_true == shown) > 0 for shown in rows.shown])
    roc_auc, pr_auc = (np.column_stack(columns) for columns in zip(*areas, strict=True))
    return {"roc_auc": _mean_over(roc_auc, held), "pr_auc": _mean_over(pr_auc, held)}


@_of_each_label
def _measure_brier(rows: Rows, weights: Floats) -> dict[str, Floats]:
    """Squared error of the probabilities, of shape (n_resamples,)."""
    truth = np.eye(rows.y_score.shape[1])[rows.y_true]
    error = ((rows.y_score - truth)[:, rows.shown] ** 2).sum(axis=1)  # (n,)
    return {"brier": weights @ error / weights.sum(axis=1)}


def _areas(positive: NDArray[np.bool_], score: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """ROC AUC and average precision of one class against the rest, each of shape (n_resamples,)."""
    order = np.argsort(-score, kind="stable")
    is_hit = positive[order]
    last = last_of_ties(score[order])
    first = np.append(0, last[:-1] + 1)
    held = np.add.reduceat(is_hit, first, dtype=np.int64)  # positives among the rows of each distinct score
    if not held.any():
        return np.zeros(len(weights)), np.zeros(len(weights))
    counted = held > 0  # at the other scores neither area grows, which with many classes are nearly all
    drawn = np.cumsum(weights[:, order], axis=1)
    n_drawn = drawn[:, last[counted]]  # (n_resamples, n_thresholds), down to each of these scores
    n_above = drawn[:, first[counted]] - weights[:, order[first[counted]]]
    starts = np.append(0, np.cumsum(held[counted])[:-1])
    new_hits = np.add.reduceat(weights[:, order[is_hit]], starts, axis=1)
    n_hit = np.cumsum(new_hits, axis=1)
    n_false, new_false = n_drawn - n_hit, n_drawn - n_above - new_hits
    all_hits, all_false = n_hit[:, -1], drawn[:, -1] - n_hit[:, -1]
    below = (new_hits * (all_false[:, None] - n_false + new_false / 2)).sum(axis=1)
    return _ratio(below, all_hits * all_false), _ratio((new_hits * _ratio(n_hit, n_drawn)).sum(axis=1), all_hits)


def last_of_ties(ordered: Floats) -> Ints:
    """Position of the last of each run of equal scores."""
    return np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)


def _ratio(part: Floats, whole: Floats) -> Floats:
    """0 where nothing is counted, as scikit-learn's `zero_division=0`."""
    return np.divide(part, whole, out=np.zeros_like(whole, dtype=np.float64), where=whole > 0)


def _mean_over(values: Floats, held: NDArray[np.bool_]) -> Floats:
    """Mean over the classes that the rows hold, of shape (n_resamples,)."""
    return np.asarray(_ratio((values * held).sum(axis=1), held.sum(axis=1).astype(np.float64)))


METRICS: dict[str, Measure] = {
    **dict.fromkeys(("f1", "f1_macro", "f1_micro", "accuracy", "precision", "recall"), _measure_predictions),
    **dict.fromkeys(("roc_auc", "pr_auc"), _measure_ranking),
    "brier": _measure_brier,
}
"""Names of the metrics, each with the function that computes it beside its siblings."""
MEASURES = tuple(dict.fromkeys(METRICS.values()))
