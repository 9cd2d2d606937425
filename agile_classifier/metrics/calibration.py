"""Calibration of probabilities: its maps, how they are fitted on validation, and the calibration error.

Applying a map needs no scikit-learn, and what scores a text must start fast: what fits one imports it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict
from scipy.special import log_softmax, softmax

from agile_classifier.errors import InputError
from agile_classifier.label_sets import two_columns

Floats = NDArray[np.float64]
Method = Literal["none", "temperature", "platt", "isotonic", "labels"]

SMALLEST = 1e-6
"""Smallest probability whose logarithm is taken; a smaller one counts as this."""
N_BINS = 10
"""Number of bins of the calibration error, equally wide."""


class Calibration(BaseModel):
    """A fitted calibration map; without arguments, the identity."""

    model_config = ConfigDict(frozen=True)

    method: Method = "none"
    slope: float = 1.0
    """Positive factor of the log-probabilities, 1 / temperature."""
    offsets: tuple[float, ...] = ()
    """Offsets added to the log-probability of each class, the first 0; empty for none."""
    knots: tuple[tuple[float, float], ...] = ()
    """Isotonic regression's pairs of raw and calibrated probability of class 1, linear between them."""
    labels: tuple[Calibration, ...] = ()
    """Calibration of each of several labels, as of two classes, where the method is `labels`."""

    def apply(self, y_score: ArrayLike) -> Floats:
        """Calibrate probabilities of shape (n, n_classes)."""
        score = np.asarray(y_score, dtype=np.float64)
        if self.method == "none" or not len(score):
            return score
        if self.method == "labels":
            each = [one.apply(two_columns(score[:, number]))[:, 1] for number, one in enumerate(self.labels)]
            return np.column_stack(each)
        if self.method == "isotonic":
            positive = np.interp(score[:, 1], *np.transpose(self.knots))
            return np.column_stack([1 - positive, positive])
        return np.asarray(softmax(scaled(score, self.slope, self.offsets), axis=1), dtype=np.float64)

    def of_label(self, number: int) -> Calibration:
        """Calibration of one of several labels, as of two classes."""
        return self.labels[number] if self.labels else self

    def in_words(self) -> str:
        """Describe the map in words."""
        n_maps = sum(one.method != "none" for one in self.labels)
        said = {
            "none": "probabilities as the network says them",
            "temperature": f"calibrated on validation, by a temperature of {1 / self.slope:.2f}",
            "platt": f"calibrated on validation, by Platt's scaling with a slope of {self.slope:.2f}",
            "isotonic": f"calibrated on validation, by isotonic regression with {len(self.knots)} knots",
            "labels": f"calibrated on validation, {n_maps} of {len(self.labels)} labels, each by a map of its own",
        }
        return said[self.method]


def average_log_odds(*scores: ArrayLike) -> Floats:
    """Average an ensemble's members by the mean of their log odds.

    The logarithmic opinion pool (Genest and Zidek 1986).
    Beside a mean of probabilities it lets a model that is sure of a text outvote one that does not know.

    Parameters
    ----------
    scores : arrays of shape (n, n_classes)
        Probabilities of each member; an overconfident, uncalibrated one weighs more.
    """
    known = [scaled(np.asarray(score, dtype=np.float64), 1.0, ()) for score in scores]
    return np.asarray(softmax(np.mean(known, axis=0), axis=1), dtype=np.float64)


def scaled(score: Floats, slope: float, offsets: Sequence[float]) -> Floats:
    """Scale and shift log-probabilities, (n, n_classes); their softmax is the calibrated probability."""
    return slope * np.log(np.clip(score, SMALLEST, 1.0)) + (np.asarray(offsets) if len(offsets) else 0.0)


