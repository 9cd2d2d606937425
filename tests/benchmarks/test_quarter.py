"""The simulated quarter, on few weeks: what happens to the file, what each arm makes of it, and what is told."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.quarter.__main__ import has_fallen, simulate
from benchmarks.quarter.arms import BY_ROWS, STABLE, Features, Outcome
from benchmarks.quarter.page import draw_picture, draw_table, summarise
from benchmarks.quarter.weeks import CORRECTED, DRIFTED, SHUFFLED, Plan, Stream, hold_out, live

PLAN = Plan(n_weeks=4, first=550, weekly=60, n_truth=150, drift_week=2, shuffle_week=3, correction_week=4, noise=0.3)


@pytest.fixture(scope="module")
def stream(ethos_file: Path) -> Stream:
    raw = pd.read_csv(ethos_file, sep=";").drop_duplicates("comment")
    examples = pd.DataFrame({"id": raw.index.astype(str), "text": raw["comment"], "score": raw["isHate"]})
    is_long = examples["text"].str.len().rank(pct=True, method="first") > 0.9
    return Stream("ETHOS", examples[~is_long].reset_index(drop=True), examples[is_long].reset_index(drop=True))


@pytest.fixture(scope="module")
def features(stream: Stream) -> Features:
    """What a model that knows something would make of the texts: their true scores, with noise, among noise."""
    examples = pd.concat([stream.usual, stream.drifted])
    vectors = np.random.default_rng(0).normal(size=(len(examples), 8))
    vectors[:, 0] += 4 * examples["score"]
    return dict(zip(examples["text"], vectors, strict=True))


@pytest.fixture(scope="module")
def lived(stream: Stream, features: Features) -> dict[str, list[Outcome]]:
    return dict(simulate(stream, PLAN, features, seed=0))


def test_a_quarter_is_the_same_for_every_arm_and_another_for_another_seed(stream: Stream) -> None:
    one, again, other = (list(live(stream, PLAN, seed=seed)) for seed in (0, 0, 1))
    for first, second in zip(one, again, strict=True):
        pd.testing.assert_frame_equal(first.file, second.file)
    assert set(one[0].file["id"]) != set(other[0].file["id"])


def test_rows_are_added_on_top_relabelled_and_withdrawn_and_none_is_of_the_truth(stream: Stream) -> None:
    truth, _ = hold_out(stream, PLAN, seed=0)
    weeks = list(live(stream, PLAN, seed=0))
    assert [week.event for week in weeks] == ["", DRIFTED, SHUFFLED, CORRECTED]
    for before, after in itertools.pairwise(weeks):
        assert len(after.file) == len(before.file) + after.n_added - after.n_withdrawn
        both = before.file.merge(after.file, on="id", suffixes=("", "_after"))
        assert len(both) == len(before.file) - after.n_withdrawn
        changed = int((both["score"] != both["score_after"]).sum())
        assert 0 < changed <= after.n_relabelled
        assert not set(after.file["id"][: after.n_added]) & set(before.file["id"]), "the newest stand first"
        assert not set(after.file["text"]) & set(truth["text"])


def test_shuffled_labels_are_those_of_other_rows_until_they_are_corrected(stream: Stream) -> None:
    weeks = list(live(stream, PLAN, seed=0))
    true = stream.usual.set_index("id")["score"]
    batch = weeks[2].file[: PLAN.weekly].set_index("id")["score"]
    assert abs(np.corrcoef(batch, true[batch.index])[0, 1]) < 0.4
    left = weeks[3].file.set_index("id")["score"].reindex(batch.index).dropna()
    assert (left == true[left.index]).all()


def test_with_a_stable_split_every_test_row_is_compared_and_the_meaning_stays(lived: dict[str, list[Outcome]]) -> None:
    weeks = lived[STABLE.name]
    first = next(place for place, week in enumerate(weeks) if week.promoted)
    later = weeks[first + 1 :]
    assert later, "a champion is needed before the last week"
    assert {week.label_threshold for week in later} == {weeks[first].label_threshold}
    assert all(week.n_new is not None and 0 < week.n_new < week.n_compared for week in later)
    assert [week.n_compared for week in later] == sorted(week.n_compared for week in later)
    assert not has_fallen(weeks)


def test_with_a_split_by_row_order_most_test_rows_are_known_to_the_champion(lived: dict[str, list[Outcome]]) -> None:
    by_rows, stable = (lived[arm.name] for arm in (BY_ROWS, STABLE))
    assert by_rows[0].promoted
    assert max(week.n_compared for week in by_rows[1:]) < min(week.n_compared for week in stable[1:])
    assert all(week.n_new is None for week in by_rows)
    assert len({week.label_threshold for week in by_rows}) > 1, "weeks of other tasks are compared"


def test_what_is_told_holds_every_week_of_every_arm(lived: dict[str, list[Outcome]]) -> None:
    lines = draw_table(lived).splitlines()
    assert len(lines) == 2 + PLAN.n_weeks
    assert {line.count("|") for line in lines} == {11}
    assert DRIFTED in lines[3]
    told = summarise([lived, lived], test_share=0.2)
    assert [line.split(" | ")[0] for line in told.splitlines()[2:]] == ["| stable", "| by rows"]
    assert draw_picture(lived, title="ETHOS").startswith(b"\x89PNG")
