"""Label review: what the labels themselves may have got wrong, and what else they could have been.

A model is judged by labels that people gave in seconds. Which of them to doubt, what the train texts nearest to an
error were called, and how much hangs on where the annotators' scores were cut, is what a reader must know before a
number is believed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from agile_classifier.metrics.metrics import evaluate_scores

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FOLDS = 5
SHOWN_SUSPECTS = 20
NEIGHBOURS = 3
LARGEST_SWEEP = 11
"""Largest number of label thresholds tried."""


@dataclass(frozen=True)
class Suspect:
    """A train text whose label the other train texts contradict."""

    text: str
    label: int
    given: float
    """Probability of the text's label, by a probe that has not seen the text."""


@dataclass(frozen=True)
class Suspects:
    """Train texts whose labels deserve a second look."""

    n: int
    """Number of labels that confident learning takes to be wrong."""
    of: int
    listed: tuple[Suspect, ...]
    """The most doubtful of them, most doubtful first."""


@dataclass(frozen=True)
class Neighbour:
    """A train text near to one of test."""

    text: str
    label: int
    cosine: float


@dataclass(frozen=True)
class Cut:
    """Labels and metrics of test with another label threshold."""

    label_threshold: float
    n_positive: int
    n_ties: int
    """Number of scores that equal the threshold; `>=` puts them into class 1."""
    n_changed: int
    """Number of labels that differ from those in use."""
    roc_auc: float | None
    """ROC AUC of the model, trained on the labels in use; None if all texts fall into one class."""
    is_used: bool


def find_suspects(features: ArrayLike, train: pd.DataFrame, *, seed: int = 0) -> Suspects:
    """Find labels of train that a probe on the other folds contradicts with confidence.

    Confident learning (Northcutt et al. 2021, arXiv 1911.00068): a label is doubted where another class is the
    likeliest and is given at least the probability that texts of that class are given on average.

    Parameters
    ----------
    features : array of shape (n, width)
        What the base model makes of each train text, before it is tuned on these labels.
    """
    rows, label = np.asarray(features), train["label"].to_numpy()
    classes, counts = np.unique(label, return_counts=True)
    folds = min(FOLDS, int(counts.min()))
    if folds < 2:
        return Suspects(0, len(label), ())
    said = np.zeros((len(label), int(classes.max()) + 1))  # (n, n_classes), each row by a probe that has not seen it
    said[:, classes] = cross_val_predict(
        LogisticRegression(max_iter=5000), rows, label, method="predict_proba",
        cv=StratifiedKFold(folds, shuffle=True, random_state=seed),
    )  # fmt: skip
    usual = np.full(said.shape[1], np.inf)
    usual[classes] = [said[label == number, number].mean() for number in classes]
    likeliest = said.argmax(axis=1)
    doubted = np.flatnonzero((likeliest != label) & (said.max(axis=1) >= usual[likeliest]))
    given = said[doubted, label[doubted]]
    order = doubted[np.argsort(given, kind="stable")]
    texts = list(train["text"])
    listed = tuple(Suspect(texts[row], int(label[row]), float(said[row, label[row]])) for row in order[:SHOWN_SUSPECTS])
    return Suspects(len(doubted), len(label), listed)


def find_neighbours(
    queries: ArrayLike, among: ArrayLike, train: pd.DataFrame, *, count: int = NEIGHBOURS
) -> list[tuple[Neighbour, ...]]:
    """Find the train texts nearest to each query by the cosine of their features, nearest first.

    Parameters
    ----------
    queries : array of shape (n, width)
    among : array of shape (n_train, width)
        Features of `train`, row by row.
    """
    similarity = _directions(queries) @ _directions(among).T  # (n, n_train)
    texts, label = list(train["text"]), train["label"].to_numpy()
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :count]
    return [
        tuple(Neighbour(texts[row], int(label[row]), float(found[row])) for row in rows)
        for rows, found in zip(nearest, similarity, strict=True)
    ]


def sweep_label_threshold(test: pd.DataFrame, y_score: Floats, *, label_threshold: float) -> list[Cut]:
    """Evaluate other label thresholds over the range of the scores, beside the one in use.

    Parameters
    ----------
    test : DataFrame
        With `score` and `label`.
    y_score : array of shape (n, 2)
        Probabilities of a model that was trained on the labels in use.
    """
    score, label = test["score"].to_numpy(dtype=np.float64), test["label"].to_numpy()
    range_ = np.quantile(score, np.linspace(0.05, 0.95, LARGEST_SWEEP), method="nearest")
    return [
        _cut(cut, score, label, y_score, is_used=bool(cut == label_threshold))
        for cut in sorted({*map(float, range_), label_threshold})
    ]


def _cut(cut: float, score: Floats, label: Ints, y_score: Floats, *, is_used: bool) -> Cut:
    other = (score >= cut).astype(np.int64)
    both = 0 < other.sum() < len(other)
    auc = evaluate_scores(y_true=other, y_score=y_score, decision_threshold=None)["roc_auc"] if both else None
    return Cut(cut, int(other.sum()), int((score == cut).sum()), int((other != label).sum()), auc, is_used)


def _directions(vectors: ArrayLike) -> Floats:
    rows = np.asarray(vectors, dtype=np.float64)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))
