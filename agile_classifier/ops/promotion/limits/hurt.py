"""Limits on who is hurt and who slips through: every group of people, and every functional test of the named suites."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import pandas as pd

from agile_classifier.config.fairness.limits import FairnessLimits
from agile_classifier.evaluation.bias.figures import as_positive
from agile_classifier.evaluation.bias.groups import read_groups
from agile_classifier.evaluation.checks.cases import SuiteCases, list_cases
from agile_classifier.evaluation.checks.outcomes import (
    FEWEST_DECISIVE,
    Mask,
    Outcome,
    in_words,
    measure_outcomes,
)
from agile_classifier.evaluation.checks.suite import read_suite
from agile_classifier.evaluation.contenders import Evaluation
from agile_classifier.evaluation.reports.page import Fact
from agile_classifier.metrics.bias import Area, has_rows, measure_areas
from agile_classifier.metrics.comparison import WORSE_BEYOND_NOISE, Answers
from agile_classifier.metrics.metrics import predict
from agile_classifier.ops.promotion.gate import Evidence, Limit
from agile_classifier.ops.promotion.measured_version import MeasuredVersion
from agile_classifier.ops.state.named_files import find_suite

Answer = Callable[[list[str]], Answers]
TITLES = {"subgroup_auc": "subgroup AUC", "bpsn_auc": "BPSN AUC", "bnsp_auc": "BNSP AUC"}


@dataclass
class Measured:
    """What was measured, and the limits that follow."""

    bias: dict[str, dict[str, Area]] = field(default_factory=dict)
    """Group → area's name → area, those that rest on enough rows."""
    checks: tuple[Outcome, ...] = ()
    limits: tuple[Limit, ...] = ()


def measure_hurt(
    candidate: MeasuredVersion,
    answer_of_champion: Answer | None,
    rows: pd.DataFrame,
    answers: Callable[[], Answers],
    evaluation: Evaluation,
    settings: FairnessLimits,
) -> Measured:
    """Measure groups and functional tests, as far as the policy asks for them.

    Parameters
    ----------
    answer_of_champion : function of texts, or None
        None where there is no champion; one has the candidate's classes.
    rows : DataFrame
        Compared test rows, with the groups that they name.
    answers : function
        The candidate's answers on them.

    Raises
    ------
    InputError
        A suite cannot be read, or asks for a class that the version does not have.
    """
    found = Measured()
    if settings.bias_limit is not None:
        judged = _judge_groups(rows, answers, evaluation, min_rows=settings.bias_min_rows)
        limits = list(_limit_groups(judged, settings.bias_limit, min_rows=settings.bias_min_rows))
        found = Measured(bias=judged, limits=tuple(limits))
    for address in settings.checks:
        outcomes = _check(list_cases(read_suite(find_suite(address))), candidate, answer_of_champion)
        found.checks += outcomes
        found.limits += tuple(limit for outcome in outcomes for limit in _limit_outcome(outcome))
    return found


def describe_hurt(evidence: Evidence) -> list[Fact]:
    """What was found of groups and functional tests: for the head of a report, and for whoever is asked."""
    found = list[Fact]()
    for suite, listed in groupby(evidence.checks, key=lambda outcome: outcome.suite):
        outcomes = list(listed)
        lost = [outcome.test for outcome in outcomes if outcome.is_lost]
        loss = f"; lost what the champion passed: {', '.join(lost)}" if lost else ""
        found.append(Fact(f"functional tests {suite}", f"{in_words(outcomes)}{loss}"))
    if evidence.bias:
        group, area, worst = max(_each(evidence.bias), key=lambda item: item[2].drop.high)
        words = f"the largest loss that cannot be ruled out is {worst.drop.high:.3f} {TITLES[area]}"
        found.append(Fact("groups", f"{len(evidence.bias)} judged; {words}, on texts that name {group}"))
    return found


def _judge_groups(
    rows: pd.DataFrame, answers: Callable[[], Answers], evaluation: Evaluation, *, min_rows: int
) -> dict[str, dict[str, Area]]:
    """Every group's areas that rest on enough compared rows; empty where no group was named."""
    groups = read_groups(rows)
    if not groups or evaluation.groups is None:
        return {}
    seen = as_positive(rows["label"].to_numpy(), answers(), positive=evaluation.groups.positive)
    areas = measure_areas(seen, groups, min_rows=min_rows, seed=0)
    judged = {
        group: {area: found for area, found in of_group.items() if has_rows(found, min_rows)}
        for group, of_group in areas.groups.items()
    }
    return {group: of_group for group, of_group in judged.items() if of_group}


def _limit_groups(judged: dict[str, dict[str, Area]], limit: float, *, min_rows: int) -> Iterator[Limit]:
    """For every group its area that may have lost most; without any, a limit that is not kept."""
    if not judged:
        nothing = f"the largest loss of a group's AUC (no group has {min_rows} positive and {min_rows} negative rows)"
        yield Limit(what=nothing, value=None, at_most=limit)
    for group, of_group in judged.items():
        area, worst = max(of_group.items(), key=lambda item: item[1].drop.high)
        yield Limit(
            what=(
                f"the upper end of its loss in {TITLES[area]} on texts that name {group} ({worst.drop.value:+.3f} on"
                f" {worst.n_positive} positive and {worst.n_negative} negative rows)"
            ),
            value=worst.drop.high,
            at_most=limit,
        )


def _check(cases: SuiteCases, candidate: MeasuredVersion, answer_of_champion: Answer | None) -> tuple[Outcome, ...]:
    texts, expected = [case.text for case in cases.cases], np.asarray(cases.expected(candidate.class_names))

    def right(answer: Answer) -> Mask:
        answers = answer(texts)
        return np.asarray(predict(answers.y_score, answers.threshold) == expected)

    champion_right = None if answer_of_champion is None else right(answer_of_champion)
    return measure_outcomes(cases, right(candidate.answer), champion_right=champion_right)


def _limit_outcome(outcome: Outcome) -> Iterator[Limit]:
    """The limits that a functional test sets: its least rate, and what the champion passes."""
    named = f"functional test {outcome.test} of {outcome.suite}"
    if outcome.least is not None:
        what = f"its pass rate in {named} ({outcome.passed} of {outcome.n} texts)"
        yield Limit(what=what, value=outcome.passed / outcome.n, at_least=outcome.least)
    loss = outcome.against
    if loss is None or not outcome.is_lost:
        return
    if outcome.n < FEWEST_DECISIVE:
        what = f"the number of texts that it gets right in {named}, all of which the champion does,"
        yield Limit(what=what, value=outcome.passed, at_least=outcome.n)
        return
    alone = f"the champion alone is right on {loss.only_champion} of {outcome.n} texts, it on {loss.only_candidate}"
    what = f"McNemar's p-value in {named}, which it loses ({alone}),"
    yield Limit(what=what, value=loss.p_value, at_least=WORSE_BEYOND_NOISE)


def _each(bias: dict[str, dict[str, Area]]) -> Sequence[tuple[str, str, Area]]:
    return [(group, area, found) for group, of_group in bias.items() for area, found in of_group.items()]
