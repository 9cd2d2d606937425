"""Cutting scores: every rule on rows that can be checked by hand, and against numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.config.data import LabelsConfig
from agile_classifier.data.labels.cut import count_ties, fit_label_threshold, label_scores

SCORES = st.lists(st.floats(-4, 4).map(lambda value: round(value, 2)), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("rule", "arguments", "threshold"),
    [
        ("median", {}, 0.45),
        ("quantile", {"quantile": 0.25}, 0.3),
        ("quantile", {"quantile": 0.9}, 0.9),
        ("value", {"value": 0.5}, 0.5),
        ("value", {"value": -2}, -2.0),
    ],
)
def test_each_rule_fits_its_label_threshold(rule: Any, arguments: dict[str, Any], threshold: float) -> None:
    score = pd.Series([0.9, 0.1, 0.3, 0.6, 0.3, 0.9])
    found = fit_label_threshold(score, LabelsConfig(rule=rule, **arguments))
    assert isinstance(found, float)
    assert found == pytest.approx(threshold)


def test_a_score_at_the_threshold_is_of_class_1_and_counts_as_a_tie() -> None:
    score = pd.Series([0.1, 1 / 3, 0.5, 1 / 3, np.nextafter(1 / 3, 0)])
    assert label_scores(score, label_threshold=1 / 3).tolist() == [0, 1, 1, 1, 0]
    assert count_ties(score, label_threshold=1 / 3) == 2


@given(scores=SCORES, quantile=st.floats(0.01, 0.99))
def test_thresholds_agree_with_numpy_and_ties_are_what_moves_with_a_strict_cut(
    scores: list[float], quantile: float
) -> None:
    score = pd.Series(scores)
    assert fit_label_threshold(score, LabelsConfig()) == np.median(scores)
    threshold = fit_label_threshold(score, LabelsConfig(rule="quantile", quantile=quantile))
    assert threshold == pytest.approx(np.quantile(scores, quantile))
    label = label_scores(score, label_threshold=threshold)
    assert (label.name, label.dtype) == ("label", "int64")
    assert label.sum() - (score > threshold).sum() == count_ties(score, label_threshold=threshold)


@given(scores=SCORES)
def test_at_least_half_of_the_rows_are_at_or_above_their_median(scores: list[float]) -> None:
    score = pd.Series(scores)
    label = label_scores(score, label_threshold=fit_label_threshold(score, LabelsConfig()))
    assert label.mean() >= 0.5
