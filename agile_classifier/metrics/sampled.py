"""Sampled shares: what share of a population is a hit, where each row was shown to a person with a known probability.

A row that was seen with probability p stands for 1 / p rows. The share is the ratio of the weighted hits to all
(Hájek 1971). Its interval takes each weighted sum for a sum of Poisson counts, whose ends are gamma quantiles (Fay and
Feuer 1997), and melds those of hits and misses (Fay, Proschan and Brittain 2015). It is conservative, also where few
rows of great weight, or none, were misses; with equal weights it is the interval of Clopper and Pearson.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv

LEVEL = 0.95
"""Share of intervals that hold the truth, at least."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Share:
    """A share of a population, and the ends of its 95 % interval; all in [0, 1]."""

    value: float | None
    """Estimate; None where nothing was seen that it could rest on."""
    low: float
    high: float


@dataclass(frozen=True)
class _Sum:
    """A weighted sum of counts: its value, its variance, and the weight that one row more would have."""

    value: float
    variance: float
    largest: float

    @property
    def at_least(self) -> tuple[float, float]:
        """Shape and scale of the gamma distribution of its lower end."""
        return self.value**2 / self.variance, self.variance / self.value

    @property
    def at_most(self) -> tuple[float, float]:
        """The same of its upper end, at which one row more was counted."""
        value, variance = self.value + self.largest, self.variance + self.largest**2
        return value**2 / variance, variance / value


def estimate_share(hits: ArrayLike, misses: ArrayLike, *, largest_hit: float, largest_miss: float) -> Share:
    """Share of the hits among hits and misses of a population.

    Parameters
    ----------
    hits, misses : arrays of shape (n,)
        Weight of each row that was seen to be one; 0 where it was none.
    largest_hit, largest_miss : float
        Largest weight of the rows that were seen and could have been one; 0 where no row could, and inf where there
        are such rows but none was seen.

    Examples
    --------
    >>> estimate_share([1, 1, 1, 0], [0, 0, 0, 1], largest_hit=1, largest_miss=1).value
    0.75
    """
    hit, miss = _sum(hits, largest_hit), _sum(misses, largest_miss)
    total = hit.value + miss.value
    value = hit.value / total if total else None
    low = _melded(hit.at_least, miss.at_most, (1 - LEVEL) / 2) if hit.value and np.isfinite(largest_miss) else 0.0
    high = _melded(hit.at_most, miss.at_least, (1 + LEVEL) / 2) if miss.value and np.isfinite(largest_hit) else 1.0
    return Share(value, low, high)


def expected_share(hit: ArrayLike, miss: ArrayLike) -> Share:
    """Share of the hits that calibrated probabilities lead to expect; its interval is that of the rows' own chance.

    Parameters
    ----------
    hit, miss : arrays of shape (n,), (m,)
        Probability of each row to be a hit, and of each to be a miss.
    """
    hits, misses = np.asarray(hit, dtype=np.float64), np.asarray(miss, dtype=np.float64)
    n_hits, n_misses = float(hits.sum()), float(misses.sum())
    total = n_hits + n_misses
    if not total:
        return Share(None, 0.0, 1.0)
    variance = n_misses**2 * float((hits * (1 - hits)).sum()) + n_hits**2 * float((misses * (1 - misses)).sum())
    value, half = n_hits / total, 1.96 * variance**0.5 / total**2
    return Share(value, max(0.0, value - half), min(1.0, value + half))


def _sum(weights: ArrayLike, largest: float) -> _Sum:
    held = np.asarray(weights, dtype=np.float64)
    return _Sum(float(held.sum()), float((held**2).sum()), largest)


def _melded(hit: tuple[float, float], miss: tuple[float, float], quantile: float) -> float:
    """Quantile of H / (H + M), where H and M are gamma distributed with these shapes and scales."""
    part = float(betaincinv(hit[0], miss[0], quantile))  # of H / (H + M) in units of their scales
    return hit[1] * part / (hit[1] * part + miss[1] * (1 - part))
