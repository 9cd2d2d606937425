"""Ceiling: how often one rater gives the class that the others give, which is what a model can be held against.

A model that goes with single raters as often as they go with one another has learnt what there is to learn from them.
"""

from __future__ import annotations

import math

import numpy as np
from pydantic import BaseModel, ConfigDict

from agile_classifier.data.raters.answers import Answers

POSTERIORS = ("dawid_skene", "mace")
"""Ways of scoring whose scores of yes and no are probabilities, and no shares of raters."""
ROUNDING = 1e-9
"""Largest error of a mean that is to tie with the label threshold."""


class Ceiling(BaseModel):
    """How often one rater's answer is of the class that the other raters of the text give."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    accuracy: float
    low: float
    high: float
    """Ends of the 95 % interval; answers to one text hang together."""
    n_answers: int
    n_texts: int

    @property
    def sentence(self) -> str:
        """The ceiling in one sentence."""
        return (
            f"one rater gives the class of the other raters for {self.accuracy:.1%} of {self.n_answers} answers to"
            f" {self.n_texts} test texts (95 % {self.low:.1%} to {self.high:.1%})"
        )


def measure_ceiling(answers: Answers | None, *, label_threshold: float | None, how: str) -> Ceiling | None:
    """The ceiling on texts with two answers or more; None where there are none, or no label threshold.

    Each answer, cut at the label threshold, is held against the mean of the others, cut there too.

    Parameters
    ----------
    how : str
        `labels.raters`. A probability of yes is cut elsewhere than a share, so there most of the others count.
    """
    if answers is None or label_threshold is None or not (answers.n_per_text >= 2).any():
        return None
    domain, n = answers.domain, answers.n_per_text[answers.text]
    is_probability = how in POSTERIORS and len(domain) == 2
    cut = float(domain.mean()) if is_probability else label_threshold
    of_others = (answers.sums(answers.value)[answers.text] - answers.value) / np.maximum(n - 1, 1)
    agrees = (answers.value >= cut - ROUNDING) == (of_others >= cut - ROUNDING)
    compared = (n >= 2).astype(np.float64)
    n_agreeing, n_compared = answers.sums(agrees * compared), answers.sums(compared)
    accuracy = n_agreeing.sum() / n_compared.sum()
    spread = 1.96 * math.sqrt(((n_agreeing - accuracy * n_compared) ** 2).sum()) / n_compared.sum()
    return Ceiling(
        accuracy=float(accuracy),
        low=max(0.0, float(accuracy - spread)),
        high=min(1.0, float(accuracy + spread)),
        n_answers=int(n_compared.sum()),
        n_texts=int((n_compared > 0).sum()),
    )
