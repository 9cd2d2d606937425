"""Statistics of studies, against formulas and simulations."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from agile_classifier.studies.report.statistics import fit_curve, mean_over_splits


def test_the_interval_over_splits_is_the_t_interval_widened_by_what_splits_share() -> None:
    values = [0.80, 0.84, 0.86, 0.82]
    plain = mean_over_splits(values, test_share=0.0)
    expected = stats.t.interval(0.95, 3, loc=plain.mean, scale=stats.sem(values))
    assert (plain.mean - plain.half, plain.mean + plain.half) == pytest.approx(expected)
    assert mean_over_splits(values, test_share=0.25).half == pytest.approx(
        plain.half * math.sqrt((1 / 4 + 1 / 4) / (1 / 4))
    )


def test_one_split_has_no_interval_and_tells_nothing_apart() -> None:
    found = mean_over_splits([0.9], test_share=0.25)
    assert (found.mean, found.n) == (0.9, 1)
    assert math.isnan(found.half)
    assert not found.excludes_zero


@pytest.mark.parametrize(("values", "told_apart"), [([0.02, 0.03, 0.025], True), ([0.02, -0.03, 0.01], False)])
def test_a_difference_is_told_from_nothing_only_beyond_its_interval(values: list[float], told_apart: bool) -> None:
    assert mean_over_splits(values, test_share=0.1).excludes_zero is told_apart


def test_a_power_law_is_found_again_and_its_band_holds_it() -> None:
    sizes = [50, 100, 200, 400, 800]
    truth = [1 - 0.08 - 1.5 * size**-0.5 for size in sizes]
    curve = fit_curve(sizes, truth, sd=[0.002] * 5)
    assert curve is not None
    expected, half = curve.at(1200)
    assert expected == pytest.approx(1 - 0.08 - 1.5 * 1200**-0.5, abs=0.003)
    assert 0 < half < 0.1
    assert curve.at(1600)[0] > expected


def test_what_more_examples_bring_is_surer_than_the_level_and_no_curve_rises_where_the_metric_falls() -> None:
    sizes = [100, 200, 400, 800]
    curve = fit_curve(sizes, [1 - 0.08 - 1.5 * size**-0.5 for size in sizes], sd=[0.02] * 4)
    assert curve is not None
    gain, half = curve.gain(800, 100)
    assert gain == pytest.approx(1.5 * (800**-0.5 - 900**-0.5), abs=1e-4)
    assert half < curve.at(900)[1]
    assert fit_curve(sizes, [0.80, 0.78, 0.77, 0.75], sd=[0.01] * 4) is None


def test_two_sizes_are_no_curve() -> None:
    assert fit_curve([200, 800], [0.8, 0.9], sd=[0.01, 0.01]) is None
