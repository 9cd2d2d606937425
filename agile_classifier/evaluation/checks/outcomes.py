"""Outcomes of functional tests: what a version gets right of each, and what it loses of what another one got right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.stats import binomtest

from agile_classifier.evaluation.checks.cases import SuiteCases
from agile_classifier.metrics.bias import Figure, measure_share
from agile_classifier.metrics.comparison import WORSE_BEYOND_NOISE

Mask = NDArray[np.bool_]

FEWEST_DECISIVE = 6
"""Texts below which that p-value cannot be so small, however many are lost: a test of fewer must keep every one."""


class Loss(BaseModel):
    """What a version gets right of a test beside a champion, text by text."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    champion_passed: int
    """Texts that the champion gets right."""
    only_champion: int
    """Texts that the champion alone gets right."""
    only_candidate: int
    """Texts that the candidate alone gets right."""
    p_value: float
    """Exact two-sided p-value of McNemar's test; 1 where both are right on the same texts."""


class Outcome(BaseModel):
    """What a version gets right of one functional test."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    suite: str
    test: str
    n: int
    """Texts of the test."""
    passed: int
    """Texts that get the class that they are of."""
    least: float | None = None
    """Least pass rate; None where the test has none."""
    against: Loss | None = None
    """The same beside the champion; None where there is none."""

    @property
    def rate(self) -> Figure:
        """Share of the texts that pass, with Wilson's 95 % interval: how far other texts of the kind might differ."""
        found = measure_share(self.passed, self.n)
        if found is None:
            raise ValueError(f"test {self.test} has no texts")
        return found

    @property
    def is_kept(self) -> bool:
        """Whether the test has at least its least pass rate; one without is always kept."""
        return self.least is None or self.passed / self.n >= self.least

    @property
    def is_lost(self) -> bool:
        """Whether the champion passes what this version does not, beyond noise.

        More texts are right for the champion alone than for this version alone, and McNemar's exact p-value is below
        `WORSE_BEYOND_NOISE`. Of a test of fewer than `FEWEST_DECISIVE` texts, where it never is: the champion gets all
        of them right, and this version does not.
        """
        loss = self.against
        if loss is None:
            return False
        if self.n < FEWEST_DECISIVE:
            return loss.champion_passed == self.n and self.passed < self.n
        return loss.only_champion > loss.only_candidate and loss.p_value < WORSE_BEYOND_NOISE


def measure_outcomes(cases: SuiteCases, right: Mask, *, champion_right: Mask | None = None) -> tuple[Outcome, ...]:
    """What a version gets right of each test, in the suite's order.

    Parameters
    ----------
    right, champion_right : array of shape (n_cases,)
        Whether the version, or the champion, gives a text its class.
    """
    return tuple(
        Outcome(
            suite=cases.suite.name,
            test=test,
            n=int(rows.sum()),
            passed=int(right[rows].sum()),
            least=cases.least(test),
            against=None if champion_right is None else _compare(right[rows], champion_right[rows]),
        )
        for test, rows in _by_test(cases).items()
    )


def as_table(outcomes: Sequence[Outcome]) -> list[str]:
    """Lines for a terminal: test, texts, passed, rate with its interval, least rate, and whether it is kept."""
    rows = [("test", "n", "passed", "rate", "95 % interval", "least", ""), *map(_row, outcomes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place in (0, 6) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def in_words(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as one sentence: `HateCheck: 20 of 29 functional tests at their least pass rate, not …`."""
    asked = [outcome for outcome in outcomes if outcome.least is not None]
    broken = [outcome.test for outcome in asked if not outcome.is_kept]
    n, passed = sum(outcome.n for outcome in outcomes), sum(outcome.passed for outcome in outcomes)
    name = outcomes[0].suite
    right = f"{passed} of {n} texts right"
    if not asked:
        return f"{name}: {right} in {len(outcomes)} functional tests, which have no least pass rate"
    failing = f", not {', '.join(broken)}" if broken else ""
    return (
        f"{name}: {right}; {len(asked) - len(broken)} of {len(asked)} functional tests keep their least rate{failing}"
    )


def _by_test(cases: SuiteCases) -> Mapping[str, Mask]:
    named = np.asarray([case.test for case in cases.cases], dtype=object)
    return {test: np.asarray(named == test) for test in dict.fromkeys(named)}


def _compare(right: Mask, champion_right: Mask) -> Loss:
    lost, won = int((champion_right & ~right).sum()), int((right & ~champion_right).sum())
    p_value = float(binomtest(lost, lost + won).pvalue) if lost + won else 1.0
    return Loss(champion_passed=int(champion_right.sum()), only_champion=lost, only_candidate=won, p_value=p_value)


def _row(outcome: Outcome) -> tuple[str, ...]:
    rate = outcome.rate
    least = "" if outcome.least is None else f"{outcome.least:.3f}"
    return (
        outcome.test, str(outcome.n), str(outcome.passed), f"{rate.value:.3f}", f"{rate.low:.3f} to {rate.high:.3f}",
        least, "" if outcome.is_kept else "below its least rate",
    )  # fmt: skip
