"""Several labels at the gate: the mean must gain, and no label may lose more than its limit beyond noise."""

from __future__ import annotations

import numpy as np
import pytest

from agile_classifier.config.evaluation import PromotionConfig
from agile_classifier.config.labels.limits import LabelLimits
from agile_classifier.metrics.comparison import Answers, compare
from agile_classifier.ops.promotion.gate import Evidence, decide
from agile_classifier.ops.promotion.limits.labels import compare_labels, limit_label_losses, limit_worst

NAMES = ("kind", "rare", "odd")
CUTS = (0.5, 0.5, 0.5)


def draw(skill: tuple[float, ...], n: int = 400, seed: int = 0) -> tuple[np.ndarray, Answers]:
    """Truth, the same for every seed, and the answers of a model whose skill on each label is given."""
    truth = (np.random.default_rng(1).random((n, 3)) < 0.4).astype(np.int64)
    noise = np.random.default_rng(seed).random((n, 3))
    weight = np.array(skill)
    return truth, Answers(weight * truth + (1 - weight) * noise, CUTS)


def decision(candidate: tuple[float, ...], champion: tuple[float, ...], **limits: float) -> tuple[bool, str]:
    truth, new = draw(candidate, seed=2)
    old = draw(champion, seed=3)[1]
    policy = PromotionConfig(metric="roc_auc", labels=LabelLimits(**limits))
    labels = compare_labels(truth, new, old, names=NAMES, metric="roc_auc")
    worst = limit_worst(truth, lambda: new, names=NAMES, settings=policy)
    difference = compare(truth, new, old, metrics=["roc_auc"])["roc_auc"]
    evidence = Evidence(
        candidate="2", champion="1", n_rows=len(truth), differences={"champion": difference}, labels=labels,
        limits=(*limit_label_losses(labels, policy.labels), *worst),
    )  # fmt: skip
    made = decide(evidence, policy)
    return made.promote, made.reason


def test_a_candidate_that_is_better_on_every_label_is_promoted() -> None:
    assert decision((0.6, 0.6, 0.6), (0.3, 0.3, 0.3))[0]


def test_a_gain_of_the_mean_does_not_outweigh_a_loss_on_one_label_which_is_named() -> None:
    promote, reason = decision((0.9, 0.9, 0.05), (0.1, 0.1, 0.4))
    assert not promote
    assert "the upper end of its difference in roc_auc on label 'odd'" in reason
    assert "allowed is at least -0.05" in reason


def test_a_loss_within_the_limit_is_let_pass() -> None:
    assert decision((0.9, 0.9, 0.05), (0.1, 0.1, 0.4), largest_loss=0.9)[0]


def test_the_worst_label_must_reach_the_least() -> None:
    promote, reason = decision((0.9, 0.9, 0.2), (0.2, 0.2, 0.2), least=0.9)
    assert not promote
    assert "its roc_auc on its worst label, 'odd', is" in reason


def test_a_label_that_no_row_carries_says_nothing() -> None:
    truth, who = draw((0.5, 0.5, 0.5))
    truth[:, 1] = 0
    assert list(compare_labels(truth, who, who, names=NAMES, metric="f1")) == ["kind", "odd"]


def test_one_label_a_text_has_no_limits_of_labels() -> None:
    truth = np.array([0, 1, 1, 0])
    who = Answers(np.full((4, 2), 0.5), 0.5)
    assert compare_labels(truth, who, who, names=("no", "yes"), metric="f1") == {}
    policy = PromotionConfig(labels=LabelLimits(least=0.9))
    assert not list(limit_worst(truth, lambda: pytest.fail("asked for nothing"), names=(), settings=policy))
