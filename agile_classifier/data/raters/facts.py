"""Facts about raters that reports state: how many answered, how far they agree, and a row for each of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from agile_classifier.data.raters.agreement import Level, measure_agreement
from agile_classifier.data.raters.answers import Answers, Booleans, read_ratings
from agile_classifier.data.raters.table import RaterRow, describe_each
from agile_classifier.errors import GateRefused

MOST_LISTED = 50
"""Raters that are listed at most: those pointed out, then those with most answers."""
MOST_NAMED = 5
"""Raters that a sentence names."""
LEVELS = {
    "nominal": "nominal: there are at most two different answers",
    "ordinal": "ordinal: answers are steps of a scale",
    "interval": "interval: answers are numbers",
}
"""Level of alpha → the kind of answers that it was chosen for."""


class RaterFacts(BaseModel):
    """What is known of the raters of all examples."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    n_raters: int | None
    """Number of raters; None where answers have no names."""
    n_answers: int
    n_texts: int
    """Texts that somebody answered."""
    n_compared: int
    """Texts that two or more answered; of these alone agreement can be measured."""
    n_unanimous: int
    """Texts of these to which all answers are the same."""
    fewest: int
    most: int
    """Least and largest number of answers to a text that somebody answered."""
    level: Level
    alpha: float | None
    """Krippendorff's alpha; None where no two answers can be compared, or all are the same."""
    low: float | None
    high: float | None
    """Ends of its 95 % bootstrap interval over texts."""
    n_pointed_out: int
    listed: tuple[RaterRow, ...]
    """At most 50 raters: those pointed out, then those with most answers."""

    @property
    def sentence(self) -> str:
        """Agreement in one sentence, without the raters' names."""
        if self.alpha is None:
            why = "no text has two answers" if not self.n_compared else "all answers are the same"
            return f"{self._who}: agreement cannot be measured, since {why}"
        return (
            f"{self._who}: Krippendorff's alpha {self.alpha:.3f} (95 % {self.low:.3f} to {self.high:.3f};"
            f" {LEVELS[self.level]}), {self.n_unanimous / self.n_compared:.1%} of {self.n_compared} texts unanimous"
        )

    @property
    def _who(self) -> str:
        who = "raters without names" if self.n_raters is None else f"{self.n_raters} raters"
        per_text = f"{self.fewest}" if self.fewest == self.most else f"{self.fewest} to {self.most}"
        return f"{who}, {self.n_answers} answers to {self.n_texts} texts, {per_text} a text"

    @property
    def warnings(self) -> list[str]:
        """A sentence for each kind of raters that are pointed out, with their names."""
        whys = {
            "contrary": "answer against the others, as if a scale were turned round",
            "lazy": "agree far less with the others than most raters do, as if texts were not read",
        }
        said = []
        for remark, why in whys.items():
            rows = [row for row in self.listed if row.remark == remark]
            if rows:
                named = ", ".join(f"{row.name} ({round(row.agreement or 0, 2) + 0:.2f})" for row in rows[:MOST_NAMED])
                more = f" and {len(rows) - MOST_NAMED} more" if len(rows) > MOST_NAMED else ""
                said.append(f"raters {named}{more} {why}")
        return said


def describe_raters(examples: pd.DataFrame) -> RaterFacts | None:
    """What examples say of their raters; None where they have none."""
    answers = read_ratings(examples)
    return None if answers is None else describe_answers(answers)


def describe_answers(answers: Answers) -> RaterFacts:
    """What answers say of those who gave them."""
    n = answers.n_per_text
    found = measure_agreement(answers)
    rows = describe_each(answers, found.level)
    rows.sort(key=lambda row: (row.remark is None, -row.n_answers))
    compared = n >= 2
    return RaterFacts(
        n_raters=len(rows) or None,
        n_answers=len(answers.value),
        n_texts=int((n > 0).sum()),
        n_compared=int(compared.sum()),
        n_unanimous=int((compared & _are_unanimous(answers)).sum()),
        fewest=int(n[n > 0].min(initial=n.max(initial=0))),
        most=int(n.max(initial=0)),
        level=found.level,
        alpha=found.alpha,
        low=found.low,
        high=found.high,
        n_pointed_out=sum(row.remark is not None for row in rows),
        listed=tuple(rows[:MOST_LISTED]),
    )


def refuse_disagreement(facts: RaterFacts | None, *, limit: float | None) -> None:
    """Refuse examples whose raters agree less than `data_quality.min_agreement` asks for.

    Raises
    ------
    GateRefused
        Names alpha, its interval and the limit, and the raters that are pointed out.
    """
    if limit is None or facts is None or (facts.alpha is not None and facts.alpha >= limit):
        return
    pointed_out = "".join(f"; {warning}" for warning in facts.warnings)
    raise GateRefused(f"raters disagree: {facts.sentence} (data_quality.min_agreement asks for {limit:g}){pointed_out}")


def _are_unanimous(answers: Answers) -> Booleans:
    low, high = np.full(answers.n_texts, np.inf), np.full(answers.n_texts, -np.inf)
    np.minimum.at(low, answers.text, answers.value)
    np.maximum.at(high, answers.text, answers.value)
    return np.asarray(low == high)
