"""Manifests: what came, changed and went from one reading to the next, against sets, over tables that grow."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.data.snapshots.identity import KnownBy
from agile_classifier.data.snapshots.manifest import Previous, ReadSource, Snapshot, take_stock

EARLIER = ["id", "text", "source", "score"]
states = st.dictionaries(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from("1234")),
    st.tuples(st.sampled_from(["so", "no"]), st.sampled_from([0.0, 1.0, None])),
)
"""What there is: (source, id) → text and score."""


def snapshot_of(state: dict[tuple[str, str], tuple[str, Any]], *, ways: dict[str, KnownBy]) -> Snapshot:
    rows = [(f"{source}/{id_}", text, source, score) for (source, id_), (text, score) in state.items()]
    examples = pd.DataFrame(rows, columns=EARLIER).astype(
        {"id": "str", "text": "str", "source": "str", "score": "float64"}
    )
    return Snapshot(examples, examples.iloc[:0], tuple(ReadSource(name, (name,), way, 1) for name, way in ways.items()))


BY_ID: dict[str, KnownBy] = {"a": "id", "b": "id"}


def previous_of(snapshot: Snapshot, before: Previous | None = None, *, run: str = "first") -> Previous:
    manifest, earlier = take_stock(snapshot, before, model_name="mine", run=run)
    return Previous(snapshot.examples, earlier, manifest)


@given(before=states, after=states)
def test_what_came_changed_and_went_is_counted_by_source(before: dict[Any, Any], after: dict[Any, Any]) -> None:
    previous = previous_of(snapshot_of(before, ways=BY_ID))
    manifest, _ = take_stock(snapshot_of(after, ways=BY_ID), previous, model_name="mine", run="second")
    assert manifest.previous == "first"
    for facts in manifest.sources:
        mine = [{key: said for key, said in state.items() if key[0] == facts.name} for state in (before, after)]
        assert facts.n_rows == len(mine[1])
        assert facts.n_added == len(mine[1].keys() - mine[0].keys())
        assert facts.n_withdrawn == len(mine[0].keys() - mine[1].keys())
        assert facts.n_changed == sum(mine[0][key] != mine[1][key] for key in mine[0].keys() & mine[1].keys())
    assert manifest.has_news == (before != after)


@given(before=states, after=states)
def test_replaced_labels_stay_in_the_record_and_withdrawn_rows_leave_it(
    before: dict[Any, Any], after: dict[Any, Any]
) -> None:
    first = previous_of(snapshot_of(before, ways=BY_ID))
    second = previous_of(snapshot_of(after, ways=BY_ID), first, run="second")
    changed = {"/".join(key) for key in before.keys() & after.keys() if before[key] != after[key]}
    assert set(second.earlier["id"]) == changed
    assert set(second.earlier["run"]) <= {"first"}
    third = previous_of(snapshot_of(after, ways=BY_ID), second, run="third")
    assert third.earlier.equals(second.earlier), "what is recorded is recorded once"
    assert not third.manifest.has_news
    gone = previous_of(snapshot_of({}, ways=BY_ID), third, run="last")
    assert gone.earlier.empty


def test_a_text_that_stands_twice_and_then_once_is_withdrawn_once() -> None:
    ways: dict[str, KnownBy] = {"a": "text"}
    before = {("a", "1"): ("so", 1.0), ("a", "2"): ("so", 0.0), ("a", "3"): ("no", 1.0)}
    after = {("a", "1"): ("no", 1.0), ("a", "2"): ("so", 0.0)}
    manifest, _ = take_stock(
        snapshot_of(after, ways=ways), previous_of(snapshot_of(before, ways=ways)), model_name="mine", run="second"
    )
    (facts,) = manifest.sources
    assert (facts.n_added, facts.n_changed, facts.n_withdrawn) == (0, 0, 1), "the row numbers moved, and say nothing"


def test_a_source_that_is_gone_is_named_with_what_went() -> None:
    before = snapshot_of({("a", "1"): ("so", 1.0), ("b", "1"): ("no", 0.0)}, ways=BY_ID)
    after = snapshot_of({("a", "1"): ("so", 1.0)}, ways={"a": "id"})
    manifest, _ = take_stock(after, previous_of(before), model_name="mine", run="second")
    assert [(facts.name, facts.n_rows, facts.n_withdrawn) for facts in manifest.sources] == [("a", 1, 0), ("b", 0, 1)]
    assert manifest.sources[1].sentence == "b: 0 rows; 0 added, 0 changed, 1 withdrawn"


def test_the_first_run_of_a_model_adds_all() -> None:
    manifest, earlier = take_stock(
        snapshot_of({("a", "1"): ("so", 1.0)}, ways={"a": "id"}), None, model_name="mine", run="first"
    )
    assert (manifest.sources[0].n_added, manifest.previous, len(earlier)) == (1, None, 0)


@pytest.mark.parametrize(
    "column", [[1, 0, None], [1.0, 0.0, None], [True, False, None], ["1", "0", None], [[1], [0], None]]
)
def test_what_a_file_has_made_of_a_column_is_no_change(column: list[Any], tmp_path: Any) -> None:
    """A stored table gives other dtypes back than those that were read."""
    examples = pd.DataFrame({"id": ["1", "2", "3"], "text": ["a", "b", "c"], "kept": pd.Series(column, dtype="object")})
    stored = tmp_path / "examples.parquet"
    examples.to_parquet(stored)
    sources = (ReadSource("data", ("a.csv",), "id", 1),)
    previous = previous_of(Snapshot(examples, examples.iloc[:0], sources))
    again = Snapshot(pd.read_parquet(stored), examples.iloc[:0], sources)
    manifest, _ = take_stock(again, previous, model_name="mine", run="second")
    assert not manifest.has_news
    assert manifest.sources[0].digest == previous.manifest.sources[0].digest
