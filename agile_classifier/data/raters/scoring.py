"""Scoring: the answers to a text become its score, as `labels.raters` says."""

from __future__ import annotations

import math

import numpy as np

from agile_classifier.data.raters.answers import Answers, Floats
from agile_classifier.data.raters.dawid_skene import fit_dawid_skene
from agile_classifier.data.raters.mace import fit_mace
from agile_classifier.errors import InputError

MOST_VALUES = 20
"""Different answers that can be learnt as classes."""


def score_answers(answers: Answers, how: str) -> Floats:
    """Score of each text, of shape (n_texts,); NaN where nobody answered.

    Parameters
    ----------
    how : {"mean", "share", "dawid_skene", "mace"}
        `labels.raters`. Of the last two the score is the answer to be expected: of yes and no, the probability of yes.

    Raises
    ------
    InputError
        The answers are not of the kind that it can count.
    """
    if how == "share":
        _require_votes(answers)
    if how in ("mean", "share"):
        return _average(answers)
    _require_learnable(answers, how)
    probability = (fit_mace if how == "mace" else fit_dawid_skene)(answers).probability
    return np.where(answers.n_per_text > 0, probability @ answers.domain, math.nan)


def _average(answers: Answers) -> Floats:
    """The mean of the answers to each text: to the last digit the same in whatever order they stand."""
    order = np.lexsort((answers.value, answers.text))
    total = np.bincount(answers.text[order], weights=answers.value[order], minlength=answers.n_texts)
    n = answers.n_per_text
    return np.where(n > 0, total / np.maximum(n, 1), math.nan)


def _require_votes(answers: Answers) -> None:
    others = [value for value in answers.domain if value not in (0, 1)]
    if others:
        raise InputError(
            f"labels.raters share counts the raters that say yes; found the answer {others[0]:g}, which is neither yes"
            " (1) nor no (0): labels.raters mean takes numbers"
        )


def _require_learnable(answers: Answers, how: str) -> None:
    if (answers.rater < 0).any():
        raise InputError(
            f"labels.raters {how} learns how far each rater can be trusted, and must know who answered: found"
            f" {int((answers.rater < 0).sum())} answers in lists without names; data.columns.rater names a column of"
            " names, labels.raters mean or share needs none"
        )
    if len(answers.domain) > MOST_VALUES:
        raise InputError(
            f"labels.raters {how} learns answers as classes, at most {MOST_VALUES}; found {len(answers.domain)}"
            " different answers: labels.raters mean takes numbers"
        )
