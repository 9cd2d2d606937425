"""Labels: every rule on rows that can be checked by hand, and against numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.config.data import LabelsConfig
from agile_classifier.data.labels import count_ties, fit_label_threshold, label_any, label_given, label_scores
from agile_classifier.errors import InputError

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


PRESENT: list[tuple[Any, int]] = [
    ("LTD|CH", 1), ("x", 1), (" 1 ", 1), (1, 1), (0.5, 1), (True, 1), (["LTD"], 1), (np.array([1]), 1), ("none", 1),
    ("", 0), (" ", 0), ("0", 0), ("0.0", 0), ("No", 0), ("FALSE", 0), ("[]", 0), (0, 0), (0.0, 0), (False, 0), ([], 0),
    ((), 0), (np.array([]), 0), (None, 0), (float("nan"), 0), (pd.NA, 0),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "label"), PRESENT, ids=repr)
def test_a_kind_is_present_unless_its_cell_is_empty_zero_or_no(cell: Any, label: int) -> None:
    frame = pd.DataFrame({"kind": pd.Series([cell], dtype="object")})
    assert label_any(frame).tolist() == [label]


@pytest.mark.parametrize("dtype", ["int64", "float32", "Int64", "bool", "object"])
def test_any_of_several_kinds_makes_class_1_whatever_their_type(dtype: str) -> None:
    frame = pd.DataFrame({"a": [0, 1, 0, 1], "b": [0, 0, 1, 1]}, index=[4, 3, 2, 1]).astype(dtype)
    label = label_any(frame)
    assert label.tolist() == [0, 1, 1, 1]
    assert (label.name, label.dtype, label.index.tolist()) == ("label", "int64", [4, 3, 2, 1])


def test_given_classes_are_numbered_in_sorted_order_or_in_the_order_of_their_names() -> None:
    column = pd.Series(["spam", "ham", " ham", "eggs"], name="kind")
    label, names = label_given(column)
    assert (label.tolist(), names) == ([2, 1, 1, 0], ("eggs", "ham", "spam"))
    label, names = label_given(column, names=["spam", "ham", "eggs"])
    assert (label.tolist(), names) == ([0, 1, 1, 2], ("spam", "ham", "eggs"))


@pytest.mark.parametrize("column", [[1, 0, 1], [1.0, 0.0, 1.0], ["1", "0", "1"], np.array([1, 0, 1], dtype="int32")])
def test_a_class_that_is_a_number_has_one_name_whatever_its_type(column: Any) -> None:
    label, names = label_given(pd.Series(column, name="kind"))
    assert (label.tolist(), label.dtype, names) == ([1, 0, 1], "int64", ("0", "1"))


@pytest.mark.parametrize("missing", [None, float("nan"), "", " ", pd.NA])
def test_a_row_without_a_class_is_refused_by_its_number(missing: Any) -> None:
    column = pd.Series(["a", "b", missing, missing], dtype="object", name="kind")
    with pytest.raises(InputError, match=r"^column kind: 2 rows have no class, first at row 3; every row needs one$"):
        label_given(column)


def test_a_class_without_a_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(InputError, match=r"^column kind: found class 'c'; labels.names allows \['a', 'b'\]$"):
        label_given(pd.Series(["a", "c", "d"], name="kind"), names=["a", "b"])


def test_a_named_class_that_no_row_has_keeps_its_number() -> None:
    label, names = label_given(pd.Series(["a", "c"], name="kind"), names=["a", "b", "c"])
    assert (label.tolist(), names) == ([0, 2], ("a", "b", "c"))
