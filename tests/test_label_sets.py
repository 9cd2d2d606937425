"""Label sets: a table of labels and its whole numbers say the same, and a cell of names is read as it was written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agile_classifier.label_sets import (
    MOST_LABELS,
    join_labels,
    name_predictions,
    part_labels,
    read_labels,
    two_columns,
    write_labels,
)

tables = st.tuples(st.integers(0, 20), st.integers(1, MOST_LABELS)).flatmap(
    lambda shape: arrays(np.int64, shape, elements=st.integers(0, 1))
)


@given(tables)
def test_a_table_comes_back_from_its_sets(table: np.ndarray) -> None:
    sets = join_labels(table)
    assert (part_labels(sets, table.shape[1]) == table).all()
    assert (sets.astype(np.float64).astype(np.int64) == sets).all(), "exact as a float too, as some files store them"


@given(st.lists(st.text(max_size=8), min_size=1, max_size=6, unique=True), st.data())
def test_names_are_read_as_they_were_written_whatever_signs_they_hold(names: list[str], data: st.DataObject) -> None:
    present = data.draw(st.lists(st.booleans(), min_size=len(names), max_size=len(names)))
    held = [name for name, is_held in zip(names, present, strict=True) if is_held]
    assert read_labels(write_labels(names, present)) == held


def test_a_class_is_named_and_labels_are_listed() -> None:
    assert name_predictions(["no", "yes"], np.array([1, 0])) == ["yes", "no"]
    assert name_predictions(["a", "b"], np.array([[1, 1], [0, 0]])) == ['["a", "b"]', "[]"]


def test_both_columns_sum_to_one() -> None:
    assert two_columns([0.0, 0.25, 1.0]).sum(axis=1) == pytest.approx([1, 1, 1])
