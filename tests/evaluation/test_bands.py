"""Bands of a classifier: which class they are of, which rows they rest on, what is measured, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from agile_classifier.config.moderation.decision import BandsConfig
from agile_classifier.errors import GateRefused, InputError
from agile_classifier.evaluation.bands import (
    Banding,
    choose_independent,
    count_decisions,
    examine_bands,
    has_own_groups,
)
from agile_classifier.evaluation.reports.bands import draw_prices, list_prices
from agile_classifier.metrics.bands import RELEASE, REMOVE, REVIEW

N = 400


def make_part(n: int = N, *, seed: int = 0, n_classes: int = 2) -> pd.DataFrame:
    label = np.random.default_rng(seed).integers(0, n_classes, n)
    return pd.DataFrame({"text": [f"{seed} text {row} {hash((seed, row))}" for row in range(n)], "label": label})


def make_scores(part: pd.DataFrame, *, n_classes: int = 2) -> np.ndarray:
    """Probabilities that mostly know the class."""
    generator = np.random.default_rng(len(part))
    logit = generator.normal(size=(len(part), n_classes)) + 3 * np.eye(n_classes)[part["label"]]
    return np.asarray(np.exp(logit) / np.exp(logit).sum(axis=1, keepdims=True))


def examine(
    n_classes: int = 2, n: int = N, parts: dict[str, pd.DataFrame] | None = None, **asked: Any
) -> Banding | None:
    given = parts or {
        part: make_part(n, seed=seed, n_classes=n_classes) for seed, part in enumerate(("train", "validation", "test"))
    }
    scores = {part: make_scores(given[part], n_classes=n_classes) for part in ("validation", "test")}
    n_checkpoints = asked.pop("n_checkpoints", 1)
    names = ("fine", "rude", "spam")[:n_classes]
    return examine_bands(BandsConfig(**asked), given, scores, class_names=names, n_checkpoints=n_checkpoints)


def need(found: Banding | None) -> Banding:
    assert found is not None
    return found


def test_without_a_promise_there_are_no_bands() -> None:
    assert examine() is None


def test_a_promise_is_found_on_validation_and_measured_on_test() -> None:
    found = need(examine(precision=0.9, miss_rate=0.1))
    assert (found.bands.class_name, found.bands.class_number, found.bands.n_rows) == ("rude", 1, N)
    assert [promise.is_kept for promise in found.bands.promises] == [True, True]
    shares = found.on_test
    assert shares.automated.k == shares.removed.k + shares.released.k
    assert shares.precision.n == shares.removed.k
    assert (shares.precision.value or 0) >= 0.9
    assert (shares.miss_rate.value or 0) <= 0.1
    flat = found.flat()
    assert flat["test_automated"] == shares.automated.value
    assert set(flat) == {
        "test_automated", "test_removed", "test_released", "test_removal_precision", "test_release_miss_rate",
        "test_false_omission",
    }  # fmt: skip


def make_several(part: pd.DataFrame, *, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows of two labels, each carried by a third of the texts, as sets, and the probability of each label."""
    generator = np.random.default_rng(seed)
    carried = generator.random((len(part), 2)) < 1 / 3
    noise = generator.normal(size=carried.shape)
    return part.assign(label=carried @ [1, 2]), 1 / (1 + np.exp(-(6 * carried - 3 + noise)))


@pytest.mark.parametrize(("class_name", "number", "share"), [(None, None, 5 / 9), ("spam", 1, 1 / 3)])
def test_of_several_labels_any_is_a_reason_or_the_one_that_is_named(
    class_name: str | None, number: int | None, share: float
) -> None:
    made = {
        part: make_several(make_part(seed=seed), seed=seed) for seed, part in enumerate(("train", "validation", "test"))
    }
    parts, scores = ({part: each[place] for part, each in made.items()} for place in (0, 1))
    asked = BandsConfig(precision=0.9, miss_rate=0.1, class_name=class_name)
    found = need(examine_bands(asked, parts, scores, class_names=("rude", "spam"), several=True, n_checkpoints=1))
    bands, name = found.bands, class_name or "any label"
    assert (bands.class_number, bands.class_name, bands.several) == (number, name, True)
    assert bands.n_positive == pytest.approx(share * N, abs=40)
    assert [promise.is_kept for promise in bands.promises] == [True, True]
    assert f"at least 0.9 of these texts carry {name} (" in bands.sentences[0]
    assert f"at most 0.1 of all texts that carry {name} are among them" in bands.sentences[1]
    carried = np.column_stack([parts["test"]["label"] & 1, parts["test"]["label"] & 2]) > 0
    is_meant = carried.any(axis=1) if number is None else carried[:, number]
    decided = bands.decide(scores["test"])
    assert found.on_test == count_decisions(decided, is_meant)
    assert (found.on_test.precision.value or 0) >= 0.9
    assert (found.on_test.miss_rate.value or 1) <= 0.1


def test_a_label_that_there_is_not_is_one_line() -> None:
    part, scores = make_several(make_part(), seed=0)
    parts, y_score = dict.fromkeys(("train", "validation", "test"), part), dict.fromkeys(("validation", "test"), scores)
    asked = BandsConfig(precision=0.9, class_name="lies")
    with pytest.raises(InputError, match=r"^decision\.bands\.class_name lies: no such label; allowed are rude, spam$"):
        examine_bands(asked, parts, y_score, class_names=("rude", "spam"), several=True, n_checkpoints=1)


