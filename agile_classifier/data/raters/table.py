"""Table of raters: how many answers each gave, how far they go with those of the others, and who is to be looked at.

Agreement is a rater's kappa against the others: 1 less the distance of the answers to those of the others on the same
texts, divided by what it were, had the same answers been given to these texts at random. Who always says the same is at
0, whatever most texts are.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from agile_classifier.data.raters.agreement import Level, place_values
from agile_classifier.data.raters.answers import Answers, Booleans, Floats, Ints
from agile_classifier.data.raters.dawid_skene import fit_dawid_skene
from agile_classifier.data.raters.scoring import MOST_VALUES

FEWEST_ANSWERS = 20
"""Answers beside others' from which a rater may be pointed out."""
LAZY = 0.5
"""A rater is lazy whose agreement lies surely below this share of the median rater's."""

Remark = Literal["contrary", "lazy"]


class RaterRow(BaseModel):
    """What is known of a rater."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    name: str
    n_answers: int
    n_compared: int
    """Answers to texts that somebody else answered too."""
    agreement: float | None
    """Kappa against the others: 1 always, 0 as by chance, below 0 contrary; None where it cannot be measured."""
    high: float | None
    """Upper end of its 95 % interval."""
    bias: float | None
    """Mean of the answers less that of the others' on the same texts."""
    accuracy: float | None
    """Mean probability that an answer is right, by Dawid-Skene; None of answers on a fine scale."""
    remark: Remark | None = None
    """`contrary`: surely against the others; `lazy`: surely far less with them than most; None: nothing to say."""


def describe_each(answers: Answers, level: Level) -> list[RaterRow]:
    """A row a rater, in the order in which they are met; none where answers have no names."""
    if not answers.raters or (answers.rater < 0).any():
        return []
    n, compared = _count(answers), answers.n_per_text[answers.text] >= 2
    agreement, high, bias = _compare(answers, compared, level)
    accuracy = _measure_accuracy(answers)
    n_compared = np.bincount(answers.rater[compared], minlength=len(answers.raters))
    remarks = _remark(agreement, high, n_compared)
    return [
        RaterRow(
            name=name,
            n_answers=int(n[place]),
            n_compared=int(n_compared[place]),
            agreement=_known(agreement[place]),
            high=_known(high[place]),
            bias=_known(bias[place]),
            accuracy=None if accuracy is None else float(accuracy[place]),
            remark=remarks[place],
        )
        for place, name in enumerate(answers.raters)
    ]


def _count(answers: Answers) -> Ints:
    return np.bincount(answers.rater, minlength=len(answers.raters)).astype(np.int64)


def _compare(answers: Answers, compared: Booleans, level: Level) -> tuple[Floats, Floats, Floats]:
    """Agreement, its upper end and bias of each rater, of shape (n_raters,), NaN where nobody answered beside."""
    domain, code = answers.domain, np.searchsorted(answers.domain, answers.value)
    place = place_values(np.bincount(code[compared], minlength=len(domain)).astype(np.float64), domain, level)
    own = place[code]
    square = (own**2).sum(axis=1)
    n_others = np.maximum(answers.n_per_text[answers.text] - 1, 1)
    of_others = np.column_stack([answers.sums(column)[answers.text] - column for column in own.T]) / n_others[:, None]
    squares_of_others = (answers.sums(square)[answers.text] - square) / n_others
    distance = square - 2 * (own * of_others).sum(axis=1) + squares_of_others
    mean = _Means(answers, compared)
    by_chance = mean.of(square) + mean.of(squares_of_others)
    by_chance -= 2 * sum(mean.of(x) * mean.of(y) for x, y in zip(own.T, of_others.T, strict=True))
    found = mean.of(distance)
    spread = np.sqrt(np.maximum(mean.of(distance**2) - found**2, 0) / np.maximum(mean.n, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        agreement = np.where(by_chance > 1e-12, 1 - found / by_chance, math.nan)
        high = agreement + 1.96 * spread / by_chance
    mean_of_others = (answers.sums(answers.value)[answers.text] - answers.value) / n_others
    return agreement, high, mean.of(answers.value - mean_of_others)


class _Means:
    """Means over the answers of each rater that stand beside others'."""

    def __init__(self, answers: Answers, compared: Booleans) -> None:
        self._rater, self._compared, self._n_raters = answers.rater[compared], compared, len(answers.raters)
        self.n = np.bincount(self._rater, minlength=self._n_raters)

    def of(self, value: Floats) -> Floats:
        """Mean of a value of each answer, of shape (n_raters,)."""
        total = np.bincount(self._rater, weights=value[self._compared], minlength=self._n_raters)
        return np.where(self.n > 0, total / np.maximum(self.n, 1), math.nan)


def _measure_accuracy(answers: Answers) -> Floats | None:
    if len(answers.domain) > MOST_VALUES:
        return None
    code = np.searchsorted(answers.domain, answers.value)
    is_right = fit_dawid_skene(answers).probability[answers.text, code]
    right = np.bincount(answers.rater, weights=is_right, minlength=len(answers.raters))
    return np.asarray(right / _count(answers), dtype=np.float64)


def _remark(agreement: Floats, high: Floats, n_compared: Ints) -> list[Remark | None]:
    judged = (n_compared >= FEWEST_ANSWERS) & ~np.isnan(agreement)
    usual = float(np.median(agreement[judged])) if judged.any() else math.nan
    contrary = judged & (high < 0)
    lazy = judged & ~contrary & (high < LAZY * usual)
    return ["contrary" if contrary[place] else "lazy" if lazy[place] else None for place in range(len(judged))]


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
