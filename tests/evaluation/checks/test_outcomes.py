"""Outcomes of functional tests: what is kept, what is lost, and what noise allows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from agile_classifier.evaluation.checks.cases import Case, SuiteCases
from agile_classifier.evaluation.checks.outcomes import FEWEST_DECISIVE, Outcome, as_table, in_words, measure_outcomes
from agile_classifier.evaluation.checks.suite import FunctionalTest, Suite


def outcome(right: str, champion: str | None = None, least: float | None = None) -> Outcome:
    """One test, a sign a text: `+` is right."""
    test = FunctionalTest(name="slurs", texts=tuple("x" * len(right)), expected=1, least=least)
    cases = tuple(Case("slurs", "x", 1, "") for _ in right)
    suite = SuiteCases(Suite(name="Own", tests=(test,)), cases)
    as_mask = [None if signs is None else np.asarray([sign == "+" for sign in signs]) for signs in (right, champion)]
    (found,) = measure_outcomes(suite, as_mask[0], champion_right=as_mask[1])
    return found


@pytest.mark.parametrize(
    ("right", "champion", "is_lost"),
    [
        ("-" * 6 + "+" * 94, "+" * 100, True),  # six to none: p 0.031
        ("-" * 5 + "+" * 95, "+" * 100, False),  # five to none: p 0.063
        ("-" * 10 + "+" * 10, "+" * 10 + "-" * 10, False),  # as many won as lost
        ("+" * 100, "-" * 50 + "+" * 50, False),  # won
        ("-" * 50 + "+" * 50, "-" * 50 + "+" * 50, False),  # the same texts
        ("-", "+", True),  # of fewer than six texts every one counts
        ("++++-", "+++++", True),
        ("-+++-", "++++-", False),  # the champion did not pass it either
        ("-----", "-----", False),
        ("-" * 30, "+" * 10 + "-" * 20, True),  # lost, though the champion passed a third
    ],
)
def test_a_test_is_lost_where_mcnemar_says_so_and_a_tiny_one_where_any_text_is(
    right: str, champion: str, is_lost: bool
) -> None:
    assert outcome(right, champion).is_lost is is_lost


def test_fewer_texts_than_six_can_never_be_beyond_noise() -> None:
    assert binomtest(FEWEST_DECISIVE, FEWEST_DECISIVE).pvalue < 0.05 <= binomtest(5, 5).pvalue


def test_a_test_without_a_champion_is_never_lost_and_one_without_a_least_rate_always_kept() -> None:
    assert not outcome("----").is_lost
    assert outcome("----").is_kept
    assert not outcome("+---", least=0.5).is_kept
    assert outcome("++--", least=0.5).is_kept
    assert outcome("+" * 29 + "-" * 71, least=0.29).is_kept


def test_the_pairs_are_counted() -> None:
    loss = outcome("++--+", "+-++-").against
    assert loss is not None
    assert (loss.champion_passed, loss.only_champion, loss.only_candidate) == (3, 2, 2)


def test_the_table_and_the_sentence_say_what_fails() -> None:
    both = (outcome("+++-", least=0.9), outcome("++++", least=0.9).model_copy(update={"test": "praise"}))
    lines = as_table(both)
    assert lines[0].split() == ["test", "n", "passed", "rate", "95", "%", "interval", "least"]
    assert lines[1].split() == [
        "slurs",
        "4",
        "3",
        "0.750",
        "0.301",
        "to",
        "0.954",
        "0.900",
        "below",
        "its",
        "least",
        "rate",
    ]
    assert lines[2].endswith("0.900")
    assert in_words(both) == "Own: 7 of 8 texts right; 1 of 2 functional tests keep their least rate, not slurs"
    assert in_words((outcome("++"),)) == "Own: 2 of 2 texts right in 1 functional tests, which have no least pass rate"