def test_every_checkpoint_and_training_that_might_have_been_chosen_costs_some_automation() -> None:
    alone, among = need(examine(precision=0.9)), need(examine(precision=0.9, n_checkpoints=10, compared=5))
    assert (alone.bands.n_choices, among.bands.n_choices) == (1, 50)
    assert among.on_test.removed.k < alone.on_test.removed.k


@pytest.mark.parametrize(("asked", "line"), [
    ({}, "decision.bands.class_name is missing: with 3 classes it names the one that is removed; allowed are fine, rude, spam"),
    ({"class_name": "lies"}, "decision.bands.class_name lies: no such class; allowed are fine, rude, spam"),
])  # fmt: skip
def test_of_more_than_two_classes_the_one_that_is_removed_must_be_named(asked: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError) as refused:
        examine(3, precision=0.9, **asked)
    assert str(refused.value) == line


def test_the_class_that_is_named_is_removed_whichever_it_is() -> None:
    for name, number in {"fine": 0, "spam": 2}.items():
        found = need(examine(3, precision=0.8, class_name=name))
        assert (found.bands.class_number, found.on_test.precision.n > 0) == (number, True)
        assert (found.on_test.precision.value or 0) > 0.7


def test_a_promise_that_cannot_be_made_leaves_its_side_open_or_ends_the_run_if_that_is_asked() -> None:
    found = need(examine(n=60, precision=0.95, miss_rate=0.01))
    assert (found.on_test.automated.k, len(found.bands.sentences)) == (0, 2)
    assert found.bands.sentences[1].startswith(
        "nothing is released without a person: a miss rate of 0.01 cannot be promised with confidence 0.9 on 60 validation"
        " rows"
    )
    with pytest.raises(GateRefused, match=r"decision\.bands: nothing is removed .* such rows.*; .*unkept refuses that"):
        examine(n=60, precision=0.95, miss_rate=0.01, unkept="refuse")


def test_a_validation_part_without_the_class_promises_nothing() -> None:
    parts = {part: make_part(seed=seed) for seed, part in enumerate(("train", "validation", "test"))}
    parts["validation"] = parts["validation"].assign(label=0)
    found = need(examine(parts=parts, precision=0.8, miss_rate=0.2))
    assert [promise.is_kept for promise in found.bands.promises] == [False, False]
    assert found.bands.sentences[1].endswith("0 of them rude; rows of that class are needed")


def test_prices_hold_what_was_asked_and_what_a_point_more_costs() -> None:
    found = need(examine(precision=0.9, miss_rate=0.07))
    listed = list_prices(found)
    assert [len(levels) for levels in listed.values()] == [10, 12]
    for levels in listed.values():
        asked = [each.price for each in levels if each.price.is_asked]
        assert [price.on_test for price in asked] == [found.on_test]
        assert levels[0].cost is None
        costs = [each.cost for each in levels if each.cost is not None]
        assert costs
        assert min(costs) >= 0
    assert len(draw_prices(found).axes) == 2
    assert len(draw_prices(need(examine(miss_rate=0.1))).axes) == 1


def test_decisions_are_counted_by_hand() -> None:
    decided = np.array([REMOVE, REMOVE, REVIEW, RELEASE, RELEASE, RELEASE], dtype=object)
    found = count_decisions(decided, np.array([True, False, True, True, False, False]))
    counted = {name: (share.k, share.n) for name, share in found}
    assert counted == {
        "automated": (5, 6), "removed": (2, 6), "released": (3, 6), "precision": (1, 2), "miss_rate": (1, 3),
        "false_omission": (1, 3),
    }  # fmt: skip


def test_rows_of_a_group_and_near_copies_count_once_where_the_split_keeps_groups_whole() -> None:
    part = make_part(60).assign(group=[f"g{row // 10}" if row < 50 else None for row in range(60)])
    part.loc[[58, 59], "text"] = "the very same text"
    assert len(choose_independent(part, by_group=False)) == 59
    rows = choose_independent(part, by_group=True)
    assert part.iloc[rows]["group"].dropna().tolist() == [f"g{number}" for number in range(5)]
    assert len(rows) == 5 + 9
    assert not np.array_equal(rows, choose_independent(part, by_group=True, seed=1))
    other = part.assign(group="another")
    assert has_own_groups(other, part)
    assert not has_own_groups(part, part)
    assert not has_own_groups(part.drop(columns="group"), part)


def test_groups_that_are_counted_once_keep_a_promise_that_their_rows_would_break() -> None:
    """Of 40 groups of 8 rows all rows have one class and one score, which tells nothing."""
    broken = {True: 0, False: 0}
    for seed in range(16):
        generator = np.random.default_rng(seed)
        parts = {}
        for number, part in enumerate(("train", "validation", "test")):
            label, score = np.repeat(generator.random(40) < 0.7, 8).astype(int), np.repeat(generator.random(40), 8)
            names = [f"{part} {group}" for group in np.repeat(np.arange(40), 8)]
            frame = make_part(320, seed=3 * seed + number)
            parts[part] = frame.assign(label=label, group=names, score=score)
        scores = {part: np.column_stack([1 - rows["score"], rows["score"]]) for part, rows in parts.items()}
        for by_group in broken:
            given = {part: rows if by_group else rows.drop(columns="group") for part, rows in parts.items()}
            found = need(
                examine_bands(BandsConfig(precision=0.75), given, scores, class_names=("a", "b"), n_checkpoints=1)
            )
            broken[by_group] += found.bands.removal is not None and found.bands.removal.is_kept  # the truth is 0.7
    assert broken[False] > 5
    assert broken[True] <= 3
