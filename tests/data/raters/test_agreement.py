"""Agreement of raters: Krippendorff's published examples, the package's numbers, and real raters."""

from __future__ import annotations

import math
import time

import krippendorff
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agile_classifier.data.raters.agreement import Level, choose_level, measure_agreement
from agile_classifier.data.raters.answers import make_answers
from tests.data.raters.test_posteriors import made

NAN = math.nan
WIKIPEDIA = pd.DataFrame(
    {
        "A": [NAN, NAN, NAN, NAN, NAN, 3, 4, 1, 2, 1, 1, 3, 3, NAN, 3],
        "B": [1, NAN, 2, 1, 3, 3, 4, 3, NAN, NAN, NAN, NAN, NAN, NAN, NAN],
        "C": [NAN, NAN, 2, 1, 3, 4, 4, NAN, 2, 1, 1, 3, 3, NAN, 4],
    }
)
"""Four values, gaps, a unit that nobody rated and one that one rated."""
KRIPPENDORFF = pd.DataFrame(
    {
        "A": [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        "B": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        "C": [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        "D": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    }
)
"""The example of Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability"."""


@pytest.mark.parametrize(
    ("table", "level", "published"),
    [
        (WIKIPEDIA, "nominal", 0.691),
        (WIKIPEDIA, "interval", 0.811),
        (KRIPPENDORFF, "nominal", 0.743),
        (KRIPPENDORFF, "ordinal", 0.815),
        (KRIPPENDORFF, "interval", 0.849),
    ],
)
def test_alpha_is_the_published_one(table: pd.DataFrame, level: Level, published: float) -> None:
    found = measure_agreement(made(table), level=level, n_resamples=200)
    assert found.alpha == pytest.approx(published, abs=0.0006)
    assert found.low is not None
    assert found.high is not None
    assert found.low < published < found.high


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    said=st.lists(st.lists(st.sampled_from([None, -1.5, 0, 1, 2, 7]), min_size=4, max_size=4), min_size=2, max_size=12),
    level=st.sampled_from(["nominal", "ordinal", "interval"]),
)
def test_alpha_is_that_of_the_package(said: list[list[float | None]], level: Level) -> None:
    table = pd.DataFrame(said, columns=list("abcd"), dtype="float64")
    found = measure_agreement(made(table), level=level, n_resamples=1).alpha
    try:
        with np.errstate(invalid="ignore", divide="ignore"):
            expected = krippendorff.alpha(table.to_numpy().T, level_of_measurement=level)
    except ValueError:  # one value, or no two answers
        expected = NAN
    assert (found is None and not math.isfinite(expected)) or found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("domain", "level"),
    [
        ([0, 1], "nominal"), ([1, 2], "nominal"), ([1], "nominal"), ([1, 2, 3, 4, 5], "ordinal"),
        (list(range(-4, 5)), "ordinal"), (list(range(11)), "ordinal"), (list(range(12)), "interval"),
        ([0, 0.5, 1], "interval"),
    ],
)  # fmt: skip
def test_the_level_follows_from_the_answers(domain: list[float], level: Level) -> None:
    assert choose_level(np.array(domain, dtype="float64")) == level


def test_the_interval_holds_the_agreement_of_other_texts_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(3)
    truth = rng.random((80, 300)) < 0.3
    said = truth[..., None] ^ (rng.random((80, 300, 3)) < 0.15)
    text, names = np.repeat(np.arange(300), 3), ["a", "b", "c"] * 300
    found = [
        measure_agreement(make_answers(text, names, part.ravel().astype("float64"), n_texts=300), n_resamples=200)
        for part in said
    ]
    expected = 1 - 2 * 0.15 * 0.85 / (2 * 0.36 * 0.64)  # two answers differ in 25.5 %, by chance in 46.1 %
    held = sum(each.low <= expected <= each.high for each in found if each.low is not None and each.high is not None)
    assert 0.88 <= held / len(found) <= 0.99


def test_what_cannot_be_measured_is_none() -> None:
    alone = made(pd.DataFrame({"a": [1.0, 0.0, NAN], "b": [NAN, NAN, 1.0]}))
    alike = made(pd.DataFrame({"a": [1.0, 1.0], "b": [1.0, 1.0]}))
    silent = make_answers(np.array([], dtype="int64"), [], np.array([]), n_texts=3)
    assert [measure_agreement(answers).alpha for answers in (alone, alike, silent)] == [None, None, None]


def test_a_hundred_thousand_texts_of_five_raters_are_measured_in_seconds() -> None:
    rng = np.random.default_rng(0)
    text, names = np.repeat(np.arange(100_000), 5), ["a", "b", "c", "d", "e"] * 100_000
    began = time.process_time()
    answers = make_answers(text, names, rng.integers(5, size=500_000).astype("float64"), n_texts=100_000)
    assert measure_agreement(answers).alpha == pytest.approx(0, abs=0.01)
    assert time.process_time() - began < 20
