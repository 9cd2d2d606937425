"""Rows of raters: files in which one text stands in several rows, each with the answer of another person."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from agile_classifier.data.scores import read_score
from agile_classifier.drafts.choices import Choices
from agile_classifier.drafts.columns import Column
from agile_classifier.drafts.families import Target
from agile_classifier.drafts.labels import MAJORITY_SHARE, Rule, cut_scores, make_rule
from agile_classifier.drafts.words import RATER, has_word
from agile_classifier.errors import InputError

MOST_REPEATED = 0.05
"""Largest share of rows in which somebody answers a text again."""
FEWEST_SHARED = 0.25
"""Least share of texts that several people answered."""


@dataclass(frozen=True)
class RatedRows:
    """A file with a row for each answer."""

    rater: Column
    """Who answered."""
    texts: tuple[str, ...]
    """The text of each row."""

    def is_of_text(self, column: Column) -> bool:
        """Whether a column says the same in all rows of one text, and so may say something of it."""
        return len(set(zip(self.texts, map(str, column.cells), strict=True))) == len(set(self.texts))

    def scores(self, answers: Column) -> list[float]:
        """The mean of the answers to each text."""
        given: dict[str, list[float]] = {}
        for text, cell in zip(self.texts, answers.cells, strict=True):
            number = read_score(cell, decimal=answers.decimal)
            if number is not None and number == number:
                given.setdefault(text, []).append(number)
        return [statistics.fmean(numbers) for numbers in given.values()]


def find_rated_rows(
    columns: Sequence[Column], text: Column, target: Target, choices: Choices, where: str
) -> RatedRows | None:
    """Who gave the answers that are learnt, where rows are answers; None where each row is an example.

    Parameters
    ----------
    columns : sequence of Column
        Those that have no role yet.

    Raises
    ------
    InputError
        --rated-by goes with what cannot be averaged.
    """
    texts = tuple(map(str, text.cells))
    if choices.rater is not None:
        rows = RatedRows(next(column for column in columns if column.name == choices.rater), texts)
        if not _can_be_averaged(target):
            raise InputError(
                f"{where}: --rated-by {choices.rater}: the answers must be numbers, or two words; learnt is"
                f" {target.description}"
            )
        return rows
    candidates = (RatedRows(column, texts) for column in columns if _may_be_rater(column))
    return next((rows for rows in candidates if _are_answers(rows)), None) if _can_be_averaged(target) else None


def make_rated_rule(rows: RatedRows, target: Target, choices: Choices, where: str) -> Rule:
    """The label rule of answers in rows, whose score is the mean or the share of a text's raters."""
    column, who = target.column, repr(rows.rater.name)
    roles = {"score": column.name, "rater": rows.rater.name}
    said = (
        f"A row is what one of {rows.rater.n_distinct} raters ({who}) says of a text: the rows of one text become one"
    )
    if target.kind == "score":
        rule = make_rule(target, choices, where)
        ends = rule.data.get("reverse_coded")
        means = [sum(ends) - mean if ends else mean for mean in rows.scores(column)]
        cut, reason = cut_scores(means)
        kept = {name: value for name, value in rule.labels.items() if name not in ("rule", "value")}
        reasons = (f"{said} example, whose score is their mean. {reason}", rule.reasons[0], *rule.reasons[2:])
        return Rule({**cut, **kept}, roles, reasons, rule.data)
    if column.numbers:
        low, high = min(column.numbers), max(column.numbers)
        middle = low + (high - low) * MAJORITY_SHARE
        reason = f"{said} example, whose score is their mean; from {middle:g} on, the middle, a text is of class 1."
        return Rule({"rule": "value", "value": middle}, roles, (reason,))
    rule = make_rule(target, choices, where)
    absent, one = rule.labels["names"]
    labels: dict[str, Any] = {"rule": "value", "value": MAJORITY_SHARE, "absent": [absent], "names": [absent, one]}
    share = f"{said} example, whose score is the share that says {one}; from {MAJORITY_SHARE} on it is of class 1."
    return replace(rule, labels=labels, columns=roles, reasons=(share, *rule.reasons))


def _can_be_averaged(target: Target) -> bool:
    return target.kind == "score" or (target.kind == "classes" and target.column.n_distinct == 2 and not target.names)


def _may_be_rater(column: Column) -> bool:
    return column.is_simple and column.share_given == 1 and column.n_distinct > 1 and has_word(column.name, RATER)


def _are_answers(rows: RatedRows) -> bool:
    """Whether most pairs of text and rater stand once, and many texts have several raters."""
    pairs = set(zip(rows.texts, map(str, rows.rater.cells), strict=True))
    n_raters: dict[str, int] = {}
    for text, _ in pairs:
        n_raters[text] = n_raters.get(text, 0) + 1
    shared = sum(n > 1 for n in n_raters.values())
    return len(pairs) >= (1 - MOST_REPEATED) * len(rows.texts) and shared >= FEWEST_SHARED * len(n_raters)
