"""Label review: planted wrong labels are found, near texts are near, and other cuts of the scores count right."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from agile_classifier.evaluation.review import find_neighbours, find_suspects, sweep_label_threshold

N = 200


@pytest.fixture
def features() -> np.ndarray:
    """Two clouds, as far apart as a probe can tell."""
    generator = np.random.default_rng(0)
    return generator.normal(0, 1, (N, 8)) + np.where(np.arange(N) % 2, 2.0, -2.0)[:, None]


@pytest.fixture
def train() -> pd.DataFrame:
    return pd.DataFrame({"text": [f"text {row}" for row in range(N)], "label": np.arange(N) % 2})


def test_labels_that_were_turned_round_are_the_ones_doubted(features: np.ndarray, train: pd.DataFrame) -> None:
    assert find_suspects(features, train).n == 0
    turned = [4, 9, 44, 101, 150]
    train.loc[turned, "label"] = 1 - train.loc[turned, "label"]
    found = find_suspects(features, train)
    assert {suspect.text for suspect in found.listed} <= {f"text {row}" for row in turned}
    assert found.n == len(found.listed) >= 4  # one lies where the clouds meet, and is called hard rather than wrong
    assert found.of == N
    given = [suspect.given for suspect in found.listed]
    assert given == sorted(given)
    assert max(given) < 0.5


def test_a_class_of_one_text_cannot_be_held_out_and_nothing_is_doubted(features: np.ndarray) -> None:
    train = pd.DataFrame({"text": ["a"] * 10, "label": [1] + [0] * 9})
    assert find_suspects(features[:10], train).n == 0


def test_the_nearest_train_texts_come_first(train: pd.DataFrame) -> None:
    angles = np.linspace(0, np.pi, N)
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    (found,) = find_neighbours(circle[[50]] * 7, circle, train)
    assert found[0].text == "text 50"
    assert {near.text for near in found} == {"text 49", "text 50", "text 51"}
    assert found[0].cosine == pytest.approx(1)
    assert [near.cosine for near in found] == sorted((near.cosine for near in found), reverse=True)


def test_other_label_thresholds_say_what_changes_what_ties_and_what_the_model_makes_of_it() -> None:
    score = np.repeat([0.0, 0.25, 0.5, 0.75, 1.0], 20)
    test = pd.DataFrame({"score": score, "label": (score >= 0.5).astype(int)})
    positive = 0.1 + 0.8 * score
    found = sweep_label_threshold(test, np.column_stack([1 - positive, positive]), label_threshold=0.5)
    by_cut = {cut.label_threshold: cut for cut in found}
    assert list(by_cut) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert [cut.n_positive for cut in found] == [100, 80, 60, 40, 20]
    assert [cut.n_changed for cut in found] == [40, 20, 0, 20, 40]
    assert all(cut.n_ties == 20 for cut in found)
    assert by_cut[0.0].roc_auc is None
    assert by_cut[0.75].roc_auc == pytest.approx(1)
    assert [cut.label_threshold for cut in found if cut.is_used] == [0.5]
