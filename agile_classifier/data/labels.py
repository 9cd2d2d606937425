"""Labels: how annotators' scores, or given columns, become classes 0, 1, …

The label threshold is a value, fitted once (`fit_label_threshold`) and applied with `>=` (`label_scores`), as in the
codelab of arXiv 2302.06541, where a comment is hateful when its share of annotators is at or above the median.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import expit

from agile_classifier.config.data import LabelsConfig
from agile_classifier.errors import InputError

ABSENT = {"", "0", "0.0", "false", "no", "[]"}
"""Values, in lower case, that mean in a kind's column that the kind is absent."""


def fit_label_threshold(score: pd.Series, labels: LabelsConfig) -> float:
    """Fit the label threshold, the score at and above which an example is of class 1, by a rule that cuts scores.

    Parameters
    ----------
    score : Series of shape (n,)
        Annotators' scores that the label threshold may be fitted on.
    """
    if labels.value is not None:
        return labels.value
    return float(score.median() if labels.quantile is None else score.quantile(labels.quantile))


def label_scores(score: pd.Series, *, label_threshold: float) -> pd.Series:
    """Label scores: 1 where `score >= label_threshold`, else 0, of shape (n,)."""
    return (score >= label_threshold).astype("int64").rename("label")


def soft_targets(score: pd.Series, *, label_threshold: float, softness: float) -> pd.Series:
    """Probability of class 1 that a score speaks for, of shape (n,), in (0, 1): a slope where the label is a step.

    It passes 0.5 midway between the label threshold and the next lower score, so that it never contradicts the label.

    Parameters
    ----------
    softness : float
        Distance from there at which the probability is 0.73, in the unit of the score.
    """
    below = score[score < label_threshold]
    middle = label_threshold if below.empty else (label_threshold + below.max()) / 2
    return pd.Series(expit((score - middle) / softness), index=score.index, name="target")


def doubt_weights(score: pd.Series, *, label_threshold: float, band: float, weight: float) -> pd.Series:
    """Weight of each text in training, (n,): `weight` if its score is within `band` of the label threshold, else 1."""
    doubtful = (score - label_threshold).abs() <= band
    return pd.Series(np.where(doubtful, weight, 1.0), index=score.index, name="weight")


def label_any(columns: pd.DataFrame) -> pd.Series:
    """Label rows by their kinds: 1 if at least one is present, else 0, as eight unfair kinds fold into fair / unfair.

    Parameters
    ----------
    columns : DataFrame of shape (n, n_kinds)
        0/1 columns, or text that is empty where the kind is absent.
    """
    present = columns.map(lambda cell: not _is_absent(cell))
    return present.any(axis=1).astype("int64").rename("label")


def label_given(column: pd.Series, *, names: Sequence[str] | None = None) -> tuple[pd.Series, tuple[str, ...]]:
    """Label rows by the classes in a column, numbered in the order of `names` (default: sorted).

    Returns
    -------
    label : Series of shape (n,), int64
    names : tuple of shape (n_classes,)

    Raises
    ------
    InputError
        A value is missing, or is not among `names`.
    """
    values = column.map(_class_name)
    missing = column.index[values == ""]
    if len(missing):
        raise InputError(
            f"column {column.name}: {len(missing)} rows have no class, first at row {missing[0] + 1};"
            " every row needs one"
        )
    order = tuple(names) if names is not None else tuple(sorted(values.unique()))
    unknown = sorted(set(values) - set(order))
    if unknown:
        raise InputError(f"column {column.name}: found class {unknown[0]!r}; labels.names allows {list(order)}")
    return values.map({name: number for number, name in enumerate(order)}).astype("int64").rename("label"), order


def count_ties(score: pd.Series, *, label_threshold: float) -> int:
    """Count the examples whose score equals the label threshold; `>=` puts them into class 1."""
    return int((score == label_threshold).sum())


def _class_name(cell: object) -> str:
    if _is_missing(cell):
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()


def _is_absent(cell: object) -> bool:
    if isinstance(cell, (list, tuple, np.ndarray)):
        return len(cell) == 0
    return _is_missing(cell) or (isinstance(cell, float) and cell == 0) or str(cell).strip().lower() in ABSENT


def _is_missing(cell: object) -> bool:
    return cell is None or cell is pd.NA or (isinstance(cell, float) and np.isnan(cell))
