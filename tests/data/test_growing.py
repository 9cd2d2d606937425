"""Data that grow: under `split.method stable` no row changes its part, whatever is added, withdrawn, sorted or relabelled."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.config.data import LabelsConfig
from agile_classifier.config.data_quality import DataQualityConfig
from agile_classifier.config.split import SplitConfig
from agile_classifier.data.label_and_split import label_and_split
from agile_classifier.data.splits import PARTS, split_stable
from agile_classifier.errors import InputError

WORDS = st.sampled_from(("late", "again", "lovely", "broken", "Fine", "ＦＩＮＥ", "thanks", "why", "never", "so"))
TEXTS = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
ROWS = st.lists(st.tuples(TEXTS, st.sampled_from("abcdefgh")), min_size=1, max_size=40)
HALVES = SplitConfig(method="stable", train=None, validation=0.25, test=0.25, seed=7)


def parts_of(rows: list[tuple[str, str]], split: SplitConfig, *, by_group: bool) -> dict[tuple[str, str], str]:
    """Row → its part."""
    group = pd.Series([name for _, name in rows]) if by_group else None
    found = split_stable([text for text, _ in rows], group, split)
    return {rows[row]: part for part in PARTS for row in getattr(found, part)}


@given(before=ROWS, added=ROWS, by_group=st.booleans(), shuffled=st.randoms(use_true_random=False))
def test_rows_that_come_go_or_move_change_no_other_row_s_part(
    before: list[tuple[str, str]], added: list[tuple[str, str]], by_group: bool, shuffled: Any
) -> None:
    after = [*before[len(before) // 3 :], *added]
    shuffled.shuffle(after)
    first, second = (parts_of(rows, HALVES, by_group=by_group) for rows in (before, after))
    assert all(second[row] == first[row] for row in first.keys() & second.keys())
    if by_group:
        assert all(len({part for (_, group), part in second.items() if group == name}) <= 1 for name in "abcdefgh")


@given(rows=ROWS, train=st.floats(0.01, 0.5))
def test_another_share_of_train_leaves_the_other_parts_as_they_are(rows: list[tuple[str, str]], train: float) -> None:
    texts = [text for text, _ in rows]
    all_of_it = split_stable(texts, None, HALVES)
    some = split_stable(texts, None, HALVES.model_copy(update={"train": train}))
    assert np.array_equal(some.test, all_of_it.test)
    assert np.array_equal(some.validation, all_of_it.validation)
    assert np.array_equal(some.train, all_of_it.train[: len(some.train)]), "the first in the order of train"


@given(seed=st.integers(0, 2**31 - 1))
def test_shares_hold_as_a_coin_s_do(seed: int) -> None:
    n = 4000
    split = split_stable([f"text {row}" for row in range(n)], None, SplitConfig(method="stable", seed=seed))
    for part, share in {"train": 0.7, "validation": 0.1, "test": 0.2}.items():
        assert abs(len(getattr(split, part)) - n * share) < 5 * (n * share * (1 - share)) ** 0.5


def test_a_part_is_what_it_was_in_every_release() -> None:
    """Written down once: another hash would move rows of train into test between two versions of the project."""
    texts = [f"text {row}" for row in range(20)]
    split = split_stable(texts, None, SplitConfig(method="stable", validation=0.2, test=0.3, seed=3))
    assert {part: sorted(getattr(split, part).tolist()) for part in PARTS} == {
        "train": [0, 1, 3, 5, 6, 9, 10, 13, 15, 17, 18, 19],
        "validation": [2, 4, 7, 8, 11, 12, 14],
        "test": [16],
    }  # fmt: skip


def test_a_text_s_writing_has_no_say() -> None:
    texts = ["What a day", "what  a day", "WHAT A DAY\u200b", "ｗｈａｔ a day"]
    assert len(set(parts_of([(text, "") for text in texts], HALVES, by_group=False).values())) == 1


@pytest.mark.parametrize("duplicates", ["together", "drop"])
@given(before=ROWS, added=ROWS, by_group=st.booleans(), shuffled=st.randoms(use_true_random=False))
def test_a_text_of_train_may_leave_it_for_a_copy_of_test_and_changes_sides_never(
    duplicates: Literal["together", "drop"], before: Any, added: Any, by_group: bool, shuffled: Any
) -> None:
    after = [*before, *added]
    shuffled.shuffle(after)
    first, second = (_labelled_parts(rows, duplicates, by_group=by_group) for rows in (before, after))
    for row in first.keys() & second.keys():
        assert second[row] == first[row], row
    texts = {part: {text.casefold() for (text, _), found in second.items() if found == part} for part in PARTS}
    assert not texts["test"] & (texts["train"] | texts["validation"])
    assert not texts["validation"] & texts["train"]


def _labelled_parts(rows: Any, duplicates: Any, *, by_group: bool) -> dict[tuple[str, str], str]:
    """Row → its part, of rows to which enough others of both classes are added."""
    others = [(f"{word} number {row} of the others", f"other {row}") for row in range(60) for word in ("good", "bad")]
    examples = pd.DataFrame([*rows, *others], columns=["text", "group"])
    examples = examples.assign(id=[str(row) for row in range(len(examples))], score=np.arange(len(examples)) % 2)
    if not by_group:
        examples = examples.drop(columns="group")
    quality = DataQualityConfig(duplicates=duplicates, similarity=1)
    labels = LabelsConfig(rule="value", value=1)
    parts = label_and_split(examples, labels, HALVES, quality).parts
    return {
        (text, group): part
        for part, frame in parts.items()
        for text, group in zip(frame["text"], frame.get("group", [""] * len(frame)), strict=True)
    }


def test_near_copies_of_held_out_texts_are_left_out_of_train_and_counted() -> None:
    texts = [f"{word} {row} is what somebody wrote about the day" for row in range(200) for word in ("one", "other")]
    examples = pd.DataFrame({"text": texts, "score": np.arange(400) % 2})
    examples["id"] = examples.index.astype(str)
    labels = LabelsConfig(rule="value", value=1)
    alone = label_and_split(examples, labels, HALVES)
    copy = alone.parts["test"]["text"].iloc[0] + "!"
    seed = next(seed for seed in range(99) if _part_of(copy, seed) == "train" and _part_of(copy[:-1], seed) == "test")
    split = HALVES.model_copy(update={"seed": seed})
    late = pd.concat([examples, pd.DataFrame({"text": [copy], "score": [1], "id": ["late"]})], ignore_index=True)
    found = label_and_split(late, labels, split, DataQualityConfig(duplicates="together", similarity=0.97))
    assert not any("late" in set(part["id"]) for part in found.parts.values())
    assert found.labelling.duplicates is not None
    assert found.labelling.duplicates.n_left_out == 1
    assert found.labelling.duplicates.sentence.endswith(
        "1 copies of texts that are held out left out of train and validation"
    )


def _part_of(text: str, seed: int) -> str:
    split = split_stable([text], None, HALVES.model_copy(update={"seed": seed}))
    return next(part for part in PARTS if len(getattr(split, part)))


def test_filled_in_forms_that_would_empty_train_are_refused_with_two_of_them() -> None:
    texts = [f"The parcel with the number {row:04} did not arrive on the day that was promised" for row in range(200)]
    examples = pd.DataFrame({"id": map(str, range(200)), "text": texts, "score": np.arange(200) % 2})
    with pytest.raises(InputError, match=r"split: train keeps 0 of its \d+ texts, as near copies of held-out .*"):
        label_and_split(examples, LabelsConfig(rule="value", value=1), HALVES, DataQualityConfig(duplicates="together"))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"test": 200}, "split.test 200: split.method stable takes shares below 1, not numbers of rows"),
        ({"train": 800, "test": None}, "split.train 800: split.method stable takes shares below 1"),
        ({"validation": 0, "validation_share": 0.1}, "split.validation_share: split.method stable takes"),
        ({"train": 0.8, "validation": 0.2, "test": 0.2}, "split: the shares of train, validation and test come to 1.2"),
        ({"validation": 0.5, "test": 0.5}, "come to 1; at most 1 is allowed"),
    ],
)
def test_what_depends_on_the_number_of_rows_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said.replace(".", r"\.")):
        SplitConfig(method="stable", **fields)
