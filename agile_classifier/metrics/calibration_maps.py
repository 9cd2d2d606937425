"""Calibration: a small map, fitted on validation, from the probabilities that a network says to those that hold; and how far they are off.

A network trained on a few hundred texts is too sure of itself. Temperature and Platt's scaling keep the order of the texts; isotonic
regression keeps it but for ties (Platt 1999; Zadrozny and Elkan 2002; Guo and others 2017, arXiv 1706.04599).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict
from scipy.special import softmax

Floats = NDArray[np.float64]
Method = Literal["none", "temperature", "platt", "isotonic"]

SMALLEST = 1e-6
"""Probability below which one is not told from 0: a logarithm of it is taken."""
N_BINS = 10
"""Bins of the calibration error, equally wide."""


class Calibration(BaseModel):
    """A fitted map; without arguments, the one that changes nothing."""

    model_config = ConfigDict(frozen=True)

    method: Method = "none"
    slope: float = 1.0
    """Factor of the log-probabilities, 1 / temperature; positive."""
    offsets: tuple[float, ...] = ()
    """Added to the log-probability of each class; the first is 0. Empty: none."""
    knots: tuple[tuple[float, float], ...] = ()
    """Of isotonic regression: said → calibrated probability of class 1, with straight lines between."""

    def apply(self, y_score: ArrayLike) -> Floats:
        """Calibrated probabilities of shape (n, n_classes), from those that the network says."""
        score = np.asarray(y_score, dtype=np.float64)
        if self.method == "none" or not len(score):
            return score
        if self.method == "isotonic":
            positive = np.interp(score[:, 1], *np.transpose(self.knots))
            return np.column_stack([1 - positive, positive])
        return np.asarray(softmax(scaled(score, self.slope, self.offsets), axis=1), dtype=np.float64)

    def in_words(self) -> str:
        """For a reader."""
        said = {
            "none": "probabilities as the network says them",
            "temperature": f"calibrated on validation, by a temperature of {1 / self.slope:.2f}",
            "platt": f"calibrated on validation, by Platt's scaling with a slope of {self.slope:.2f}",
            "isotonic": f"calibrated on validation, by isotonic regression with {len(self.knots)} knots",
        }
        return said[self.method]


def pool(*scores: ArrayLike) -> Floats:
    """One answer of several models': probabilities whose log odds are the mean of theirs (the logarithmic opinion pool, Genest and Zidek 1986).

    Beside a mean of probabilities it lets a model that is sure of a text outvote one that does not know.

    Parameters
    ----------
    scores : arrays of shape (n, n_classes)
        Of each model; one that is too sure of itself, not calibrated, weighs the more.
    """
    known = [scaled(np.asarray(score, dtype=np.float64), 1.0, ()) for score in scores]
    return np.asarray(softmax(np.mean(known, axis=0), axis=1), dtype=np.float64)


def scaled(score: Floats, slope: float, offsets: Sequence[float]) -> Floats:
    """Log-probabilities of shape (n, n_classes), sharpened and shifted; their softmax is the calibrated probability."""
    return slope * np.log(np.clip(score, SMALLEST, 1.0)) + (np.asarray(offsets) if len(offsets) else 0.0)


def calibration_error(y_true: ArrayLike, y_score: Floats) -> float:
    """Expected calibration error, in [0, 1]: how far the stated confidence is from the share of hits, bin by bin.

    Confidence is the probability of the likeliest class (Guo and others 2017). Of a perfect model it is never 0 by chance, so many rows are pooled
    before it is asked for.

    Parameters
    ----------
    y_true : array of shape (n,)
    y_score : array of shape (n, n_classes)
    """
    confidence, hit = y_score.max(axis=1), y_score.argmax(axis=1) == np.asarray(y_true)
    bins = np.minimum((confidence * N_BINS).astype(np.int64), N_BINS - 1)
    gaps = np.bincount(bins, weights=confidence, minlength=N_BINS) - np.bincount(bins, weights=hit, minlength=N_BINS)
    return float(np.abs(gaps).sum() / len(y_score))
