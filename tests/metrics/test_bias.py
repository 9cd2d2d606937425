"""Bias: the three areas against scikit-learn's, the rates against fairlearn's, and what lacks one side."""

from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, false_negative_rate, false_positive_rate
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from agile_classifier.errors import InputError
from agile_classifier.metrics.bias import (
    AREAS,
    Positive,
    generalised_mean,
    measure_areas,
    measure_rates,
)


def draw(n: int = 300, *, seed: int = 0, harm: float = 0.0) -> tuple[Positive, dict[str, np.ndarray]]:
    """Texts of which the first half names a group; `harm` is added to the scores of its negative ones."""
    rng = np.random.default_rng(seed)
    truth, member = rng.random(n) < 0.4, np.arange(n) < n // 2
    score = np.clip(0.4 * truth + 0.6 * rng.random(n) + harm * (member & ~truth), 0, 1).round(2)
    return Positive(truth, score, score >= 0.5), {"women": member.astype(float)}


def expected_areas(answers: Positive, member: np.ndarray) -> dict[str, float]:
    """As Borkan et al. define them, by scikit-learn."""
    inside, outside, truth = member == 1, member == 0, answers.truth
    rows = (inside, (inside & ~truth) | (outside & truth), (inside & truth) | (outside & ~truth))
    return {name: roc_auc_score(truth[mask], answers.score[mask]) for name, mask in zip(AREAS, rows, strict=True)}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(20, 120), st.floats(0, 0.6))
def test_the_areas_are_those_of_scikit_learn_on_the_rows_that_define_them(seed: int, n: int, harm: float) -> None:
    answers, groups = draw(n, seed=seed, harm=harm)
    found = measure_areas(answers, groups, min_rows=1, n_resamples=100, seed=0)
    expected = expected_areas(answers, groups["women"])
    assert {name: area.area.value for name, area in found.groups["women"].items()} == pytest.approx(expected)
    overall = roc_auc_score(answers.truth, answers.score)
    assert found.overall.value == pytest.approx(overall)
    for name, area in found.groups["women"].items():
        assert area.drop.value == pytest.approx(overall - expected[name])
        assert area.area.low <= area.area.value + 0.05
        assert area.area.low <= area.area.high


def test_harmless_texts_of_a_group_that_are_scored_too_high_lower_bpsn_and_not_bnsp() -> None:
    answers, groups = draw(2000, harm=0.4)
    areas = measure_areas(answers, groups, min_rows=20, n_resamples=200, seed=0).groups["women"]
    assert areas["bpsn_auc"].drop.low > 0.05
    assert areas["bnsp_auc"].drop.high < 0


def test_the_intervals_hold_the_value_and_shrink_with_more_rows() -> None:
    widths = []
    for n in (200, 3200):
        answers, groups = draw(n)
        area = measure_areas(answers, groups, min_rows=1, n_resamples=400, seed=0).groups["women"]["subgroup_auc"].area
        assert area.low < area.value < area.high
        widths.append(area.high - area.low)
    assert 2 < widths[0] / widths[1] < 8  # four times, as the root of sixteen times the rows


def test_a_paired_drop_is_surer_than_the_two_areas_apart() -> None:
    answers, _groups = draw(1000)
    found = measure_areas(answers, {"most": np.asarray([1.0] * 900 + [0.0] * 100)}, min_rows=1, n_resamples=400, seed=0)
    area = found.groups["most"]["subgroup_auc"]
    assert area.drop.high - area.drop.low < (area.area.high - area.area.low) / 2


def test_rows_of_which_nobody_said_anything_count_neither_way() -> None:
    answers, groups = draw(200)
    told = groups["women"].copy()
    told[150:] = np.nan
    found = measure_areas(answers, {"women": told}, min_rows=1, n_resamples=100, seed=0).groups["women"]
    assert {name: area.area.value for name, area in found.items()} == pytest.approx(expected_areas(answers, told))
    assert found["bpsn_auc"].n_positive == int(answers.truth[100:150].sum())


def test_a_group_without_negative_texts_has_the_areas_that_need_none() -> None:
    answers, _ = draw(200)
    only_positive = {"named in hate alone": answers.truth.astype(float) * (np.arange(200) < 100)}
    found = measure_areas(answers, only_positive, min_rows=1, n_resamples=100, seed=0)
    assert set(found.groups["named in hate alone"]) == {"bnsp_auc"}
    assert set(found.means) == {"bnsp_auc"}


def test_rows_of_one_side_alone_are_refused_in_a_line() -> None:
    answers, groups = draw(50)
    with pytest.raises(InputError, match="groups: all 50 rows are of one side"):
        measure_areas(Positive(np.ones(50, bool), answers.score, answers.called), groups, min_rows=1, seed=0)


def test_the_generalised_mean_lies_near_the_worst_group_and_leaves_small_groups_out() -> None:
    assert generalised_mean([0.9, 0.8]) == pytest.approx(((0.9**-5 + 0.8**-5) / 2) ** (-1 / 5))
    assert generalised_mean([0.9, 0.0]) == 0
    answers, groups = draw(400)
    few = {**groups, "few": (np.arange(400) < 6).astype(float)}
    with_few, without = (
        measure_areas(answers, each, min_rows=20, n_resamples=100, seed=0).means for each in (few, groups)
    )
    assert {name: mean.value for name, mean in with_few.items()} == {name: mean.value for name, mean in without.items()}


def test_rates_are_those_of_fairlearn_for_either_side_of_a_group() -> None:
    answers, groups = draw(400, harm=0.3)
    frame = MetricFrame(
        metrics={"false_positive": false_positive_rate, "false_negative": false_negative_rate},
        y_true=answers.truth,
        y_pred=answers.called,
        sensitive_features=groups["women"],
    ).by_group
    for side in (0.0, 1.0):
        rates = measure_rates(answers, groups["women"] == side)
        for name, found in (("false_positive", rates.false_positive), ("false_negative", rates.false_negative)):
            assert found is not None
            assert found.value == pytest.approx(frame.loc[side, name])
            assert found.low <= found.value <= found.high


def test_rows_that_can_not_be_so_wrong_have_no_rate() -> None:
    answers, _ = draw(60)
    rates = measure_rates(answers, answers.truth)
    assert (rates.false_positive, rates.n, rates.n_positive) == (None, int(answers.truth.sum()), rates.n)
