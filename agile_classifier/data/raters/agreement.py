"""Agreement: Krippendorff's alpha of raters, at the level that their answers have, with a bootstrap interval.

At every level the distance of two answers is the squared distance of two places: of their numbers (interval), of the
ranks of their numbers (ordinal), of corners that are all as far from each other (nominal). So alpha needs three sums of
each text, and a resample of a hundred thousand texts next to nothing. Krippendorff (2004), "Content Analysis".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agile_classifier.data.raters.answers import Answers, Floats, Ints

Level = Literal["nominal", "ordinal", "interval"]
MOST_STEPS = 11
"""Different whole numbers that are steps of a scale, as 0 to 10 are; more are numbers."""
N_RESAMPLES = 1_000
SEED = 0


@dataclass(frozen=True)
class Agreement:
    """Agreement of raters, beyond chance."""

    level: Level
    alpha: float | None
    """1: always; 0: as by chance; below: contrary. None where it cannot be measured."""
    low: float | None
    high: float | None
    """Ends of the 95 % bootstrap interval over texts."""


def choose_level(domain: Floats) -> Level:
    """The level of answers: two are names, a few whole numbers are steps, others are numbers.

    >>> [choose_level(np.array(domain)) for domain in ([0.0, 1.0], [1.0, 2.0, 3.0], [0.0, 0.25, 1.0])]
    ['nominal', 'ordinal', 'interval']
    """
    if len(domain) <= 2:
        return "nominal"
    is_scale = len(domain) <= MOST_STEPS and bool((domain == np.round(domain)).all())
    return "ordinal" if is_scale else "interval"


def measure_agreement(
    answers: Answers, *, level: Level | None = None, n_resamples: int = N_RESAMPLES, seed: int = SEED
) -> Agreement:
    """Alpha over all texts with two answers or more, and its interval.

    Parameters
    ----------
    level : str, optional
        By default `choose_level`'s.
    """
    level = level or choose_level(answers.domain)
    sums = _sum_up(answers, level)
    alpha = sums.alpha(sums.n_alike)
    if math.isnan(alpha):
        return Agreement(level, None, None, None)
    resampled = [sums.alpha(weight) for weight in _resample(sums.n_alike, n_resamples, seed)]
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    return Agreement(level, alpha, float(low), float(high))


def place_values(count: Floats, domain: Floats, level: Level) -> Floats:
    """Place of each answer that differs, of shape (n_values, n_dimensions), whose squared distances are the level's.

    Parameters
    ----------
    count : of shape (n_values,)
        How often each was given where somebody else answered too.
    """
    if level == "nominal":
        return np.eye(len(domain)) / math.sqrt(2)
    if level == "interval":
        return (domain - domain.mean())[:, None] if len(domain) else domain[:, None]
    return (np.cumsum(count) - count / 2)[:, None]  # the ranks of ties, in their middle


@dataclass(frozen=True)
class _Sums:
    """What alpha needs of the texts with two answers or more; texts whose answers are alike stand once."""

    given: Floats
    """How often each answer was given, of shape (n_patterns, n_values); of the level interval n_patterns x 0."""
    moments: Floats
    """Number, sum and sum of squares of the answers, of shape (n_patterns, 3), for the level interval."""
    n_alike: Ints
    """Texts of each pattern, of shape (n_patterns,)."""
    domain: Floats
    level: Level

    def alpha(self, weight: Ints | Floats) -> float:
        """Alpha where each pattern stands `weight` times; NaN where nothing could differ."""
        if self.level == "interval":
            n, total, squares = self.moments.T
            totals, of_squares = total[:, None], squares
        else:
            place = place_values(weight @ self.given, self.domain, self.level)
            n, totals, of_squares = self.given.sum(axis=1), self.given @ place, self.given @ (place**2).sum(axis=1)
        within = 2 * (n * of_squares - (totals**2).sum(axis=1)) / (n - 1)
        n_all, sum_all, squares_all = weight @ n, weight @ totals, weight @ of_squares
        between = 2 * (n_all * squares_all - (sum_all**2).sum()) / max(n_all - 1, 1)
        return 1 - float(weight @ within / between) if between > 0 else math.nan


def _sum_up(answers: Answers, level: Level) -> _Sums:
    pairable = np.flatnonzero(answers.n_per_text >= 2)
    domain = answers.domain
    if level == "interval":
        centred = answers.value - (answers.value.mean() if len(answers.value) else 0)
        moments = np.column_stack([answers.n_per_text, answers.sums(centred), answers.sums(centred**2)])[pairable]
        return _Sums(np.empty((len(pairable), 0)), moments, np.ones(len(pairable), dtype=np.int64), domain, level)
    code = np.searchsorted(domain, answers.value)
    given = np.bincount(answers.text * len(domain) + code, minlength=answers.n_texts * len(domain))
    patterns, n_alike = np.unique(given.reshape(answers.n_texts, len(domain))[pairable], axis=0, return_counts=True)
    return _Sums(patterns.astype(np.float64), np.empty((len(patterns), 0)), n_alike, domain, level)


def _resample(n_alike: Ints, n_resamples: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Patterns of as many texts, drawn with replacement: how often each is met."""
    rng, n = np.random.default_rng(seed), int(n_alike.sum())
    for _ in range(n_resamples):
        if len(n_alike) < n / 10:  # far faster where texts are alike, and slower where each is another
            yield rng.multinomial(n, n_alike / n)
        else:
            pattern = np.repeat(np.arange(len(n_alike)), n_alike)
            yield np.bincount(pattern[rng.integers(n, size=n)], minlength=len(n_alike))
