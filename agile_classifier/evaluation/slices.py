"""Slices: a model on parts of the test rows, where a good mean can hide a bad part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

from agile_classifier.data.tables import read_kept
from agile_classifier.metrics.bootstrap import bootstrap_intervals
from agile_classifier.metrics.metrics import DecisionThreshold, evaluate_scores, predict

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

LENGTHS = ("short", "middle", "long")
"""Thirds of the texts, by characters."""
AGREEMENTS = ("divided", "leaning", "agreed")
"""Thirds of the texts, by how far their annotators' score lies from the label threshold."""
LARGEST_SLICES = 12
"""Largest number of slices of one column, its commonest values."""
FEW_ROWS = 30
"""Rows below which a slice is reported as saying little."""
SLICE_METRICS = ("roc_auc", "f1", "accuracy")


@dataclass(frozen=True)
class Slice:
    """Metrics of a model on some of the test rows."""

    name: str
    n: int
    n_positive: int
    """Number of rows of class 1; with several labels, of rows that carry any."""
    metrics: Mapping[str, float]
    """Values of `SLICE_METRICS`; the accuracy alone if all rows are of one class."""
    intervals: Mapping[str, tuple[float, float]]
    """95 % intervals by resampling the rows of the slice; Wilson's if all rows are of one class."""

    @property
    def is_small(self) -> bool:
        """Whether the slice has too few rows to rely on its metrics."""
        return self.n < FEW_ROWS


def slice_rows(texts: Sequence[str], groups: Sequence[str] | None) -> dict[str, Mask]:
    """Masks of shape (n,) by name: thirds by length and, where there are groups, each group."""
    named = {} if groups is None else by_value("group", groups)
    return _thirds([len(text) for text in texts], [f"length {name}" for name in LENGTHS]) | named


def by_agreement(score: ArrayLike, *, label_threshold: float) -> dict[str, Mask]:
    """Masks of shape (n,) by name: thirds by the distance of the score from the label threshold."""
    distance = np.abs(np.asarray(score, dtype=np.float64) - label_threshold)
    return _thirds(distance, [f"annotators {name}" for name in AGREEMENTS])


def by_value(column: str, values: Sequence[object]) -> dict[str, Mask]:
    """Masks of shape (n,) by name: each value of a column."""
    known = np.asarray(["none" if value is None or value != value else str(value) for value in values], dtype=object)
    return {f"{column} {value}": np.asarray(known == value) for value in dict.fromkeys(known)}


def list_slices(test: pd.DataFrame, *, columns: Sequence[str], label_threshold: float | None) -> dict[str, Mask]:
    """List every slice of the test rows that a report looks at, as masks of shape (n,) by name.

    Parameters
    ----------
    columns : sequence of str
        Source columns kept in `test`, each value of which is a slice; of the groups and of each of them the
        `LARGEST_SLICES` commonest.
    label_threshold : float or None
        None where classes are given; then there are no bands of agreement.
    """
    found = slice_rows(list(test["text"]), None)
    if label_threshold is not None:
        found |= by_agreement(test["score"], label_threshold=label_threshold)
    if "group" in test:
        found |= _commonest(by_value("group", list(test["group"])))
    for column in columns:
        masks = _commonest(by_value(column, list(read_kept(test, column))))
        is_taken = any(name in found and (found[name] != rows).any() for name, rows in masks.items())
        found |= {f"column {name}": rows for name, rows in masks.items()} if is_taken else masks
    return {name: rows for name, rows in found.items() if rows.any()}


def measure_slices(
    slices: Mapping[str, Mask],
    *,
    y_true: Ints,
    y_score: Floats,
    decision_threshold: DecisionThreshold,
    n_resamples: int,
    seed: int,
) -> list[Slice]:
    """Evaluate one model on each slice, with intervals."""
    return [
        _measured(
            name, y_true[rows], y_score[rows], decision_threshold=decision_threshold, n_resamples=n_resamples, seed=seed
        )
        for name, rows in slices.items()
    ]


def _commonest(masks: Mapping[str, Mask]) -> dict[str, Mask]:
    return dict(sorted(masks.items(), key=lambda item: -int(item[1].sum()))[:LARGEST_SLICES])


def _measured(
    name: str, y_true: Ints, y_score: Floats, *, decision_threshold: DecisionThreshold, n_resamples: int, seed: int
) -> Slice:
    table = y_true[:, None] if y_true.ndim == 1 else y_true
    n, n_positive = len(y_true), int((table == 1).any(axis=1).sum())
    if len(np.unique(y_true, axis=0)) < 2:
        said = predict(y_score, decision_threshold).reshape(table.shape)
        n_right = int((said == table).all(axis=1).sum())
        between = binomtest(n_right, n).proportion_ci(method="wilson")
        return Slice(name, n, n_positive, {"accuracy": n_right / n}, {"accuracy": (between.low, between.high)})
    metrics = evaluate_scores(y_true=y_true, y_score=y_score, decision_threshold=decision_threshold)
    intervals = bootstrap_intervals(
        y_true=y_true, y_score=y_score, decision_threshold=decision_threshold, n_resamples=n_resamples, seed=seed
    )
    return Slice(
        name, n, n_positive,
        {metric: metrics[metric] for metric in SLICE_METRICS},
        {metric: intervals[metric] for metric in SLICE_METRICS},
    )  # fmt: skip


def _thirds(values: ArrayLike, names: Sequence[str]) -> dict[str, Mask]:
    numbers = np.asarray(values, dtype=np.float64)
    cuts = np.quantile(numbers, [1 / 3, 2 / 3]) if len(numbers) else [0.0, 0.0]
    band = np.digitize(numbers, cuts, right=True)
    return {name: np.asarray(band == number) for number, name in enumerate(names)}
