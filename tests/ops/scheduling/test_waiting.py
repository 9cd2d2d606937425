"""Waiting for labels: what counts as new, and whether a training starts."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.config.data import ONLY, LabelsConfig
from agile_classifier.data.snapshots.identity import KnownBy
from agile_classifier.data.snapshots.manifest import Previous, ReadSource, Snapshot, take_stock
from agile_classifier.data.tables import kept_column
from agile_classifier.ops.scheduling.new_labels import LastRun, NewLabels, compare_labels
from agile_classifier.ops.scheduling.schedule import When
from agile_classifier.ops.scheduling.waiting import decide

NOW = datetime(2026, 11, 30, 3, tzinfo=UTC)
SINCE = LastRun("training-7", NOW - timedelta(days=10))
SCORES = LabelsConfig(rule="median")
CLASSES = LabelsConfig(rule="given", columns=("label",), unlabelled="leave_out")


def scored(*rows: tuple[str, str, float | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["id", "text", "score"])
    return frame.astype({"id": "str", "text": "str", "score": "float64"})


def read(examples: pd.DataFrame, known_by: KnownBy) -> Snapshot:
    return Snapshot(examples, examples[:0], (ReadSource(ONLY, (), known_by, 1),))


def counts(
    fresh: pd.DataFrame, before: pd.DataFrame | None, labels: LabelsConfig = SCORES, *, known_by: KnownBy = "id"
) -> tuple[int, int, int]:
    """Labels added, changed and withdrawn from one reading to another."""
    previous = None
    if before is not None:
        manifest, earlier = take_stock(read(before, known_by), None, model_name="rude", run="training-7")
        previous = Previous(before, earlier, manifest)
    found = compare_labels(read(fresh, known_by), previous, labels)
    return found.added, found.changed, found.withdrawn


def test_added_changed_and_withdrawn_labels_are_told_apart_by_id() -> None:
    before = scored(("1", "a", 0.1), ("2", "b", 0.2), ("3", "c", None), ("4", "d", 0.4))
    fresh = scored(("5", "e", 0.5), ("2", "b", 0.9), ("3", "c", 0.3), ("1", "a", 0.1), ("6", "f", None))
    assert counts(fresh, before) == (2, 1, 1)


def test_without_ids_an_example_is_known_by_its_text_wherever_it_stands() -> None:
    before = scored(("1", "a", 0.1), ("2", "b", 0.2))
    assert counts(scored(("1", "b", 0.2), ("2", "a", 0.1)), before, known_by="text") == (0, 0, 0)
    assert counts(scored(("1", "new", 0.2), ("2", "a", 0.3)), before, known_by="text") == (1, 1, 1)


def test_a_class_counts_by_its_value_and_an_empty_one_is_no_label() -> None:
    column = kept_column("label")
    before = pd.DataFrame({"id": ["1", "2"], "text": ["a", "b"], column: ["yes", None]})
    fresh = pd.DataFrame({"id": ["1", "2", "3"], "text": ["a", "b", "c"], column: ["yes", "no", None]})
    assert counts(fresh, before, CLASSES) == (1, 0, 0)


def test_a_column_that_no_label_is_made_of_counts_as_nothing() -> None:
    fresh = scored(("1", "a", 0.1)).assign(**{kept_column("language"): "de"})
    assert counts(fresh, fresh.assign(**{kept_column("language"): "en"})) == (0, 0, 0)


def test_where_nothing_comparable_was_there_every_label_is_new() -> None:
    fresh = scored(("1", "a", 0.1), ("2", "b", None))
    for before in (None, scored(), fresh[["id", "text"]]):
        assert counts(fresh, before) == (1, 0, 0)


rows_of_a_file = st.lists(
    st.tuples(st.integers(0, 30).map(str), st.sampled_from("abcd"), st.sampled_from([None, 0.0, 0.5, 1.0])),
    max_size=12, unique_by=lambda row: row[0],
)  # fmt: skip
Rows = list[tuple[str, str, float | None]]


@given(rows_of_a_file, st.randoms())
def test_a_reading_in_another_order_holds_nothing_new(rows: Rows, chance: random.Random) -> None:
    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert counts(scored(*shuffled), scored(*rows), known_by="id") == (0, 0, 0)
    assert counts(scored(*shuffled), scored(*rows), known_by="text") == (0, 0, 0)


@given(rows_of_a_file, rows_of_a_file)
def test_each_example_of_a_file_with_ids_is_counted_once(before: Rows, fresh: Rows) -> None:
    old = {key: (text, score) for key, text, score in before if score is not None}
    new = {key: (text, score) for key, text, score in fresh if score is not None}
    changed = sum(old[key] != new[key] for key in new.keys() & old.keys())
    withdrawn = len(old.keys() - new.keys()) if new or old else 0
    assert counts(scored(*fresh), scored(*before)) == (len(new.keys() - old.keys()), changed, withdrawn)


@pytest.mark.parametrize(
    ("found", "when", "starts", "said"),
    [
        ((0, 0, 0), When(min_new_labels=1, or_days=1), False, "nothing new since run training-7 of 2026-11-20 03:00 UTC"),
        ((40, 9, 3), When(min_new_labels=50), False, "not enough that is new: 49 labels new since run training-7"),
        ((40, 10, 0), When(min_new_labels=50), True, "50 labels new since run training-7"),
        ((1, 0, 0), When(min_new_labels=50, or_days=10), True, "waited for: 50, or any change after 10 days"),
        ((1, 0, 0), When(min_new_labels=50, or_days=11), False, "not enough that is new: 1 label new"),
        ((0, 0, 2), When(min_new_labels=50, or_days=10), True, "0 added, 0 changed, 2 withdrawn"),
        ((0, 0, 2), When(min_new_labels=1), False, "not enough that is new: 0 labels new"),
    ],
)  # fmt: skip
def test_a_training_starts_by_the_number_of_new_labels_or_by_any_change_in_the_end(
    found: tuple[int, int, int], when: When, starts: bool, said: str
) -> None:
    verdict = decide(NewLabels(*found, since=SINCE), when, now=NOW, model_name="rude")
    assert verdict.starts is starts
    assert said in verdict.reason
    assert "\n" not in verdict.reason


def test_a_model_without_a_run_is_trained_where_there_is_a_label() -> None:
    first = decide(NewLabels(3, 0, 0, None), When(min_new_labels=50), now=NOW, model_name="rude")
    assert (first.starts, first.reason) == (True, "no run of rude is known, so 3 labels are new")
    assert not decide(NewLabels(0, 0, 0, None), When(min_new_labels=50), now=NOW, model_name="rude").starts
