"""Slices: which rows they hold, and what is measured where there is one class or few rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from agile_classifier.data.tables import kept_column
from agile_classifier.evaluation.slices import (
    LARGEST_SLICES,
    by_agreement,
    by_value,
    list_slices,
    measure_slices,
    slice_rows,
)
from agile_classifier.metrics.metrics import evaluate_scores

MEASURE = {"decision_threshold": 0.5, "n_resamples": 200, "seed": 0}


def test_lengths_fall_into_thirds_and_every_row_into_one() -> None:
    found = slice_rows(["x" * length for length in range(90)], None)
    assert list(found) == ["length short", "length middle", "length long"]
    assert [int(rows.sum()) for rows in found.values()] == [30, 30, 30]
    assert np.array_equal(sum(rows.astype(int) for rows in found.values()), np.ones(90))


def test_annotators_agree_where_the_score_is_far_from_the_threshold_on_either_side() -> None:
    found = by_agreement([0.0, 0.08, 0.4, 0.5, 0.6, 0.9, 1.0, 0.3, 0.7], label_threshold=0.5)
    assert list(np.flatnonzero(found["annotators agreed"])) == [0, 1, 6]
    assert 3 in np.flatnonzero(found["annotators divided"])


def test_a_missing_value_is_a_slice_of_its_own() -> None:
    found = by_value("site", ["a", None, "b", float("nan"), "a"])
    assert {name: list(np.flatnonzero(rows)) for name, rows in found.items()} == {
        "site a": [0, 4], "site none": [1, 3], "site b": [2]
    }  # fmt: skip


def test_named_columns_and_groups_are_listed_the_commonest_values_first_and_no_more_than_fit() -> None:
    n = 200
    test = pd.DataFrame(
        {"text": ["word"] * n, "group": [f"g{row % 40}" for row in range(n)], kept_column("site"): ["a"] * n}
    )
    found = list_slices(test, columns=("site",), label_threshold=None)
    assert sum(name.startswith("group ") for name in found) == LARGEST_SLICES
    assert int(found["site a"].sum()) == n
    assert not any(name.startswith("annotators") for name in found)
    assert all(rows.any() for rows in found.values())  # all texts are of one length: two thirds are empty


def test_a_column_may_be_called_as_another_slice_begins() -> None:
    test = pd.DataFrame({
        "text": ["a", "bb", "ccc"] * 10, "group": ["short", "long", "other"] * 10,
        kept_column("length"): ["short", "long", "long"] * 10, kept_column("group"): ["short", "short", "long"] * 10,
    })  # fmt: skip
    found = list_slices(test, columns=("length", "group"), label_threshold=None)
    counts = {name: int(rows.sum()) for name, rows in found.items()}
    assert (counts["length short"], counts["column length short"], counts["column length long"]) == (10, 10, 20)
    assert (counts["group short"], counts["group other"], counts["column group short"]) == (10, 10, 20)


def test_a_slice_is_measured_as_its_rows_alone_are() -> None:
    generator = np.random.default_rng(0)
    y_true = np.arange(100) % 2
    positive = np.clip(0.5 + 0.2 * (y_true - 0.5) + generator.normal(0, 0.2, 100), 0.01, 0.99)
    y_score, rows = np.column_stack([1 - positive, positive]), np.arange(100) < 40
    (found,) = measure_slices({"first": rows}, y_true=y_true, y_score=y_score, **MEASURE)
    expected = evaluate_scores(y_true=y_true[rows], y_score=y_score[rows], decision_threshold=0.5)
    assert found.metrics == {name: expected[name] for name in ("roc_auc", "f1", "accuracy")}
    assert all(low <= found.metrics[name] <= high for name, (low, high) in found.intervals.items())
    assert (found.n, found.n_positive, found.is_small) == (40, 20, False)


def test_a_slice_of_one_class_has_an_accuracy_alone_and_a_few_rows_are_called_few() -> None:
    y_score = np.asarray([[0.9, 0.1]] * 9 + [[0.1, 0.9]])
    (found,) = measure_slices({"calm": np.ones(10, bool)}, y_true=np.zeros(10, np.int64), y_score=y_score, **MEASURE)
    assert found.metrics == {"accuracy": pytest.approx(0.9)}
    assert found.intervals["accuracy"] == (pytest.approx(0.5958, abs=1e-4), pytest.approx(0.9821, abs=1e-4))  # Wilson
    assert found.is_small
