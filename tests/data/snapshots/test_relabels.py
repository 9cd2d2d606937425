"""Relabels: which label of an example counts, against a plain reading of the rule row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.data.snapshots.identity import KnownBy
from agile_classifier.data.snapshots.relabels import settle
from agile_classifier.errors import InputError

IDS, TEXTS = ["1", "2", "3"], ["so", "no", "well"]
rows_of = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]), st.sampled_from(IDS), st.sampled_from([*TEXTS, None]),
        st.sampled_from([0.0, 0.25, 1.0, None]),
    ),
    max_size=12,
)  # fmt: skip
WAYS: dict[str, KnownBy] = {"a": "id", "b": "text", "c": "text"}


def table(rows: Sequence[tuple[str, str, str | None, float | None]]) -> pd.DataFrame:
    return pd.DataFrame({
        "id": pd.Series([f"{source}/{id_}" for source, id_, _, _ in rows], dtype="str"),
        "text": pd.Series([text for _, _, text, _ in rows], dtype="str"),
        "source": pd.Series([source for source, *_ in rows], dtype="str"),
        "score": pd.Series([score for *_, score in rows], dtype="float64"),
    })  # fmt: skip


def by_hand(rows: Sequence[Any], how: str) -> list[tuple[Any, ...]]:
    """Example → its rows, in the order in which it is met."""
    found: dict[Any, list[Any]] = {}
    for number, row in enumerate(rows):
        source, id_, text, _ = row
        key = (source, id_) if source == "a" else ("text", text) if text is not None else ("row", number)
        found.setdefault(key, []).append(row)
    settled = []
    for same in found.values():
        labelled = [row for row in same if row[3] is not None]
        latest = (labelled or same)[-1]
        mean = sum(row[3] for row in labelled) / len(labelled) if labelled else None
        settled.append((*latest[:3], mean if how == "mean" else latest[3]))
    return settled


def as_rows(examples: pd.DataFrame) -> list[tuple[Any, ...]]:
    return [
        (source, id_.partition("/")[2], None if pd.isna(text) else text, None if pd.isna(score) else score)
        for id_, text, source, score in examples.itertuples(index=False)
    ]


@given(rows=rows_of, how=st.sampled_from(["latest", "mean"]))
def test_each_example_stands_once_with_the_label_that_counts(rows: list[Any], how: Any) -> None:
    settled = settle(table(rows), how, ways=WAYS, labels=("score",))
    assert as_rows(settled.examples) == [pytest.approx(row) for row in by_hand(rows, how)]
    assert len(settled.examples) + len(settled.earlier) == len(rows), "both stay in the record"


@given(rows=rows_of)
def test_without_a_rule_every_row_is_an_example(rows: list[Any]) -> None:
    assert settle(table(rows), None, ways=WAYS, labels=("score",)).examples.equals(table(rows))


def test_two_labels_are_an_error_where_that_is_asked_for_and_a_repeat_is_none() -> None:
    same = [("a", "1", "so", 1.0), ("a", "1", "so", 1.0), ("b", "1", "so", 0.0)]
    assert len(settle(table(same), "error", ways=WAYS, labels=("score",)).examples) == 2
    with pytest.raises(InputError, match=r"data.relabel error: id a/1: has the labels 1.0 and 0.25 \(rows 1 and 4\)"):
        settle(table([*same, ("a", "1", "so", 0.25)]), "error", ways=WAYS, labels=("score",))
    with pytest.raises(InputError, match=r"ids b/1 and c/7, of one text: has the labels 0.0 and 1.0 \(rows 3 and 4\)"):
        settle(table([*same, ("c", "7", "so", 1.0)]), "error", ways=WAYS, labels=("score",))


def test_an_empty_label_replaces_none() -> None:
    rows = [("a", "1", "so", 1.0), ("a", "1", "so, mended", None)]
    assert as_rows(settle(table(rows), "latest", ways=WAYS, labels=("score",)).examples) == [rows[0]]
