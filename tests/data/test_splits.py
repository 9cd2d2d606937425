"""Splits: against pandas' own shuffle, and as properties that hold whatever the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agile_classifier.config.split import SplitConfig
from agile_classifier.data.splits import (
    PARTS,
    Split,
    move_to_validation,
    score_strata,
    split_columns,
    split_group,
    split_shuffle,
    split_stratified,
)
from agile_classifier.errors import InputError

SEEDS = st.integers(0, 2**31 - 1)
STRATA = st.lists(st.integers(0, 6), min_size=12, max_size=120)


def sizes_of(split: Split) -> list[int]:
    return [len(getattr(split, part)) for part in PARTS]


def positions(split: Split) -> list[int]:
    return [int(position) for part in PARTS for position in getattr(split, part)]


@pytest.mark.parametrize("seed", [0, 32])
def test_the_shuffle_is_pandas_own(seed: int) -> None:
    frame = pd.DataFrame({"row": range(100)})
    shuffled = frame.sample(frac=1, random_state=seed)["row"].tolist()
    split = split_shuffle(100, SplitConfig(train=60, validation=10, test=20, seed=seed))
    assert split.train.tolist() == shuffled[:60]
    assert split.validation.tolist() == shuffled[60:70]
    assert split.test.tolist() == shuffled[80:]


SIZES: list[tuple[dict[str, Any], list[int]]] = [
    ({"train": 60, "validation": 10, "test": 20}, [60, 10, 20]),
    ({"train": 0.6, "validation": 0.1, "test": 0.2}, [60, 10, 20]),
    ({"train": None, "validation": 0.1, "test": 0.2}, [70, 10, 20]),
    ({"train": 70, "validation": 10, "test": None}, [70, 10, 20]),
    ({"train": None, "validation": 0, "test": 1}, [99, 0, 1]),
    ({"train": 0.555, "validation": 0.003, "test": 40}, [56, 0, 40]),
    ({"train": 1, "validation": 0, "test": None}, [1, 0, 99]),
]


@pytest.mark.parametrize(("asked", "found"), SIZES, ids=str)
def test_sizes_are_rows_or_below_1_shares_and_null_takes_what_is_left(asked: dict[str, Any], found: list[int]) -> None:
    assert sizes_of(split_shuffle(100, SplitConfig(**asked))) == found
    assert sizes_of(split_stratified(pd.Series([0, 1] * 50), SplitConfig(**asked))) == found
    assert sizes_of(split_group(pd.Series(range(100)), SplitConfig(**asked))) == found


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {"train": 90, "validation": 10, "test": 1},
            "split: train 90, validation 10, test 1 need more than the 100 rows",
        ),
        ({"train": None, "validation": 50, "test": 50}, "split: train the rest, validation 50, test 50 need more"),
        ({"train": 100, "validation": 0, "test": None}, "split: train 100, validation 0, test the rest need more"),
        ({"train": 0.9, "validation": 0.1, "test": 0.2}, "split: train 90, validation 10, test 20 need more"),
    ],
)
def test_parts_that_need_more_rows_than_there_are_are_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=f"^{said}"):
        split_shuffle(100, SplitConfig(**asked))


@given(strata=STRATA, seed=SEEDS, data=st.data())
def test_stratified_parts_hold_each_stratum_in_its_share(strata: list[int], seed: int, data: st.DataObject) -> None:
    n = len(strata)
    train = data.draw(st.integers(1, n - 2))
    validation = data.draw(st.integers(0, n - train - 1))
    test = data.draw(st.integers(1, n - train - validation))
    column = pd.Series(strata)
    split = split_stratified(column, SplitConfig(train=train, validation=validation, test=test, seed=seed))
    assert sizes_of(split) == [train, validation, test]
    assert len(set(positions(split))) == train + validation + test
    for part, allowed in (("train", 1), ("test", 1), ("validation", 2)):
        rows = column.iloc[getattr(split, part)]
        for stratum, share in column.value_counts(normalize=True).items():
            assert abs((rows == stratum).sum() - share * len(rows)) < allowed, (part, stratum)


@given(strata=STRATA, seed=SEEDS)
def test_another_size_of_train_keeps_the_test_rows_and_the_rows_it_had(strata: list[int], seed: int) -> None:
    small, large = (
        split_stratified(pd.Series(strata), SplitConfig(train=train, validation=0, test=4, seed=seed))
        for train in (3, 8)
    )
    assert small.test.tolist() == large.test.tolist()
    assert small.train.tolist() == large.train[:3].tolist()


def test_a_stratified_split_depends_on_its_seed_and_on_nothing_else() -> None:
    strata = pd.Series([0, 1, 2] * 40)
    first, again, other = (
        positions(split_stratified(strata, SplitConfig(train=60, validation=20, test=30, seed=seed)))
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@given(scores=st.lists(st.sampled_from([0.0, 0.1, 0.25, 1 / 3, 0.5, 0.9, 1.0]), min_size=1, max_size=80))
def test_strata_of_scores_follow_their_order_and_keep_ties_together(scores: list[float]) -> None:
    strata = score_strata(pd.Series(scores))
    assert strata.between(0, 9).all()
    for one, its in zip(scores, strata, strict=True):
        for other, theirs in zip(scores, strata, strict=True):
            assert one != other or its == theirs
            assert one >= other or its <= theirs


def test_strata_of_distinct_scores_are_tenths() -> None:
    assert score_strata(pd.Series(range(100))).value_counts().tolist() == [10] * 10


@given(groups=st.lists(st.sampled_from("abcdefgh"), min_size=8, max_size=60), seed=SEEDS)
def test_a_group_stands_in_one_part_with_all_its_rows(groups: list[str], seed: int) -> None:
    n_groups = len(set(groups))
    assume(n_groups >= 3)
    group = pd.Series(groups)
    split = split_group(group, SplitConfig(train=None, validation=1, test=1, seed=seed))
    held = {part: set(group.iloc[getattr(split, part)]) for part in PARTS}
    assert [len(held[part]) for part in PARTS] == [n_groups - 2, 1, 1]
    assert len(set.union(*held.values())) == n_groups
    assert sorted(positions(split)) == list(range(len(groups)))


def test_groups_are_shuffled_by_name_whatever_the_order_of_their_rows() -> None:
    group = pd.Series([f"document {number}" for number in range(20)])
    one, other = (
        {
            part: set(column.iloc[getattr(split, part)])
            for split in [split_group(column, SplitConfig(train=10, validation=4, test=6, seed=3))]
            for part in PARTS
        }
        for column in (group, group[::-1].reset_index(drop=True))
    )
    assert one == other


def test_a_row_without_a_group_is_refused() -> None:
    with pytest.raises(InputError, match=r"^split: 2 rows have no group, first row 2; every row needs one$"):
        split_group(pd.Series(["a", None, "b", None]), SplitConfig(train=None, validation=0, test=1, seed=0))


def test_too_few_groups_are_refused_as_groups() -> None:
    with pytest.raises(InputError, match=r"need more than the 3 groups there are$"):
        split_group(pd.Series(list("aabbcc")), SplitConfig(train=2, validation=1, test=1, seed=0))


def test_a_column_may_say_the_part_in_the_usual_words() -> None:
    split = split_columns(pd.Series(["train", " Test", "val", "DEV", "validation", "Training"], name="part"))
    assert {part: getattr(split, part).tolist() for part in PARTS} == {
        "train": [0, 5], "validation": [2, 3, 4], "test": [1],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (
            ["train", "test", "holdout"],
            r"column part: found part 'holdout' \(1 rows\); allowed are train \(training\), validation \(valid, validate, val, dev,",
        ),
        (["train", "test", None], r"column part: found part '' \(1 rows\); allowed are"),
        (["train", None, "x"], r"column part: found part '' \(1 rows\); allowed are"),
        (["train", "val"], "column part: no row is marked test"),
        (["val", "test"], "column part: no row is marked train"),
    ],
)
def test_a_column_that_does_not_say_every_part_is_refused(column: list[str | None], said: str) -> None:
    with pytest.raises(InputError, match=f"^{said}"):
        split_columns(pd.Series(column, dtype="str", name="part"))


@given(n_rows=st.integers(10, 100), share=st.floats(0.01, 0.9), seed=SEEDS)
def test_validation_taken_from_train_leaves_test_and_orders_alone(n_rows: int, share: float, seed: int) -> None:
    before = split_shuffle(n_rows, SplitConfig(train=None, validation=0, test=3, seed=seed))
    after = move_to_validation(before, share=share, seed=seed)
    assert len(after.validation) == max(1, round(share * len(before.train)))
    assert np.array_equal(after.test, before.test)
    assert sorted([*after.train, *after.validation]) == sorted(before.train)
    place = {row: number for number, row in enumerate(before.train)}
    for part in (after.train, after.validation):
        assert [place[row] for row in part] == sorted(place[row] for row in part)
