"""Calibration fit: which map makes the probabilities of validation hold; it needs scikit-learn, which applying the map does not."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold

from agile_classifier.errors import InputError
from agile_classifier.metrics.calibration_maps import SMALLEST, Calibration, Floats, scaled

Ints = NDArray[np.int64]

N_FOLDS = 5
"""Of validation, by which `auto` compares the methods."""


def fit_calibration(method: str, *, y_true: ArrayLike, y_score: ArrayLike) -> Calibration:
    """Fit a map to validation.

    Parameters
    ----------
    method : str
        A method, or `auto`: that of the least log loss over folds of validation; none where they are too few to fold.
    y_true : array of shape (n,)
    y_score : array of shape (n, n_classes)

    Raises
    ------
    InputError
        A method is asked for, and validation does not hold two classes; or isotonic regression, of more than two.
    """
    truth, score = np.asarray(y_true, dtype=np.int64), np.asarray(y_score, dtype=np.float64)
    if method == "auto":
        method = _least_loss(truth, score)
    if method == "none":
        return Calibration()
    if len(np.unique(truth)) < 2:
        raise InputError(
            f"evaluation.calibration {method}: {len(truth)} validation rows hold fewer than two classes; raise split.validation, or use auto or none"
        )
    if method == "isotonic":
        if score.shape[1] > 2:
            raise InputError(
                f"evaluation.calibration isotonic: of two classes only, here are {score.shape[1]}; allowed are auto, none, temperature, platt"
            )
        fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(score[:, 1], truth)
        knots = zip(fitted.X_thresholds_.tolist(), fitted.y_thresholds_.tolist(), strict=True)
        return Calibration(method="isotonic", knots=tuple(knots))
    return _fit_scaling(truth, score, with_offsets=method == "platt")


def _fit_scaling(truth: Ints, score: Floats, *, with_offsets: bool) -> Calibration:
    """Least log loss against smoothed targets, which keep a separable validation from making the map infinitely sure."""
    n_classes = score.shape[1]
    counts = np.bincount(truth, minlength=n_classes)
    hit = (counts + 1) / (counts + n_classes)  # Platt's targets: of a text of its class …
    target = np.where(np.eye(n_classes, dtype=bool), hit[:, None], ((1 - hit) / (n_classes - 1))[:, None])[truth]

    def loss(free: Floats) -> float:
        offsets = (0.0, *free[1:]) if with_offsets else ()
        return -float((target * log_softmax(scaled(score, np.exp(free[0]), offsets), axis=1)).sum(axis=1).mean())

    found = minimize(loss, np.zeros(n_classes if with_offsets else 1), method="L-BFGS-B").x
    offsets = (0.0, *found[1:].tolist()) if with_offsets else ()
    return Calibration(
        method="platt" if with_offsets else "temperature", slope=float(np.exp(found[0])), offsets=offsets
    )


def _least_loss(truth: Ints, score: Floats) -> str:
    n_classes = score.shape[1]
    if np.bincount(truth, minlength=n_classes).min() < N_FOLDS:
        return "none"
    methods = ("none", "temperature", "platt", *(("isotonic",) if n_classes == 2 else ()))
    folds = list(StratifiedKFold(N_FOLDS, shuffle=True, random_state=0).split(score, truth))
    losses = {
        method: np.mean([
            log_loss(truth[held], _bounded(fit_calibration(method, y_true=truth[kept], y_score=score[kept]).apply(score[held])),
                     labels=np.arange(n_classes))
            for kept, held in folds
        ])
        for method in methods
    }  # fmt: skip
    best: str = min(losses, key=lambda method: float(losses[method]))
    return best


def _bounded(score: Floats) -> Floats:
    clipped = np.clip(score, SMALLEST, 1.0)
    return np.asarray(clipped / clipped.sum(axis=1, keepdims=True), dtype=np.float64)
