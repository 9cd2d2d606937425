"""What a run does with duplicates: merged, dropped, refused, and never on both sides of a split."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.config.data import LabelsConfig
from agile_classifier.config.data_quality import DataQualityConfig
from agile_classifier.config.split import SplitConfig
from agile_classifier.data.duplicates.copies import find_copies
from agile_classifier.data.duplicates.parts import split_whole
from agile_classifier.data.label_and_split import Labelled, label_and_split
from agile_classifier.data.leakage import examine_parts
from agile_classifier.data.splits import PARTS
from agile_classifier.data.tables import kept_column
from agile_classifier.errors import GateRefused, InputError

CLASSES = LabelsConfig(rule="given", columns=("kind",))
SCORES = LabelsConfig(rule="value", value=0.5)
THIRD = SplitConfig(validation=0.25, test=0.25)
UNLIKE = [f"{random.Random(number).getrandbits(160):040x}" for number in range(200)]
"""Texts that are no near copies of each other."""


def frame(*rows: tuple[str, Any], **columns: list[Any]) -> pd.DataFrame:
    texts, kinds = zip(*rows, strict=True)
    found = {"id": [f"r{row}" for row in range(1, len(rows) + 1)], "text": texts, kept_column("kind"): kinds}
    return pd.DataFrame({**found, **columns})


def fillers(n: int, *kinds: str) -> list[tuple[str, str]]:
    return [(text, kinds[place % len(kinds)]) for place, text in enumerate(UNLIKE[:n])]


def divide(
    examples: pd.DataFrame, how: str, labels: LabelsConfig = CLASSES, split: SplitConfig = THIRD, **fields: Any
) -> Labelled:
    return label_and_split(examples, labels, split, DataQualityConfig(duplicates=how, **fields))


def together(examples: pd.DataFrame, **fields: Any) -> tuple[pd.DataFrame, Labelled]:
    """All parts as one frame with a column `part`, and what is stated of them."""
    found = divide(examples, "together", **fields)
    return pd.concat([found.parts[part].assign(part=part) for part in PARTS], ignore_index=True), found


def test_equal_texts_are_one_example_of_the_class_with_most_votes() -> None:
    votes = [("No comment.", "b"), ("no  COMMENT.", "a"), ("No comment.", "a"), ("Late", "b"), ("late", "a")]
    rows, found = together(frame(*votes, *fillers(60, "a", "b")))
    assert rows["id"].isin(["r1", "r2", "r3"]).sum() == 1
    assert rows.set_index("id")["label"][["r2", "r4"]].tolist() == [0, 1], "tied votes go to the class that comes first"
    facts = found.labelling.duplicates
    assert facts is not None
    assert (facts.n_rows, facts.n_merged, facts.n_divided, facts.n_tied) == (65, 3, 2, 1)
    assert facts.sentence == (
        "3 of 65 rows merged into examples of the same text (2 with several labels, 1 of them tied);"
        " 0 examples in 0 groups of near copies kept together"
    )


def test_divided_votes_are_the_target_of_training_and_a_text_counts_once() -> None:
    split = SplitConfig(validation=0, test=0.1, seed=2)
    votes = [("No comment.", "b"), ("No comment.", "a"), ("No comment.", "b"), ("No comment.", "b")]
    rows, found = together(frame(*votes, *fillers(60, "a", "b")), split=split)
    assert "weight" not in rows
    assert rows.set_index("id")["part"]["r1"] == "train"
    train = found.parts["train"].set_index("id")
    assert train["target"]["r1"] == 0.75
    assert (train["target"].drop("r1") == train["label"].drop("r1")).all()
    assert "target" not in found.parts["test"]


def test_without_divided_votes_training_aims_at_the_classes() -> None:
    rows, _ = together(frame(("Late", "a"), ("late", "a"), *fillers(60, "a", "b")))
    assert "target" not in rows


def test_of_three_classes_the_majority_counts() -> None:
    votes = [("Late", "c"), ("late", "b"), ("Late", "b")]
    rows, _ = together(frame(*votes, *fillers(90, "a", "b", "c")))
    assert rows.set_index("id")["label"]["r2"] == 1
    assert "target" not in rows


def test_equal_texts_with_scores_have_their_mean() -> None:
    texts = [(text, 0) for text, _ in fillers(60, "a")]
    scores = [0.9, 0.3, 0.6, *np.linspace(0, 1, 60)]
    rows, _ = together(frame(("Late", 0), ("late", 0), ("Late", 0), *texts, score=scores), labels=SCORES)
    found = rows.set_index("id").loc["r1"]
    assert (found["score"], found["label"]) == (pytest.approx(0.6), 1)
    assert len(rows) == 61


def test_given_parts_keep_their_rows_and_are_still_judged() -> None:
    parts = ["train", "train", "test", *["train", "test", "validation"] * 20]
    examples = frame(
        ("Late", "a"), ("late", "b"), ("Late", "a"), *fillers(60, "a", "b"), **{kept_column("part"): parts}
    )
    rows, found = together(examples, split=SplitConfig(method="columns", column="part"))
    assert rows.set_index("id")["part"][["r1", "r3"]].tolist() == ["train", "test"]
    leaks = {each.name: each for each in examine_parts(found.parts, similarity=0.8, limits=NO_LIMITS)}["leaks"]
    assert (leaks.n, leaks.pairs[0]["ids"]) == (1, ["r1", "r3"])


def test_groups_and_near_copies_stay_whole_together() -> None:
    """A thread holds one text, which another thread holds nearly: both threads stay on one side."""
    texts = fillers(60, "a", "b")
    texts[7] = (f"{texts[2][0]}!", "a")
    threads = [str(row // 2) for row in range(60)]
    rows, _ = together(frame(*texts, group=threads), split=SplitConfig(method="group", validation=0.2, test=0.2))
    part = rows.set_index("id")["part"]
    assert part[["r3", "r4", "r7", "r8"]].nunique() == 1
    assert rows.groupby("group")["part"].nunique().max() == 1


def test_rows_without_a_group_are_refused_as_ever() -> None:
    threads = [None, *["1", "2", "3"] * 10]
    examples = frame(("Late", "a"), *fillers(30, "a", "b"), group=threads)
    with pytest.raises(InputError, match="split: 1 rows have no group, first row 1; every row needs one"):
        together(examples, split=SplitConfig(method="group", validation=0.2, test=0.2))


def test_drop_keeps_the_first_of_equal_texts_and_says_how_many() -> None:
    examples = frame(("Late", "b"), ("late", "a"), *fillers(60, "a", "b"), ("LATE", "a"))
    found = divide(examples, "drop")
    rows = pd.concat(found.parts.values())
    assert rows["id"].isin(["r1", "r2", "r63"]).sum() == 1
    assert rows.set_index("id")["label"]["r1"] == 1
    assert found.labelling.duplicates is not None
    assert found.labelling.duplicates.sentence == "2 of 63 rows dropped, as the same text stands before them"


@pytest.mark.parametrize(
    ("text", "how"), [("LATE  again, as it is every day of the week", "the same text"),
                      ("Late again, as it is every day of the week!", "nearly the same text")]
)  # fmt: skip
def test_refuse_names_both_rows(text: str, how: str) -> None:
    examples = frame(*fillers(30, "a", "b"), ("Late again, as it is every day of the week", "a"), (text, "b"))
    with pytest.raises(GateRefused, match=rf"refuse: rows r31 and r32 hold {how}; 2 of 32 rows stand more than once"):
        divide(examples, "refuse")
    found = divide(examples[:31], "refuse").labelling.duplicates
    assert found is not None
    assert found.sentence == "no text stands twice or nearly"


def test_near_copies_that_stay_in_one_part_are_no_reason_to_refuse_and_contradictions_are() -> None:
    limits = {how: DataQualityConfig(duplicates=how).limits for how in ("keep", "together")}
    assert limits["keep"] == {"duplicates": 0.3, "leaks": 0.05, "conflicts": 0.05}
    assert limits["together"] == {"duplicates": None, "leaks": 0.05, "conflicts": 0.05}


def test_keep_changes_nothing() -> None:
    examples = frame(("Late", "b"), ("late", "a"), *fillers(60, "a", "b"))
    kept = divide(examples, "keep")
    assert sum(map(len, kept.parts.values())) == 62
    assert kept.labelling.duplicates is None
    for part in PARTS:
        pd.testing.assert_frame_equal(kept.parts[part], label_and_split(examples, CLASSES, THIRD).parts[part])


def test_groups_too_large_to_keep_whole_are_refused_with_their_size() -> None:
    form = [(f"the parcel number {number} came late and the driver was rude", "a") for number in range(80)]
    with pytest.raises(
        InputError, match=r"the largest group of them holds 80 of 100, rows r1 and r2 among them: raise data_quality"
    ):
        divide(frame(*form, *fillers(20, "a", "b")), "together", split=SplitConfig(validation=0.2, test=0.4))


@given(
    copies=st.lists(st.tuples(st.integers(0, 119), st.sampled_from(["", "!", " ?", "  "])), max_size=80),
    method=st.sampled_from(["stratified", "shuffle"]),
    seed=st.integers(0, 3),
    validation=st.sampled_from([0.0, 0.15]),
    by_score=st.booleans(),
)
def test_no_near_copies_stand_in_different_parts_and_parts_have_their_sizes(
    copies: list[tuple[int, str]], method: str, seed: int, validation: float, by_score: bool
) -> None:
    texts = [(text, kind) for text, kind in fillers(120, "a", "b", "a")]
    texts += [(texts[place][0] + end, "b") for place, end in copies]
    split = SplitConfig(method=method, validation=validation, test=0.2, seed=seed)
    examples = frame(*texts, score=list(np.linspace(0, 1, len(texts))))
    rows, found = together(examples, split=split, labels=SCORES if by_score else CLASSES)
    pairs = find_copies(list(rows["text"]), similarity=0.8)
    assert pairs.text.tolist() == list(range(len(rows))), "equal texts are one"
    part = rows["part"].to_numpy()
    assert all(part[one] == part[other] for one, other in pairs.pairs)
    leaks = {each.name: each.n for each in examine_parts(found.parts, similarity=0.8, limits=NO_LIMITS)}["leaks"]
    assert leaks == 0
    largest = np.bincount(pairs.group).max()
    for name, share in {"validation": validation, "test": 0.2}.items():
        assert abs(len(found.parts[name]) - share * len(rows)) <= largest
    if method == "stratified" and largest <= 4:
        for name in ("train", "test"):
            assert abs(found.parts[name]["label"].mean() - rows["label"].mean()) <= 4 * largest / len(found.parts[name])


@given(
    sizes=st.lists(st.integers(1, 6), min_size=20, max_size=60),
    seed=st.integers(0, 5),
    train=st.sampled_from([None, 0.5, 30]),
)
def test_units_are_whole_and_sizes_exact_while_single_rows_can_fill_up(
    sizes: list[int], seed: int, train: float | None
) -> None:
    unit = np.repeat(np.arange(len(sizes) + 60), [*sizes, *[1] * 60])
    strata = pd.Series(np.arange(len(unit)) % 3)
    split = SplitConfig(train=train, validation=0.1, test=0.2, seed=seed)
    found = split_whole(unit, strata, split, ids=strata)
    held = [set(unit[getattr(found, part)]) for part in PARTS]
    assert all(not one & other for one, other in pairwise([*held, held[0]]))
    n = len(unit)
    assert (len(found.validation), len(found.test)) == (round(0.1 * n), round(0.2 * n))
    rows = np.concatenate([found.train, found.validation, found.test])
    assert len(set(rows)) == len(rows) == (n if train is None else len(rows))
    again = split_whole(unit, strata, split, ids=strata)
    assert all((getattr(found, part) == getattr(again, part)).all() for part in PARTS)


def test_validation_taken_from_train_takes_whole_groups() -> None:
    texts = fillers(60, "a", "b")
    texts += [(f"{text}!", kind) for text, kind in texts]
    split = SplitConfig(validation=0, test=0.2, validation_share=0.25)
    rows, found = together(frame(*texts), split=split)
    assert len(found.parts["validation"]) == pytest.approx(0.25 * 96, abs=2)
    assert find_copies(list(rows["text"]), similarity=0.8).group.max() + 1 == 60
    assert rows.groupby(find_copies(list(rows["text"]), similarity=0.8).group)["part"].nunique().max() == 1


NO_LIMITS = dict.fromkeys(("duplicates", "leaks", "conflicts"))
