"""Evasion on test: flips and areas beside a classifier whose every answer can be counted by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from agile_classifier.config.moderation.evasion import EvasionConfig
from agile_classifier.data.evasion.attacks import attack
from agile_classifier.evaluation.evasion.measure import (
    Attacked,
    Rate,
    flat_evasion,
    measure_evasion,
    worst_flip_rate,
)
from agile_classifier.metrics.comparison import Answers

Y_TRUE = np.array([1, 1, 1, 1, 0, 0, 0, 0])
TEXTS = ["idiot"] * 3 + ["fool"] + ["friend"] * 3 + ["idiot"]
"""Of four texts of class 1 three are found, and of four others three are let pass."""


def score(texts: Sequence[str]) -> np.ndarray:
    """A list of words: 0.9 where a text holds `idiot` as it is written, else 0.2."""
    rude = np.array([0.9 if "idiot" in text else 0.2 for text in texts])
    return np.column_stack([1 - rude, rude])


def measure(*attacks: str, strength: float = 1.0, injections: dict | None = None) -> dict[str, Attacked]:
    return measure_evasion(
        score, TEXTS, Y_TRUE, Answers(score(TEXTS), 0.5),
        settings=EvasionConfig(attacks=attacks, strength=strength), injections=injections or {},
        n_resamples=100, seed=0,
    )  # fmt: skip


def test_flips_are_counted_among_what_was_found_and_changes_among_what_was_right() -> None:
    found = measure("leetspeak")["leetspeak"]
    assert (found.flips.n, found.flips.n_hit, found.flips.value) == (3, 3, 1.0)
    assert (found.changes.n, found.changes.n_hit) == (6, 3)
    between = binomtest(3, 3).proportion_ci(method="wilson")
    assert (found.flips.low, found.flips.high) == pytest.approx((between.low, between.high))


def test_metrics_are_those_of_the_attacked_texts() -> None:
    found = measure("typos", strength=0.5)["typos"]
    attacked = [attack(text, "typos", strength=0.5, seed=0) for text in TEXTS]
    assert found.metrics["roc_auc"] == pytest.approx(roc_auc_score(Y_TRUE, score(attacked)[:, 1]))
    low, high = found.intervals["roc_auc"]
    assert low <= found.metrics["roc_auc"] <= high


def test_an_attack_that_changes_nothing_that_is_read_flips_nothing() -> None:
    caseless = measure_evasion(
        lambda texts: score([text.lower() for text in texts]), TEXTS, Y_TRUE, Answers(score(TEXTS), 0.5),
        settings=EvasionConfig(attacks=("case",)), n_resamples=100, seed=0,
    )  # fmt: skip
    assert caseless["case"].flips.n_hit == 0


def test_injections_are_tried_on_what_was_found_alone_and_only_where_they_are_asked_for() -> None:
    asked: list[str] = []

    def inject(text: str) -> str:
        asked.append(text)
        return text.replace("idiot", "friend")

    assert measure("case", injections={"order": inject}).keys() == {"case"}
    found = measure("prompt_injection", injections={"order": inject, "harmless": str})
    assert asked == ["idiot"] * 3
    assert found["injection: order"].flips.value == 1
    assert found["injection: harmless"].flips.value == 0
    assert found["injection: order"].metrics == {}


def test_the_worst_rate_leaves_the_harmless_addition_out_and_is_none_where_one_is_not_known() -> None:
    def one(n_hit: int, n: int) -> Attacked:
        flips = Rate.of(np.arange(n) < n_hit)
        return Attacked(flips=flips, changes=flips, metrics={"roc_auc": 0.5}, intervals={})

    assert worst_flip_rate({}) is None
    assert worst_flip_rate({"case": one(1, 4), "typos": one(3, 4), "injection: harmless": one(4, 4)}) == 0.75
    assert worst_flip_rate({"case": one(1, 4), "typos": one(0, 0)}) is None
    flat = flat_evasion({"case": one(1, 4), "injection: own separator": one(2, 4)})
    assert flat == {
        "evasion_case_flip_rate": 0.25, "evasion_case_roc_auc": 0.5,
        "evasion_injection_own_separator_flip_rate": 0.5, "evasion_injection_own_separator_roc_auc": 0.5,
        "evasion_worst_flip_rate": 0.5,
    }  # fmt: skip


def test_of_several_classes_any_but_the_first_can_be_lost() -> None:
    y_true, texts = np.array([0, 1, 2, 2]), ["a", "bad", "cat", "cat"]

    def three(asked: Sequence[str]) -> np.ndarray:
        likeliest = [{"a": 0, "b": 1, "c": 2}.get(text[0].lower(), 0) for text in asked]
        return np.eye(3)[likeliest] * 0.7 + 0.1

    found = measure_evasion(
        three, texts, y_true, Answers(three(texts), None),
        settings=EvasionConfig(attacks=("emoji",), strength=1), n_resamples=100, seed=0,
    )["emoji"]  # fmt: skip
    assert (found.flips.n, found.flips.n_hit, found.changes.n) == (3, 3, 4)