def calibration_error(y_true: ArrayLike, y_score: Floats) -> float:
    """Expected calibration error, in [0, 1]: mean distance of confidence and accuracy over bins.

    Confidence is the probability of the likeliest class (Guo and others 2017). Of a perfect model it is never 0 by
    chance, so many rows are pooled before it is asked for.

    Parameters
    ----------
    y_true : array of shape (n,)
    y_score : array of shape (n, n_classes)
        With several labels both are tables of shape (n, n_labels), and the error is the mean over the labels.
    """
    truth = np.asarray(y_true)
    if truth.ndim == 2:
        each = [calibration_error(truth[:, place], two_columns(y_score[:, place])) for place in range(truth.shape[1])]
        return float(np.mean(each))
    confidence, hit = y_score.max(axis=1), y_score.argmax(axis=1) == np.asarray(y_true)
    bins = np.minimum((confidence * N_BINS).astype(np.int64), N_BINS - 1)
    gaps = np.bincount(bins, weights=confidence, minlength=N_BINS) - np.bincount(bins, weights=hit, minlength=N_BINS)
    return float(np.abs(gaps).sum() / len(y_score))


Ints = NDArray[np.int64]

N_FOLDS = 5
"""Number of folds of validation on which `auto` compares the methods."""


def fit_calibration(method: str, *, y_true: ArrayLike, y_score: ArrayLike) -> Calibration:
    """Fit a calibration map on validation.

    Parameters
    ----------
    method : str
        A method, or `auto`: that of the least log loss over folds of validation; none where they are too few to fold.
    y_true : array of shape (n,)
    y_score : array of shape (n, n_classes)
        With several labels both are tables of shape (n, n_labels): a map is fitted for each.

    Raises
    ------
    InputError
        A method is asked for, and validation does not hold two classes; or isotonic regression, of more than two.
    """
    truth, score = np.asarray(y_true, dtype=np.int64), np.asarray(y_score, dtype=np.float64)
    if truth.ndim == 2:
        columns = range(truth.shape[1])
        fitted = [
            fit_calibration(method, y_true=truth[:, each], y_score=two_columns(score[:, each])) for each in columns
        ]
        has_map = any(one.method != "none" for one in fitted)
        return Calibration(method="labels", labels=tuple(fitted)) if has_map else Calibration()
    if method == "auto":
        method = _least_loss(truth, score)
    if method == "none":
        return Calibration()
    if len(np.unique(truth)) < 2:
        raise InputError(
            f"evaluation.calibration {method}: {len(truth)} validation rows hold fewer than two classes;"
            " raise split.validation, or use auto or none"
        )
    if method == "isotonic":
        if score.shape[1] > 2:
            raise InputError(
                f"evaluation.calibration isotonic: of two classes only, here are {score.shape[1]};"
                " allowed are auto, none, temperature, platt"
            )
        from sklearn.isotonic import IsotonicRegression

        fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(score[:, 1], truth)
        knots = zip(fitted.X_thresholds_.tolist(), fitted.y_thresholds_.tolist(), strict=True)
        return Calibration(method="isotonic", knots=tuple(knots))
    return _fit_scaling(truth, score, with_offsets=method == "platt")


def _fit_scaling(truth: Ints, score: Floats, *, with_offsets: bool) -> Calibration:
    """Least log loss against smoothed targets: a separable validation must not make the map infinitely sure."""
    from scipy.optimize import minimize

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
    from sklearn.metrics import log_loss
    from sklearn.model_selection import StratifiedKFold

    n_classes = score.shape[1]
    if np.bincount(truth, minlength=n_classes).min() < N_FOLDS:
        return "none"
    methods = ("none", "temperature", "platt", *(("isotonic",) if n_classes == 2 else ()))
    folds = list(StratifiedKFold(N_FOLDS, shuffle=True, random_state=0).split(score, truth))
    losses = {
        method: np.mean([
            log_loss(truth[held], _unseen(method, truth, score, kept, held), labels=np.arange(n_classes))
            for kept, held in folds
        ])
        for method in methods
    }  # fmt: skip
    best: str = min(losses, key=lambda method: float(losses[method]))
    return best


def _unseen(method: str, truth: Ints, score: Floats, kept: Ints, held: Ints) -> Floats:
    """Probabilities of the rows of a fold, by the map of the others; none is 0."""
    return _bounded(fit_calibration(method, y_true=truth[kept], y_score=score[kept]).apply(score[held]))


def _bounded(score: Floats) -> Floats:
    clipped = np.clip(score, SMALLEST, 1.0)
    return np.asarray(clipped / clipped.sum(axis=1, keepdims=True), dtype=np.float64)
