"""Sampled shares: exact where all weights are equal, and covering the truth under reviews that favour the flagged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from agile_classifier.metrics.sampled import estimate_share, expected_share


@given(st.integers(0, 60), st.integers(0, 60), st.sampled_from([1.0, 7.5, 400.0]))
def test_equal_weights_give_the_interval_of_clopper_and_pearson(n_hits: int, n_misses: int, weight: float) -> None:
    found = estimate_share([weight] * n_hits, [weight] * n_misses, largest_hit=weight, largest_miss=weight)
    if not n_hits + n_misses:
        assert (found.value, found.low, found.high) == (None, 0.0, 1.0)
        return
    exact = binomtest(n_hits, n_hits + n_misses).proportion_ci(method="exact")
    assert found.value == pytest.approx(n_hits / (n_hits + n_misses))
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=1e-9)


@given(st.lists(st.tuples(st.floats(1, 1000), st.booleans()), max_size=30))
def test_the_interval_holds_the_estimate_whatever_the_weights(rows: list[tuple[float, bool]]) -> None:
    hits, misses = ([weight for weight, is_hit in rows if is_hit == wanted] for wanted in (True, False))
    most = max((weight for weight, _ in rows), default=1.0)
    found = estimate_share(hits, misses, largest_hit=most, largest_miss=most)
    assert 0 <= found.low <= found.high <= 1
    if found.value is not None:
        assert found.low - 1e-9 <= found.value <= found.high + 1e-9


def test_what_is_never_shown_leaves_the_end_open() -> None:
    assert estimate_share([1.0] * 50, [], largest_hit=1.0, largest_miss=np.inf).low == 0.0
    assert (
        estimate_share([1.0] * 50, [], largest_hit=1.0, largest_miss=50.0).low < 0.35
    )  # one that was missed stands for 50
    assert estimate_share([1.0] * 50, [], largest_hit=1.0, largest_miss=1.0).low > 0.9


POLICIES = {
    "all are shown": (1.0, 1.0, 1.0),
    "mostly the flagged": (1.0, 0.3, 0.02),
    "the surest alone": (1.0, 0.1, 0.1),
}


@pytest.mark.parametrize("shares", POLICIES.values(), ids=POLICIES.keys())
@pytest.mark.parametrize("n", [300, 2_000, 10_000])
def test_intervals_cover_the_truth_under_a_skewed_review(n: int, shares: tuple[float, float, float]) -> None:
    """Nominal 95 %: at least 93 % of 300 reviews, whose own noise is 1.3 %; without weights far fewer."""
    rng = np.random.default_rng(n)
    truth = precision_and_recall(*draw(rng, 400_000)[:2])
    covered, unweighted = np.zeros(2), np.zeros(2)
    for _ in range(300):
        y_true, y_pred, score = draw(rng, n)
        chance = np.select([score > 0.8, y_pred], shares[:2], shares[2])
        seen = rng.random(n) < chance
        found = estimate(y_true[seen], y_pred[seen], 1 / chance[seen])
        naive = estimate(y_true[seen], y_pred[seen], np.ones(seen.sum()))
        covered += [low <= value <= high for (low, high), value in zip(found, truth, strict=True)]
        unweighted += [low <= value <= high for (low, high), value in zip(naive, truth, strict=True)]
    assert (covered / 300 >= 0.93).all(), covered / 300
    if shares[2] < 1 and n >= 2_000:
        assert (unweighted / 300).min() < 0.5, unweighted / 300


def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, prediction and score of n texts, 15 % of which are of class 1."""
    y_true = rng.random(n) < 0.15
    score = 1 / (1 + np.exp(-(rng.normal(size=n) + 2 * (y_true - 0.6))))
    return y_true, score >= 0.5, score


def precision_and_recall(y_true: np.ndarray, y_pred: np.ndarray) -> tuple[float, float]:
    n_hits = (y_true & y_pred).sum()
    return n_hits / y_pred.sum(), n_hits / y_true.sum()


def estimate(y_true: np.ndarray, y_pred: np.ndarray, weight: np.ndarray) -> list[tuple[float, float]]:
    found, missed = (float(weight[rows].max()) if rows.any() else np.inf for rows in (y_pred, ~y_pred))
    precision = estimate_share(
        weight * (y_true & y_pred), weight * (~y_true & y_pred), largest_hit=found, largest_miss=found
    )
    recall = estimate_share(
        weight * (y_true & y_pred), weight * (y_true & ~y_pred), largest_hit=found, largest_miss=missed
    )
    return [(share.low, share.high) for share in (precision, recall)]


def test_calibrated_probabilities_lead_to_expect_what_comes_true() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        score = rng.beta(0.5, 2, 500)
        y_true, y_pred = rng.random(500) < score, score >= 0.5
        found = expected_share(score[y_pred], score[~y_pred])
        recall = (y_true & y_pred).sum() / y_true.sum()
        covered += found.low <= recall <= found.high
    assert covered / 300 >= 0.92
    assert expected_share([], []).value is None
