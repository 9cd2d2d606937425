"""Baselines on texts whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from agile_classifier.errors import InputError
from agile_classifier.models.classical.baselines import BASELINES, score_majority, score_tfidf_logistic, score_tfidf_svm
from agile_classifier.ops.promotion.gate import FIRST_COMPARATORS

TRAIN_TEXT = ["a fine sunny day", "sunny and fine", "what fine weather", "rain and cold", "cold grey rain", "grey day"]
TRAIN_LABEL = [1, 1, 1, 0, 0, 0]
TEST_TEXT = ["fine and sunny", "grey cold rain"]
LEARNT = {"tfidf": score_tfidf_logistic, "tfidf_svm": score_tfidf_svm}


def test_the_majority_gives_every_text_the_class_shares_of_train() -> None:
    found = score_majority(train_label=[2, 0, 2, 2], n_test=2, n_classes=4)
    assert found.tolist() == [[0.25, 0, 0.75, 0]] * 2


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_returns_one_row_of_probabilities_for_each_text(name: str) -> None:
    found = BASELINES[name](
        train_text=TRAIN_TEXT, train_label=TRAIN_LABEL, test_text=[*TEST_TEXT, "", "☃"], n_classes=2, seed=0
    )
    assert found.shape == (4, 2)
    assert (found >= 0).all()
    assert found.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("name", LEARNT)
def test_texts_like_those_of_train_get_their_class(name: str) -> None:
    found = LEARNT[name](train_text=TRAIN_TEXT, train_label=TRAIN_LABEL, test_text=TEST_TEXT, n_classes=2)
    assert found.argmax(axis=1).tolist() == [1, 0]


@pytest.mark.parametrize("name", LEARNT)
@pytest.mark.parametrize("labels", [[1, 1, 1, 3, 3, 3], [1, 1, 3, 3, 4, 4]])
def test_a_class_that_train_misses_has_probability_0(name: str, labels: list[int]) -> None:
    found = LEARNT[name](train_text=TRAIN_TEXT, train_label=labels, test_text=TEST_TEXT, n_classes=6)
    missing = sorted(set(range(6)) - set(labels))
    assert found.shape == (2, 6)
    assert (found[:, missing] == 0).all()
    assert (found[:, sorted(set(labels))] > 0).all()
    assert found.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("name", LEARNT)
def test_the_same_seed_gives_the_same_scores(name: str) -> None:
    first, again = (
        LEARNT[name](train_text=TRAIN_TEXT, train_label=TRAIN_LABEL, test_text=TEST_TEXT, n_classes=2, seed=5)
        for _ in range(2)
    )
    assert np.array_equal(first, again)


def test_swapped_classes_mirror_the_margins_of_the_svm() -> None:
    labels = np.asarray(TRAIN_LABEL)
    straight, swapped = (
        score_tfidf_svm(train_text=TRAIN_TEXT, train_label=label, test_text=TEST_TEXT, n_classes=2)
        for label in (labels, 1 - labels)
    )
    assert straight == pytest.approx(swapped[:, ::-1], abs=1e-3)  # margin 0 is probability 0.5


@pytest.mark.parametrize("name", LEARNT)
def test_train_with_a_single_class_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="single class"):
        LEARNT[name](train_text=["one", "two"], train_label=[1, 1], test_text=["one"], n_classes=2)


@pytest.mark.parametrize("name", LEARNT)
def test_train_without_a_word_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(InputError, match=r"empty vocabulary.*$"):
        LEARNT[name](train_text=["", " "], train_label=[0, 1], test_text=["one"], n_classes=2)


def test_what_a_first_champion_must_beat_can_be_computed() -> None:
    assert set(FIRST_COMPARATORS) <= set(BASELINES)
