"""Views of one of several labels: rows, scores and choices as of a classifier of two classes, by the code for those."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agile_classifier.errors import GateRefused, InputError
from agile_classifier.label_sets import part_labels, two_columns
from agile_classifier.metrics.metrics import part_tasks

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_METRIC_SIGNS = re.compile(r"[^A-Za-z0-9_\-. ]")
"""Signs that no name of a metric in MLflow has."""
Scores = Mapping[str, Mapping[str, Floats]]
"""Baseline → part → probabilities of its rows."""


def read_truth(rows: pd.DataFrame, *, n_labels: int | None) -> Ints:
    """Column `label`, of shape (n,); of so many labels a text, its sets as a table of 0 and 1, (n, n_labels)."""
    label = rows["label"].to_numpy(dtype=np.int64)
    return label if n_labels is None else part_labels(label, n_labels)


def view_label(rows: pd.DataFrame, number: int, *, n_labels: int) -> pd.DataFrame:
    """Rows whose `label` is 1 where they carry the label of this number, and else 0, from rows of sets of labels."""
    return rows.assign(label=part_labels(rows["label"], n_labels)[:, number])


def view_scores(table: pd.DataFrame, number: int, *, n_labels: int, names: Sequence[str]) -> pd.DataFrame:
    """A `score_table` of one label, `NAME_0` and `NAME_1` of two classes, from one of several labels.

    Parameters
    ----------
    names : sequence of str
        Contenders of the table, which holds the probability of label K as `NAME_K`.
    """
    kept = view_label(table, number, n_labels=n_labels)
    kept = kept.drop(columns=[f"{name}_{k}" for name in names for k in range(n_labels)])
    both = {name: two_columns(table[f"{name}_{number}"]) for name in names}
    return kept.assign(**{f"{name}_{k}": found[:, k] for name, found in both.items() for k in (0, 1)})


def score_each(
    score: Callable[[pd.DataFrame], Scores], train: pd.DataFrame, *, n_labels: int
) -> dict[str, dict[str, Floats]]:
    """Baseline → part → probabilities of each label, of shape (n, n_labels), by a baseline of its own for each.

    Parameters
    ----------
    score : callable
        Train rows of classes 0 and 1 → baseline → part → probabilities of shape (n, 2).
    """
    found = [score(view_label(train, number, n_labels=n_labels)) for number in range(n_labels)]
    return {
        name: {part: np.column_stack([each[name][part][:, 1] for each in found]) for part in parts}
        for name, parts in found[0].items()
    }


def choose_each(choose: Callable[..., Any], y_true: Ints, y_score: Floats, names: Sequence[str]) -> tuple[float, ...]:
    """Decision thresholds of several labels, each chosen as that of a classifier of two classes.

    Parameters
    ----------
    choose : callable
        `y_true`, `y_score` and `n_classes` to a threshold.
    y_true, y_score : arrays of shape (n, n_labels)
    names : sequence of str
        Names of the labels, for errors; may be empty.

    Raises
    ------
    InputError, GateRefused
        As `choose`; the line begins with the label.
    """
    cuts = []
    for place, (truth, score, _) in enumerate(part_tasks(y_true, y_score, None)):
        try:
            cuts.append(float(choose(y_true=truth, y_score=score, n_classes=2)))
        except (GateRefused, InputError) as error:
            raise type(error)(f"label {names[place] if names else place}: {error}") from None
    return tuple(cuts)


def flat_names(measured: Mapping[str, Mapping[str, float]], *, metrics: Sequence[str]) -> dict[str, float]:
    """`label_NAME_test_f1`, … of each of several labels, and `worst_label_test_f1`, … of the worst; none of no labels.

    Parameters
    ----------
    measured : mapping
        Label → metric → value.
    """
    if not measured:
        return {}
    worst = {f"worst_label_test_{metric}": min(found[metric] for found in measured.values()) for metric in metrics}
    shown = zip(_distinct(measured), measured.values(), strict=True)
    return worst | {f"label_{name}_test_{metric}": found[metric] for name, found in shown for metric in metrics}


def _distinct(names: Iterable[str]) -> list[str]:
    """Names in signs that MLflow allows; with their number behind them where two would be alike."""
    plain = [_METRIC_SIGNS.sub("_", name) for name in names]
    return [f"{name}_{place}" if plain.count(name) > 1 else name for place, name in enumerate(plain)]
