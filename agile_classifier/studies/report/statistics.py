"""Statistics of studies: what the cells of a grid say, and how sure that is.

Splits of one data set share rows, so their results are not independent and a plain t-interval is too narrow. The
variance of a mean over random splits is corrected as Nadeau and Bengio (Machine Learning 52, 2003) do: 1/n becomes
1/n + n_test/n_train.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.optimize import OptimizeWarning, curve_fit

Floats = NDArray[np.float64]
FEWEST_SIZES = 3
"""Training sizes that a curve of three numbers needs."""
LEAST_EXPLAINED = 0.99
"""Share of a level's squared error that a curve may leave at most, to be one."""


@dataclass(frozen=True)
class Mean:
    """A mean over splits."""

    mean: float
    sd: float
    """Standard deviation of single splits; NaN of one."""
    half: float
    """Half of the corrected 95 % interval; NaN of one split."""
    n: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval of a difference excludes zero."""
        return self.n > 1 and abs(self.mean) > self.half


@dataclass(frozen=True)
class Curve:
    """Error as a power law of the training size, `floor + scale * size ** -exponent`; of metrics where 1 is perfect."""

    floor: float
    scale: float
    exponent: float
    covariance: Floats

    def at(self, size: float) -> tuple[float, float]:
        """Expected metric at a training size, and half of its 95 % band (delta method)."""
        return 1 - self.floor - self.scale * size**-self.exponent, self._half(self.gradient(size))

    def gain(self, size: float, more: float) -> tuple[float, float]:
        """Expected gain of `more` examples beyond `size`, and half of its 95 % band.

        The band is narrower than that of the level, whose errors it shares.
        """
        fallen = self.scale * (size**-self.exponent - (size + more) ** -self.exponent)
        return fallen, self._half(self.gradient(size + more) - self.gradient(size))

    def gradient(self, size: float) -> Floats:
        """Gradient of the error at a size by the curve's three parameters, of shape (3,)."""
        fall = size**-self.exponent
        return np.asarray([1.0, fall, -self.scale * fall * math.log(size)])

    def _half(self, gradient: Floats) -> float:
        return 1.96 * math.sqrt(max(float(gradient @ self.covariance @ gradient), 0.0))


def mean_over_splits(values: ArrayLike, *, test_share: float) -> Mean:
    """Mean of one value a split.

    Parameters
    ----------
    values : array of shape (n_splits,)
    test_share : float
        Test rows over train rows of a split.
    """
    found = np.asarray(values, dtype=np.float64)
    n = len(found)
    if n < 2:
        return Mean(float(found.mean()), math.nan, math.nan, n)
    sd = float(found.std(ddof=1))
    half = float(stats.t.ppf(0.975, n - 1)) * sd * math.sqrt(1 / n + test_share)
    return Mean(float(found.mean()), sd, half, n)


def fit_curve(
    sizes: Sequence[float], metric: Sequence[float], *, sd: Sequence[float], correlation: ArrayLike | None = None
) -> Curve | None:
    """The learning curve through the means at several training sizes; None if they are too few or no falling one fits.

    Parameters
    ----------
    metric : sequence of shape (n,)
        Means, 1 is perfect.
    sd : sequence of shape (n,)
        Standard errors of these means, as splits that share rows have them: `Mean.half / 1.96`.
    correlation : array of shape (n, n), optional
        Of the errors at different sizes; a hard split is hard at every size, so what more examples bring is surer than
        any level.
    """
    if len(set(sizes)) < FEWEST_SIZES:
        return None

    def error(size: Floats, floor: float, scale: float, exponent: float) -> Floats:
        return floor + scale * size**-exponent

    at, wanted, spread = np.asarray(sizes, dtype=np.float64), 1 - np.asarray(metric), np.maximum(np.asarray(sd), 1e-6)
    try:
        found, _ = curve_fit(
            error, at, wanted, p0=(max(wanted.min() * 0.8, 0.0), 1.0, 0.5), sigma=spread, absolute_sigma=True,
            bounds=((0.0, 0.0, 0.05), (float(wanted.min()) + 1e-9, 100.0, 3.0)), maxfev=20_000,
        )  # fmt: skip
    except (RuntimeError, OptimizeWarning):  # it did not converge
        return None
    level = np.average(wanted, weights=spread**-2.0)
    missed = [np.sum(((wanted - said) / spread) ** 2) for said in (error(at, *found), level)]
    if missed[0] > LEAST_EXPLAINED * missed[1]:  # a level says as much: more examples do not help
        return None
    floor, scale, exponent = map(float, found)
    curve = Curve(floor, scale, exponent, np.zeros((3, 3)))
    gradients = np.stack([curve.gradient(size) for size in at]) / spread[:, None]
    shares = np.linalg.pinv(gradients)  # of each mean's error, in units of its spread, in the three numbers
    shared = np.eye(len(at)) if correlation is None else np.asarray(correlation)
    return replace(curve, covariance=shares @ shared @ shares.T)
