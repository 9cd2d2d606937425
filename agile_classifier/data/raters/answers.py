"""Answers: what each rater said of each text, as arrays, and as the column `ratings` between steps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

RATINGS = "ratings"
"""Column of the examples that holds the answers of each text's raters."""


@dataclass(frozen=True)
class Answers:
    """Answers of raters to texts, in the order of the texts."""

    text: Ints
    """Place of the text that each answer is about, of shape (n_answers,)."""
    rater: Ints
    """Place in `raters` of who gave it, of shape (n_answers,); -1 for somebody without a name."""
    value: Floats
    """What was answered, of shape (n_answers,): a number, or 1 for yes and 0 for no."""
    raters: tuple[str, ...]
    """Names of the raters, in the order in which they are met."""
    n_texts: int

    @property
    def n_per_text(self) -> Ints:
        """Number of answers to each text, of shape (n_texts,)."""
        return np.bincount(self.text, minlength=self.n_texts).astype(np.int64)

    @property
    def domain(self) -> Floats:
        """The answers that differ, in ascending order."""
        return np.unique(self.value)

    def sums(self, of: Floats | Ints) -> Floats:
        """Sum over the answers to each text, of shape (n_texts,)."""
        return np.bincount(self.text, weights=of, minlength=self.n_texts).astype(np.float64)


def make_answers(text: Ints, names: Sequence[str | None], value: Floats, *, n_texts: int) -> Answers:
    """Answers from what was said, by whom and of what, in the order of the texts.

    Parameters
    ----------
    text, names, value : of shape (n_answers,)
        Place of the text, name of the rater or None, and answer.
    """
    order = np.argsort(text, kind="stable")
    codes, raters = pd.factorize(np.array(names, dtype="object")[order])
    return Answers(text[order], codes.astype(np.int64), value[order], tuple(map(str, raters)), n_texts)


def write_ratings(answers: Answers) -> pd.Series[str]:
    """The answers as a column of texts, one a text, of shape (n_texts,): each answer behind its rater.

    >>> from numpy import array
    >>> write_ratings(make_answers(array([0, 0]), ["ann1", None], array([1.0, 0.0]), n_texts=2)).tolist()
    ['["ann1", 1.0, null, 0.0]', '[]']
    """
    names = [json.dumps(name, ensure_ascii=False) for name in answers.raters] + ["null"]  # -1 is the last
    said = [f"{names[rater]}, {value!r}" for rater, value in zip(answers.rater, answers.value.tolist(), strict=True)]
    ends = np.concatenate([[0], np.cumsum(answers.n_per_text)])
    joined = [f"[{', '.join(said[start:end])}]" for start, end in pairwise(ends)]
    return pd.Series(joined, dtype="str", name=RATINGS)


def read_ratings(examples: pd.DataFrame) -> Answers | None:
    """The answers that examples carry, as `write_ratings` wrote them; None where there are no raters."""
    if RATINGS not in examples:
        return None
    cells = [cell if isinstance(cell, str) else "[]" for cell in examples[RATINGS]]  # a source may have no raters
    said = json.loads(f"[{', '.join(cells)}]")
    text = np.repeat(np.arange(len(said), dtype=np.int64), [len(each) // 2 for each in said])
    names = [name for each in said for name in each[::2]]
    value = np.array([value for each in said for value in each[1::2]], dtype=np.float64)
    return make_answers(text, names, value, n_texts=len(said))


def join_repeated(ratings: pd.Series[str], key: Ints) -> pd.Series[str]:
    """The column `ratings` with the answers to all texts of one key at each of them, of shape (n_texts,).

    >>> join_repeated(pd.Series(['["ann1", 1.0]', '[]', '["ann2", 0.0]']), np.array([7, 8, 7])).tolist()
    ['["ann1", 1.0, "ann2", 0.0]', '[]', '["ann1", 1.0, "ann2", 0.0]']
    """
    joined, keys = ratings.copy(), pd.Series(key, index=ratings.index)
    repeated = keys.duplicated(keep=False)
    for _, cells in ratings[repeated].groupby(keys[repeated]):
        joined[cells.index] = f"[{', '.join(held for cell in cells if (held := cell[1:-1]))}]"
    return joined
