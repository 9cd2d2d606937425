"""How candidate and champion do on test rows that are new since the champion, and on the old ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agile_classifier.metrics.bootstrap import bootstrap_intervals
from agile_classifier.metrics.comparison import Answers
from agile_classifier.metrics.metrics import evaluate_scores
from agile_classifier.ops.promotion.since_champion import RowsApart, measure_apart, tell_apart


@pytest.fixture(scope="module")
def drawn() -> dict[str, Any]:
    """Two hundred rows, the last sixty of which are new, and two models' answers on them."""
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 2, 200)
    ones = (np.clip(y_true * 0.4 + rng.uniform(0, 0.6, 200), 0, 1) for _ in range(2))
    candidate, champion = (Answers(np.stack([1 - one, one], axis=1), 0.5) for one in ones)
    return {"y_true": y_true, "candidate": candidate, "champion": champion, "is_new": np.arange(200) >= 140}


def measure(drawn: dict[str, Any], *, min_rows: int = 30, **changed: Any) -> dict[str, RowsApart]:
    given = {**drawn, **changed}
    models = given.pop("y_true"), given.pop("candidate"), given.pop("champion")
    return measure_apart(*models, metric="roc_auc", min_rows=min_rows, **given)


def test_each_figure_is_the_metric_of_one_model_on_its_rows_alone(drawn: dict[str, Any]) -> None:
    found = measure(drawn)
    assert {name: rows.n_rows for name, rows in found.items()} == {"new": 60, "old": 140}
    for name, mask in {"new": drawn["is_new"], "old": ~drawn["is_new"]}.items():
        for who in ("candidate", "champion"):
            alone = {"y_true": drawn["y_true"][mask], "y_score": drawn[who].y_score[mask], "decision_threshold": 0.5}
            figure = getattr(found[name], who)
            assert figure.value == evaluate_scores(**alone)["roc_auc"]
            assert (figure.low, figure.high) == bootstrap_intervals(**alone, seed=0)["roc_auc"]
            assert figure.low < figure.value < figure.high


def test_too_few_rows_and_rows_of_one_class_are_counted_alone(drawn: dict[str, Any]) -> None:
    few = measure(drawn, min_rows=61)
    assert few["new"] == RowsApart(n_rows=60, metric="roc_auc")
    assert few["old"].champion is not None
    one_class = measure(drawn, is_new=drawn["y_true"] == 1)
    assert (one_class["new"].candidate, one_class["old"].candidate) == (None, None)


@pytest.mark.parametrize(("n_new", "said"), [(0, "None of these rows is new"), (1, "1 of these rows is new"),
    (60, "60 of these rows are new"), (200, "All of these rows are new")])  # fmt: skip
def test_the_sentence_counts_what_is_new(drawn: dict[str, Any], n_new: int, said: str) -> None:
    found = measure(drawn, is_new=np.arange(200) >= 200 - n_new)
    sentence = tell_apart(n_new, 200, found, champion="5")
    assert sentence.startswith(f"{said} since champion 5 (")
    assert ("old: " in sentence) == (n_new < 200)
    assert ("new: " in sentence) == (n_new > 0)


def test_the_sentence_states_both_models_figures_with_their_intervals(drawn: dict[str, Any]) -> None:
    found = measure(drawn)
    ours, theirs = found["new"].candidate, found["new"].champion
    assert ours is not None
    assert theirs is not None
    assert found["new"].words == f"roc_auc {ours.words} for it, {theirs.words} for the champion"
    assert ours.words == f"{ours.value:.3f} ({ours.low:.3f} to {ours.high:.3f})"
    assert tell_apart(3, 43, {}, champion="5") == "3 of these rows are new since champion 5."
