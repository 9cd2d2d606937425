"""Acquisition: unsure texts, no two alike, and as many as were asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from agile_classifier.ops.scoring.acquisition import CANDIDATES_PER_CHOICE, choose_texts, uncertainty

THEMES = 6
TEXTS = [f"theme {theme} told in the words of {chr(97 + copy) * 9}" for theme in range(THEMES) for copy in range(10)]
VECTORS = {
    text: np.eye(THEMES)[row // 10] + np.random.default_rng(row).normal(0, 0.01, THEMES)
    for row, text in enumerate(TEXTS)
}


def embed(texts: Sequence[str]) -> np.ndarray:
    return np.stack([VECTORS[text] for text in texts])


def test_unsure_is_what_lies_at_the_threshold_or_between_two_classes() -> None:
    of_two = np.asarray([[0.7, 0.3], [0.0, 1.0], [1.0, 0.0], [0.35, 0.65]])
    assert uncertainty(of_two, 0.3)[:3] == pytest.approx([1, 0, 0])
    assert uncertainty(of_two, None) == pytest.approx([0.6, 0, 0, 0.7])
    near_the_cut, certain = uncertainty(np.asarray([[0.34, 0.66], [0.0003, 0.9997]]), 0.854)
    assert near_the_cut > 0.4 > 0.01 > certain, "though 0.9997 is nearer to 0.854 than 0.66 is"
    of_three = np.asarray([[0.4, 0.4, 0.2], [1.0, 0.0, 0.0]])
    assert uncertainty(of_three, None) == pytest.approx([1, 0])


def test_each_theme_sends_one_text_though_one_theme_is_the_most_unsure() -> None:
    unsure = np.asarray([1.0 if row < 10 else 0.8 if row % 10 == 0 else 0.1 for row in range(len(TEXTS))])
    found = choose_texts(TEXTS, unsure, count=THEMES, embed=embed)
    assert sorted(position // 10 for position in found["position"]) == list(range(THEMES))
    assert found["n_similar"][0] == 10
    assert found["position"][0] < 10, "the most unsure first"


def test_texts_that_the_model_is_sure_of_are_no_candidates() -> None:
    seen: list[str] = []

    def embed_counted(texts: Sequence[str]) -> np.ndarray:
        seen.extend(texts)
        return embed(texts)

    unsure = np.linspace(1, 0, len(TEXTS))
    found = choose_texts(TEXTS, unsure, count=2, embed=embed_counted)
    n_candidates = 2 * CANDIDATES_PER_CHOICE
    assert found["position"].max() < n_candidates
    assert set(seen) == set(TEXTS[:n_candidates])


def test_of_near_duplicates_the_most_unsure_stands_for_all() -> None:
    texts = [
        "the very same long sentence, word for word",
        "THE very same long sentence, word for word",
        "another thing",
    ]
    found = choose_texts(texts, np.asarray([0.5, 0.9, 0.1]), count=3, embed=embed)
    assert found["position"].tolist() == [1, 2]


def test_the_same_pool_gives_the_same_choice() -> None:
    unsure = np.random.default_rng(0).random(len(TEXTS))
    first, second = (choose_texts(TEXTS, unsure, count=5, embed=embed) for _ in range(2))
    assert first.equals(second)
    assert len(first) == 5


def test_a_hundred_near_copies_at_the_top_leave_room_for_the_others() -> None:
    copies = [f"the very same long sentence, word for word, as number {number} said it" for number in range(100)]
    texts = [*copies, *(f"{word} {word} {word} {word}" for word in map("{:05d}".format, range(0, 99999, 250)))]
    unsure = np.linspace(1, 0, len(texts))
    found = choose_texts(texts, unsure, count=20, embed=lambda given: np.eye(len(given), dtype=np.float32))
    assert len(found) == 20
    assert (found["position"] < 100).sum() == 1
