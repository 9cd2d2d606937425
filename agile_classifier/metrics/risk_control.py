"""Risk control: the cuts of three bands, found on labelled rows so that what they promise holds with a confidence.

Removal is Learn-then-Test (Angelopoulos and others 2021). The cuts that are tried are fixed before a label is looked
at: they lie below the 20, 26, 34, … highest scores. Whichever value the next lower score has, the rows above it are
drawn alike from what lies above it, so that their wrong ones are binomial and the p-value of "precision is below the
level" is exact; the error is shared out over the cuts that are tried (Bonferroni). Nothing is assumed of the scores,
not even that a higher one means a higher precision.

Release needs no such sharing, for a miss rate can only grow with its cut (risk-controlling prediction sets, Bates and
others 2021): the cut is an order statistic of the scores of the class, by an exact binomial count again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict
from scipy.special import bdtr, betaincinv

from agile_classifier.metrics.bands import Bands, Promise, is_removable, read_scores

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

FEWEST_REMOVED = 20
"""Smallest number of highest scores that a cut is tried below: fewer could promise little."""
STEP = 1.3
"""How many times more rows lie above each cut that is tried than above the one before."""
MOST_ROWS = 10_000_000
"""More rows than this are no answer to how many are needed."""
EXACT_ENOUGH = 1.05
"""How far apart the numbers of rows may be between which the needed one lies."""


@dataclass(frozen=True)
class Promised:
    """What is to be promised, and how surely."""

    precision: float | None = None
    miss_rate: float | None = None
    confidence: float = 0.9
    n_choices: int = 1
    """Classifiers among which the same rows have chosen: each promise is made for all of them at once."""

    @property
    def error(self) -> float:
        """Probability of each promise to be broken, at most."""
        n_promises = sum(level is not None for level in (self.precision, self.miss_rate))
        return (1 - self.confidence) / max(1, n_promises) / self.n_choices


class ExactShare(BaseModel):
    """A share that was counted, and its exact 95 % interval (Clopper and Pearson 1934)."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    k: int
    """Rows that count."""
    n: int
    """Rows that there are."""

    @property
    def value(self) -> float | None:
        """The share; None of no rows."""
        return self.k / self.n if self.n else None

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return least_share(self.k, self.n, 0.025)

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return largest_share(self.k, self.n, 0.025)

    @property
    def words(self) -> str:
        """The share in percent with its interval, for a sentence or cell.

        >>> ExactShare(k=9, n=10).words
        '90.0 % (55.5 to 99.7) of 10'
        """
        if self.value is None:
            return "none"
        return f"{100 * self.value:.1f} % ({100 * self.low:.1f} to {100 * self.high:.1f}) of {self.n}"


def least_share(k: int, n: int, error: float) -> float:
    """Lower bound of a share of which k of n rows count, wrong with a probability of `error` at most.

    >>> round(least_share(59, 59, 0.05), 3)
    0.95
    """
    return float(betaincinv(k, n - k + 1, error)) if k else 0.0


def largest_share(k: int, n: int, error: float) -> float:
    """Upper bound of a share of which k of n rows count, wrong with a probability of `error` at most."""
    return float(betaincinv(k + 1, n - k, 1 - error)) if k < n else 1.0


def fit_bands(
    *,
    y_true: ArrayLike,
    y_score: ArrayLike,
    promised: Promised,
    class_name: str = "1",
    class_number: int | None = 1,
    expected_share: float = 1.0,
) -> Bands:
    """Find the bands that keep what is promised, or leave a side open.

    The rows must be drawn alike and independently from what will be scored, and must not have taught the classifier;
    where they have chosen among several, `promised.n_choices` says among how many.

    Parameters
    ----------
    y_true : array of shape (n,) or (n, n_labels)
        Classes 0, 1, …; of several labels a table of 0 and 1.
    y_score : array of shape (n, n_classes)
        Probabilities before calibration.
    class_number : int or None
        Class or label that is removed; None where any of several labels is a reason.
    expected_share : float
        Share of the class among other rows, as those of train: no cut is tried above which more than twice that share
        of the rows lies.

    Examples
    --------
    >>> truth = np.arange(400) >= 200
    >>> bands = fit_bands(
    ...     y_true=truth, y_score=np.column_stack([1 - truth, truth + np.linspace(0, 1, 400)]),
    ...     promised=Promised(precision=0.9, miss_rate=0.05),
    ... )
    >>> bands.removal.is_kept, bands.release.is_kept
    (True, True)
    """
    score, is_positive = read_scores(y_score, class_number), is_removable(y_true, class_number)
    removal = release = None
    if promised.precision is not None:
        removal = _fit_removal(is_positive, score, promised.precision, promised.error, expected_share=expected_share)
    if promised.miss_rate is not None:
        highest = removal.cut if removal is not None else None
        release = _fit_release(is_positive, score, promised.miss_rate, promised.error, highest=highest)
    return Bands(
        class_number=class_number,
        class_name=class_name,
        several=np.ndim(y_true) == 2,
        confidence=promised.confidence,
        n_rows=len(score),
        n_positive=int(is_positive.sum()),
        n_choices=promised.n_choices,
        removal=removal,
        release=release,
    )


