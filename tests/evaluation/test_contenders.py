"""Evaluation: names in MLflow, thresholds by rule, and one table that all comparisons read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from agile_classifier.config.evaluation import EvaluationConfig
from agile_classifier.errors import GateRefused, InputError
from agile_classifier.evaluation.contenders import (
    HEADLINE,
    PREFIXES,
    Evaluation,
    choose_baseline_threshold,
    choose_threshold,
    evaluate_contenders,
    score_baselines,
)
from agile_classifier.evaluation.score_tables import read_scores, score_table
from agile_classifier.models.classical.baselines import score_tfidf_logistic

RNG = np.random.default_rng(0)
Y_TRUE = RNG.integers(0, 2, 60)


def binary(y_score_positive: np.ndarray) -> np.ndarray:
    return np.column_stack([1 - y_score_positive, y_score_positive])


SCORES = {
    "candidate": binary((0.4 * Y_TRUE + 0.6 * RNG.random(60)).round(4)),
    "last": binary((0.1 * Y_TRUE + 0.9 * RNG.random(60)).round(4)),
    "majority": binary(np.full(60, 0.5)),
    "tfidf": binary(RNG.random(60).round(4)),
}
THRESHOLDS = {"candidate": 0.45, "last": 0.5, "majority": 0.5, "tfidf": 0.5}


CHANGED = {"n_cut": {"train": 5, "validation": 0, "test": 3}, "n_escaped": {"train": 0, "validation": 0, "test": 1}}


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return evaluate_contenders(
        Y_TRUE, SCORES, thresholds=THRESHOLDS, calibrations={}, n_resamples=200, seed=0, **CHANGED
    )


def test_metrics_are_logged_under_flat_names_that_say_whose_they_are(evaluation: Evaluation) -> None:
    flat = evaluation.flat()
    assert len(flat) == 4 * len(evaluation.metrics["candidate"]) + 2
    assert (flat["n_cut_test"], flat["n_escaped_test"]) == (3, 1)
    assert flat["test_f1"] == evaluation.metrics["candidate"]["f1"]
    assert flat["last_test_f1"] == evaluation.metrics["last"]["f1"]
    assert flat["baseline_majority_test_accuracy"] == evaluation.metrics["majority"]["accuracy"]
    assert flat["baseline_tfidf_test_roc_auc"] == evaluation.metrics["tfidf"]["roc_auc"]


def test_mlflow_shows_six_metrics_first_and_baselines_last(evaluation: Evaluation) -> None:
    logged = evaluation.logged()
    training = ("epoch", "largest_parity_error", "learning_rate", "train_loss", "training_seconds", "validation_f1")
    names = sorted([*logged, *training])
    assert names[:6] == [f"best/{name}" for name in sorted(HEADLINE)]
    baselines = [name for name in names if "baseline_" in name]
    assert names[-len(baselines) :] == baselines
    assert logged["vs_baseline_tfidf_test_roc_auc"] == evaluation.metrics["tfidf"]["roc_auc"]
    assert logged["test_f1"] == logged["best/f1"] == evaluation.metrics["candidate"]["f1"]


def test_no_two_contenders_share_a_prefix() -> None:
    assert len(set(PREFIXES.values())) == len(PREFIXES)


def test_each_contender_is_measured_at_its_own_threshold_on_the_same_rows(evaluation: Evaluation) -> None:
    for name, y_score in SCORES.items():
        assert evaluation.metrics[name]["f1"] == pytest.approx(f1_score(Y_TRUE, y_score[:, 1] >= THRESHOLDS[name]))
        assert evaluation.metrics[name]["roc_auc"] == pytest.approx(roc_auc_score(Y_TRUE, y_score[:, 1]))
        for metric, (low, high) in evaluation.intervals[name].items():
            assert low <= high, metric
    assert (evaluation.n_test, evaluation.n_cut["test"], evaluation.decision_threshold) == (60, 3, 0.45)


def test_equal_scores_have_equal_intervals_because_the_resamples_are_the_same() -> None:
    twins = dict.fromkeys(("candidate", "last"), SCORES["candidate"])
    found = evaluate_contenders(
        Y_TRUE, twins, thresholds=dict.fromkeys(twins, 0.5), calibrations={}, n_resamples=100, seed=7, **CHANGED
    )
    assert found.intervals["candidate"] == found.intervals["last"]


def test_an_evaluation_survives_json(evaluation: Evaluation) -> None:
    assert Evaluation.model_validate(json.loads(evaluation.model_dump_json())) == evaluation


VALIDATION = np.array([0, 0, 0, 1, 1])
VALIDATION_SCORE = binary(np.array([0.1, 0.2, 0.55, 0.6, 0.9]))
NOTHING = np.empty(0, dtype=np.int64)
RULES = [
    ("a number stands", 0.3, VALIDATION, VALIDATION_SCORE, 2, 0.3),
    ("a number needs no validation", 0.3, NOTHING, np.empty((0, 2)), 2, 0.3),
    ("best F1 lies midway between the classes", "best_f1", VALIDATION, VALIDATION_SCORE, 2, 0.575),
    ("best F1 is 0.5 without validation", "best_f1", NOTHING, np.empty((0, 2)), 2, 0.5),
    ("best F1 is 0.5 where validation holds one class", "best_f1", VALIDATION[:3], VALIDATION_SCORE[:3], 2, 0.5),
    ("three classes have none", "best_f1", VALIDATION, np.full((5, 3), 1 / 3), 3, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("_case", "rule", "y_true", "y_score", "n_classes", "expected"), RULES, ids=[rule[0] for rule in RULES]
)
def test_a_decision_threshold_follows_its_rule(
    _case: str, rule: str | float, y_true: np.ndarray, y_score: np.ndarray, n_classes: int, expected: float | None
) -> None:
    settings = EvaluationConfig.model_validate({"decision_threshold": rule})
    found = choose_threshold(settings, y_true=y_true, y_score=y_score, n_classes=n_classes)
    assert found == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    "asked",
    [
        {"decision_threshold": 0.3},
        {"decision_threshold": "cost"},
        {"decision_threshold": "precision", "least": 0.9},
        {"decision_threshold": "recall", "least": 0.9},
    ],
    ids=lambda asked: str(asked["decision_threshold"]),
)
def test_a_cut_that_three_classes_do_not_have_is_refused_and_never_passed_over(asked: dict[str, Any]) -> None:
    settings = EvaluationConfig.model_validate(asked)
    y_true, y_score = np.array([0, 1, 2]), np.full((3, 3), 1 / 3)
    said = (
        rf"decision_threshold {asked['decision_threshold']} is a cut between two classes, found 3 .*allowed .*best_f1"
    )
    for choose in (choose_threshold, choose_baseline_threshold):
        with pytest.raises(InputError, match=said):
            choose(settings, y_true=y_true, y_score=y_score, n_classes=3)


def table_of(scores: dict[str, np.ndarray]) -> pd.DataFrame:
    test = pd.DataFrame({"id": [f"row {n}" for n in range(60)], "text": "t", "label": Y_TRUE, "score": 0.5})
    return score_table(test.sample(frac=1, random_state=0), scores)


def test_scores_are_read_back_by_name_even_where_one_name_continues_another(tmp_path: Path) -> None:
    names = ("tfidf", "tfidf_svm", "tfidf_svm_2", "a", "a_0")
    scores = {name: RNG.random((60, 3)) for name in names}
    table_of(scores).to_parquet(tmp_path / "table.parquet")
    table = pd.read_parquet(tmp_path / "table.parquet")
    for name, y_score in scores.items():
        assert np.array_equal(read_scores(table, name), y_score)


def test_a_table_of_many_classes_keeps_their_order() -> None:
    y_score = RNG.random((60, 12))
    assert np.array_equal(read_scores(table_of({"candidate": y_score}), "candidate"), y_score)


def test_a_table_holds_one_row_a_test_example_and_nothing_that_no_comparison_needs() -> None:
    table = table_of({"candidate": SCORES["candidate"]})
    assert table.columns.tolist() == ["id", "text", "label", "candidate_0", "candidate_1"]
    assert table.index.tolist() == list(range(60))
    assert sorted(table["id"]) == sorted(f"row {n}" for n in range(60))


def test_baselines_learn_from_train_and_score_the_same_test_rows(tiny_examples: pd.DataFrame) -> None:
    labelled = tiny_examples.assign(label=(tiny_examples["score"] >= 0.5).astype(int))
    train, test = labelled[:80].reset_index(drop=True), labelled[80:].reset_index(drop=True)
    others = {"validation": test[:15], "test": test[15:]}
    by_part = score_baselines(train, others, names=("majority", "tfidf"), n_classes=2)
    assert {part: len(found) for part, found in by_part["tfidf"].items()} == {"validation": 15, "test": 25}
    scores = {name: np.concatenate(list(found.values())) for name, found in by_part.items()}
    assert {name: y_score.shape for name, y_score in scores.items()} == {"majority": (40, 2), "tfidf": (40, 2)}
    assert scores["majority"][:, 1] == pytest.approx(train["label"].mean())
    alone = score_tfidf_logistic(
        train_text=list(train["text"]), train_label=train["label"], test_text=list(test["text"]), n_classes=2
    )
    assert np.array_equal(scores["tfidf"], alone)
    assert roc_auc_score(test["label"], scores["tfidf"][:, 1]) > 0.9


def test_a_baseline_is_cut_by_the_same_policy_and_at_a_half_where_no_cut_keeps_it() -> None:
    read = EvaluationConfig.model_validate
    rows: dict[str, Any] = {"y_true": VALIDATION, "y_score": VALIDATION_SCORE, "n_classes": 2}
    assert choose_baseline_threshold(read({}), **rows) == choose_threshold(read({}), **rows)
    precise = read({"decision_threshold": "precision", "least": 0.99})
    useless = {**rows, "y_score": binary(np.array([0.9, 0.9, 0.9, 0.1, 0.1]))}
    with pytest.raises(GateRefused):
        choose_threshold(precise, **useless)
    assert choose_baseline_threshold(precise, **useless) == 0.5
