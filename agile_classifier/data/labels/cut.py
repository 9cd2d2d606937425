"""Cutting scores: how annotators' scores become labels 0 and 1.

The label threshold is a value, fitted once (`fit_label_threshold`) and applied with `>=` (`label_scores`), as in the
codelab of arXiv 2302.06541, where a comment is hateful when its share of annotators is at or above the median.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import expit

from agile_classifier.config.data import LabelsConfig
from agile_classifier.data.raters.answers import read_ratings


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


def vote_targets(
    train: pd.DataFrame, *, label_threshold: float, most: int | None = None
) -> tuple[pd.Series[float], pd.Series[float]]:
    """Share of the answers to each text that are of class 1, and their number, both of shape (n,).

    Cross-entropy with this share as target and the number as weight is the likelihood of binomial votes. A text that no
    rater answered, of a source without raters, counts as one answer: its label.

    Parameters
    ----------
    train : DataFrame of shape (n, n_columns)
        With `ratings` and `label`.
    label_threshold : float
        An answer at or above it is of class 1.
    most : int, optional
        Largest number; a text with more answers counts no more.
    """
    answers = read_ratings(train)
    if answers is None:
        return train["label"].astype("float64"), pd.Series(1.0, index=train.index)
    n = answers.n_per_text
    of_class_1 = answers.sums((answers.value >= label_threshold).astype(np.float64))
    share = np.where(n > 0, of_class_1 / np.maximum(n, 1), train["label"])
    counts = np.clip(n, 1, most).astype(np.float64)
    return pd.Series(share, index=train.index), pd.Series(counts, index=train.index)


def doubt_weights(score: pd.Series, *, label_threshold: float, band: float, weight: float) -> pd.Series:
    """Weight of each text in training, (n,): `weight` if its score is within `band` of the label threshold, else 1."""
    doubtful = (score - label_threshold).abs() <= band
    return pd.Series(np.where(doubtful, weight, 1.0), index=score.index, name="weight")


def count_ties(score: pd.Series, *, label_threshold: float) -> int:
    """Count the examples whose score equals the label threshold; `>=` puts them into class 1."""
    return int((score == label_threshold).sum())
