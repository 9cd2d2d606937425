"""Bands: what is released, shown to a person, or removed, by two cuts that a version keeps with what they promise.

Cutting a probability needs nothing but numpy, and what scores a text must start fast: what finds the cuts stands in
`agile_classifier.metrics.risk_control`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict

RELEASE, REVIEW, REMOVE = "release", "review", "remove"
DECISION = "decision"
"""Column that holds one of the three."""


class Promise(BaseModel):
    """What one side promises, and the rows that it rests on."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    level: float
    """Least precision, or largest miss rate, that was asked for."""
    cut: float | None
    """Cut on the probability before calibration; None where the promise cannot be made, and nothing is decided."""
    n: int
    """Rows that were looked at: those above the cut, or all of the class. Without a cut, those of the best one."""
    n_wrong: int
    """Wrong ones among them: of another class above the cut, or of the class below it."""
    bound: float | None = None
    """The precision or miss rate that the rows vouch for, which is no worse than the level; None without a cut."""
    needs: int | None = None
    """Rows with which the promise could be made, were they like those here; None where it is made, or where no number
    of such rows would do."""

    @property
    def is_kept(self) -> bool:
        """Whether the promise is made."""
        return self.cut is not None


class Bands(BaseModel):
    """Three bands of one class: removed above one cut, released below another, shown to a person between them.

    Both cuts are of the probability before calibration, which orders texts just as well and owes nothing to the labels
    of the rows that the promises rest on.
    """

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    class_number: int
    """Number of the class that is removed."""
    class_name: str
    confidence: float
    """Probability, over the draw of the rows, with which all promises hold together."""
    n_rows: int
    """Validation rows that the promises rest on: one of near copies and, where groups count once, one of each."""
    n_positive: int
    """Number of rows of the class."""
    by_group: bool = False
    """Whether rows of one group count once, as where new texts will be of other groups."""
    n_choices: int = 1
    """Checkpoints and trainings among which the same rows have chosen."""
    removal: Promise | None = None
    """Promise on precision; None where none was asked for."""
    release: Promise | None = None
    """Promise on the miss rate; None where none was asked for."""

    def decide(self, y_score: ArrayLike) -> NDArray[Any]:
        """Decide on texts by their probabilities before calibration, of shape (n, n_classes).

        Returns
        -------
        array of shape (n,)
            `release`, `review` or `remove`, as Python's own text.
        """
        score = np.asarray(y_score, dtype=np.float64)[:, self.class_number]
        decided = np.full(len(score), REVIEW, dtype=object)
        if self.release is not None and self.release.cut is not None:
            decided[score < self.release.cut] = RELEASE
        if self.removal is not None and self.removal.cut is not None:
            decided[score > self.removal.cut] = REMOVE
        return decided

    @property
    def promises(self) -> list[Promise]:
        """Promises that were asked for."""
        return [promise for promise in (self.removal, self.release) if promise is not None]

    @property
    def sentences(self) -> list[str]:
        """What is decided without a person, and what is promised of it; or why nothing is promised."""
        said = [self._tell_removal(promise) for promise in (self.removal,) if promise is not None]
        return said + [self._tell_release(promise) for promise in (self.release,) if promise is not None]

    def _tell_removal(self, promise: Promise) -> str:
        if promise.is_kept:
            return (
                f"removed without a person above an uncalibrated probability of {promise.cut:.4g}: with confidence"
                f" {self.confidence:g} at least {promise.level:.4g} of these texts are {self.class_name}"
                f" ({promise.n_wrong} wrong of {promise.n} validation rows)"
            )
        best = f", the best cut that was tried has {promise.n - promise.n_wrong} right of {promise.n}"
        return f"nothing is removed without a person: {self._unkept('precision', promise, best if promise.n else '')}"

    def _tell_release(self, promise: Promise) -> str:
        if promise.is_kept:
            return (
                f"released without a person below an uncalibrated probability of {promise.cut:.4g}: with confidence"
                f" {self.confidence:g} at most {promise.level:.4g} of all {self.class_name} texts are among them"
                f" ({promise.n_wrong} of {promise.n} validation rows)"
            )
        return f"nothing is released without a person: {self._unkept('miss rate', promise, '')}"

    def _unkept(self, what: str, promise: Promise, best: str) -> str:
        once = ", one a group" if self.by_group else ""
        rows = f"{self.n_rows} validation rows{once}, {self.n_positive} of them {self.class_name}"
        if promise.needs is not None:
            way_out = f"about {promise.needs:,} such rows would do"
        elif self.n_positive == 0:
            way_out = "rows of that class are needed"
        else:
            way_out = "more such rows would not do"
        return (
            f"a {what} of {promise.level:.4g} cannot be promised with confidence {self.confidence:g} on {rows}{best};"
            f" {way_out}"
        )
