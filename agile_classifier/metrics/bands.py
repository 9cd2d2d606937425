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
ANY_LABEL = "any label"
"""Name of what is removed where a text may carry several labels, and each of them is a reason."""


def read_scores(y_score: ArrayLike, class_number: int | None) -> NDArray[np.float64]:
    """Probability by which texts are removed, of shape (n,): of a class or label, or without one the largest of all.

    Parameters
    ----------
    y_score : array of shape (n, n_classes)
    """
    score = np.asarray(y_score, dtype=np.float64)
    return score.max(axis=1) if class_number is None else score[:, class_number]


def is_removable(y_true: ArrayLike, class_number: int | None) -> NDArray[np.bool_]:
    """Whether texts are of a class, or carry a label, or without one any, of shape (n,).

    Parameters
    ----------
    y_true : array of shape (n,) or (n, n_labels)
        Classes 0, 1, …; of several labels a table of 0 and 1.
    """
    truth = np.asarray(y_true, dtype=np.int64)
    if truth.ndim == 1:
        return np.asarray(truth == class_number)
    return np.asarray((truth == 1).any(axis=1) if class_number is None else truth[:, class_number] == 1)


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
    """Three bands of one class, or label: removed above one cut, released below another, between them for a person.

    Both cuts are of the probability before calibration, which orders texts just as well and owes nothing to the labels
    of the rows that the promises rest on.
    """

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    class_number: int | None
    """Number of the class or label that is removed; None where any of several labels is a reason."""
    class_name: str
    several: bool = False
    """Whether a text may carry several labels, each with a probability of its own."""
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
        score = read_scores(y_score, self.class_number)
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
    def predicate(self) -> str:
        """What removed texts should do, for a sentence: `are toxic`, or of several labels `carry insult`."""
        return f"carry {self.class_name}" if self.several else f"are {self.class_name}"

    @property
    def texts(self) -> str:
        """Texts that should be removed, for a sentence: `toxic texts`, of several labels `texts that carry insult`."""
        return f"texts that carry {self.class_name}" if self.several else f"{self.class_name} texts"

    @property
    def sentences(self) -> list[str]:
        """What is decided without a person, and what is promised of it; or why nothing is promised."""
        said = [self._tell_removal(promise) for promise in (self.removal,) if promise is not None]
        return said + [self._tell_release(promise) for promise in (self.release,) if promise is not None]

    def _tell_removal(self, promise: Promise) -> str:
        if promise.is_kept:
            return (
                f"removed without a person above an uncalibrated probability of {promise.cut:.4g}: with confidence"
                f" {self.confidence:g} at least {promise.level:.4g} of these texts {self.predicate}"
                f" ({promise.n_wrong} wrong of {promise.n} validation rows)"
            )
        best = f", the best cut that was tried has {promise.n - promise.n_wrong} right of {promise.n}"
        return f"nothing is removed without a person: {self._unkept('precision', promise, best if promise.n else '')}"

    def _tell_release(self, promise: Promise) -> str:
        if promise.is_kept:
            return (
                f"released without a person below an uncalibrated probability of {promise.cut:.4g}: with confidence"
                f" {self.confidence:g} at most {promise.level:.4g} of all {self.texts} are among them"
                f" ({promise.n_wrong} of {promise.n} validation rows)"
            )
        return f"nothing is released without a person: {self._unkept('miss rate', promise, '')}"

    def _unkept(self, what: str, promise: Promise, best: str) -> str:
        once = ", one a group" if self.by_group else ""
        what_kind = f"with {self.class_name}" if self.several else self.class_name
        rows = f"{self.n_rows} validation rows{once}, {self.n_positive} of them {what_kind}"
        if promise.needs is not None:
            way_out = f"about {promise.needs:,} such rows would do"
        elif self.n_positive == 0:
            way_out = f"rows of that {'label' if self.several else 'class'} are needed"
        else:
            way_out = "more such rows would not do"
        return (
            f"a {what} of {promise.level:.4g} cannot be promised with confidence {self.confidence:g} on {rows}{best};"
            f" {way_out}"
        )
