"""Acquisition: which unlabelled texts are worth an annotator's time.

Those that the model is unsure of teach it most, but the most unsure are often one text in many wordings. So of the
unsure ones, near duplicates removed, as many clusters are made as there are texts to choose, weighted by uncertainty,
and each sends the text nearest to its centre (Zhdanov 2019, "Diverse mini-batch active learning", arXiv 1901.05954).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.cluster import KMeans

from agile_classifier.data.duplicates.copies import find_copies
from agile_classifier.label_sets import two_columns
from agile_classifier.metrics.calibration import SMALLEST
from agile_classifier.metrics.metrics import DEFAULT_THRESHOLD, DecisionThreshold

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CANDIDATES_PER_CHOICE = 3
"""Unsure texts that each chosen one is chosen among."""
LEAST_WEIGHT = 1e-3
"""Smallest weight of a text in clustering, for one that the model is sure of: weights of 0 leave no centre."""


def uncertainty(y_score: Floats, decision_threshold: DecisionThreshold) -> Floats:
    """Uncertainty of the model about each text, of shape (n,), from 0 to 1.

    Of two classes 1 stands for a probability at the decision threshold, 0 for certainty; of more, 1 for two equally
    likely classes. The distance from the threshold is one of log odds: a network that is too sure of itself has its
    threshold near 1, and nothing that it is sure of may pass for a text in doubt because it lies near that in
    probability. Of several labels the one in most doubt counts.
    """
    if isinstance(decision_threshold, tuple):
        return np.asarray(uncertainty_by_label(y_score, decision_threshold).max(axis=1), dtype=np.float64)
    if y_score.shape[1] == 2:
        cut = np.clip(DEFAULT_THRESHOLD if decision_threshold is None else decision_threshold, SMALLEST, 1 - SMALLEST)
        return np.asarray(1 - np.abs(2 * expit(logit(y_score[:, 1]) - logit(cut)) - 1), dtype=np.float64)
    top = np.sort(y_score, axis=1)[:, -2:]
    return np.asarray(1 - (top[:, 1] - top[:, 0]), dtype=np.float64)


def uncertainty_by_label(y_score: Floats, cuts: Sequence[float]) -> Floats:
    """Uncertainty about each of several labels, of shape (n, n_labels), each as of two classes."""
    return np.column_stack([uncertainty(two_columns(y_score[:, place]), cut) for place, cut in enumerate(cuts)])


def choose_texts(
    texts: Sequence[str],
    unsure: Floats,
    *,
    count: int,
    embed: Callable[[Sequence[str]], NDArray[np.floating]],
    similarity: float = 0.8,
    seed: int = 0,
) -> pd.DataFrame:
    """Choose the texts to label next, the most uncertain first.

    Parameters
    ----------
    unsure : array of shape (n,)
        As `uncertainty`.
    count : int
        Texts to choose; fewer come back where there are not so many, near duplicates counted once.
    embed : callable
        Texts → array of shape (n, width); only the unsure ones are given to it.
    similarity : float
        From which two texts are near duplicates, as `agile_classifier.data.duplicates.copies.find_copies`.

    Returns
    -------
    DataFrame of shape (count, 3)
        `position` in `texts`, `uncertainty`, and `n_similar`, the candidates that it stands for, itself included.
    """
    rows = _candidates(texts, np.argsort(-unsure, kind="stable"), CANDIDATES_PER_CHOICE * count, similarity)
    if len(rows) <= count:
        chosen, n_similar = rows, np.ones(len(rows), dtype=np.int64)
    else:
        chosen, n_similar = _representatives(
            rows, np.asarray(embed([texts[row] for row in rows])), unsure[rows], count, seed
        )
    found = pd.DataFrame({"position": chosen, "uncertainty": unsure[chosen], "n_similar": n_similar})
    return found.sort_values("uncertainty", ascending=False, kind="stable", ignore_index=True)


def _candidates(texts: Sequence[str], order: Ints, n_wanted: int, similarity: float) -> Ints:
    """First rows of an order, one of each group of near copies.

    The order is read on until there are enough.
    """
    n_read = n_wanted
    while True:
        read = order[:n_read]
        group = find_copies([texts[row] for row in read], similarity=similarity).group
        rows = read[np.unique(group, return_index=True)[1]]  # groups are numbered by their first rows
        if len(rows) >= n_wanted or n_read >= len(order):
            return np.asarray(rows[:n_wanted], dtype=np.int64)
        n_read *= 2


def _representatives(
    rows: Ints, vectors: NDArray[np.floating], unsure: Floats, count: int, seed: int
) -> tuple[Ints, Ints]:
    """Row nearest to the centre of each cluster, with the cluster's size."""
    directions = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    fitted = KMeans(count, n_init=1, random_state=seed).fit(directions, sample_weight=np.maximum(unsure, LEAST_WEIGHT))
    distance = np.linalg.norm(directions - fitted.cluster_centers_[fitted.labels_], axis=1)
    nearest = pd.DataFrame({"cluster": fitted.labels_, "distance": distance}).groupby("cluster")["distance"].idxmin()
    sizes = np.bincount(fitted.labels_, minlength=count)
    return rows[nearest.to_numpy()], sizes[nearest.index.to_numpy()]