def list_ranks(n_rows: int, *, expected_share: float = 1.0) -> list[int]:
    """List how many of the highest scores lie above each cut that is tried; they depend on no label and no score.

    >>> list_ranks(60)
    [20, 26, 34, 44, 58]
    """
    most = min(n_rows - 1, int(np.ceil(2 * expected_share * n_rows)))
    return list(_geometric(most))


def _geometric(most: int) -> Iterator[int]:
    rank = float(FEWEST_REMOVED)
    while round(rank) <= most:
        yield round(rank)
        rank *= STEP


def _fit_removal(is_positive: Mask, score: Floats, level: float, error: float, *, expected_share: float) -> Promise:
    """The lowest cut above which the precision is the level or more, beyond chance."""
    order = np.argsort(-score, kind="stable")
    descending, wrong = score[order], np.cumsum(~is_positive[order])
    ranks = list_ranks(len(score), expected_share=expected_share)
    cuts = descending[ranks] if ranks else np.empty(0)
    n_above = np.searchsorted(-descending, -cuts, side="left")  # of equal scores none is above the cut
    n_wrong = np.where(n_above > 0, wrong[n_above - 1], 0)
    shared = error / max(1, len(ranks))
    kept = np.flatnonzero(bdtr(n_wrong, n_above, 1 - level) <= shared)
    if len(kept):
        best = kept[-1]
        n, k = int(n_above[best]), int(n_wrong[best])
        bound = least_share(n - k, n, shared)
        return Promise(level=level, cut=float(cuts[best]), n=n, n_wrong=k, bound=bound)
    n, k = _best_tried(n_above, n_wrong)
    if not n:  # too few rows for any cut: what would do were every row of the class above it
        n_above, n_wrong = np.asarray([is_positive.sum()]), np.zeros(1, dtype=np.int64)
    needs = _rows_for_removal(len(score), n_above, n_wrong, level=level, error=error, expected_share=expected_share)
    return Promise(level=level, cut=None, n=n, n_wrong=k, needs=needs)


def _best_tried(n_above: Ints, n_wrong: Ints) -> tuple[int, int]:
    """Rows above the cut of the highest precision, and the wrong ones among them; none where no cut was tried."""
    if not n_above.any():
        return 0, 0
    best = np.where(n_above > 0, n_wrong / np.maximum(n_above, 1), np.inf).argmin()
    return int(n_above[best]), int(n_wrong[best])


def _fit_release(is_positive: Mask, score: Floats, level: float, error: float, *, highest: float | None) -> Promise:
    """The highest cut, but none above `highest`, below which the share of the class that is missed is within the level.

    Lowering a cut breaks no promise: a miss rate can only fall with it.
    """
    own = np.sort(score[is_positive])
    n = len(own)
    allowed = _most_allowed(n, level, error)
    if allowed < 0:
        least = int(np.ceil(np.log(error) / np.log1p(-level)))
        return Promise(level=level, cut=None, n=n, n_wrong=0, needs=_rounded(len(score) * least / n) if n else None)
    cut = float(own[allowed] if highest is None else min(own[allowed], highest))
    k = int(np.searchsorted(own, cut, side="left"))
    return Promise(level=level, cut=cut, n=n, n_wrong=k, bound=largest_share(k, n, error))


def _most_allowed(n: int, level: float, error: float) -> int:
    """Most rows of the class that may lie below a cut, of n; -1 where even none would promise too much."""
    return int(np.count_nonzero(bdtr(np.arange(n), n, level) <= error)) - 1


def _rows_for_removal(
    n_rows: int, n_above: Ints, n_wrong: Ints, *, level: float, error: float, expected_share: float
) -> int | None:
    """Rows with which a promise could be made if they were like these, only more; None where none would do."""
    if not n_above.any():
        return None

    def would_do(times: float) -> bool:
        shared = error / max(1, len(list_ranks(int(n_rows * times), expected_share=expected_share)))
        return bool(
            (bdtr(np.ceil(n_wrong * times), np.floor(n_above * times).astype(np.int64), 1 - level) <= shared).any()
        )

    high = 2.0
    while not would_do(high):
        high *= 2
        if n_rows * high > MOST_ROWS:
            return None
    low = high / 2
    while high / low > EXACT_ENOUGH:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if would_do(middle) else (middle, high)
    return _rounded(n_rows * high)


def _rounded(n_rows: float) -> int:
    """A number of rows, rounded up to two digits."""
    unit = 10 ** max(0, len(str(int(n_rows))) - 2)
    return int(np.ceil(n_rows / unit) * unit)
