"""Views of one of several labels: what a classifier of two classes would be given, and names that MLflow takes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from agile_classifier.config.evaluation import EvaluationConfig
from agile_classifier.errors import GateRefused
from agile_classifier.evaluation.contenders import choose_threshold, evaluate_contenders, score_baselines
from agile_classifier.evaluation.score_tables import compare_with_baselines, read_scores, score_table
from agile_classifier.evaluation.several.views import flat_names, read_truth, view_label, view_scores
from agile_classifier.label_sets import join_labels
from agile_classifier.metrics.calibration import Calibration

NAMES = ("race", "gender")


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    present = rng.random((120, 2)) < 0.4
    words = [
        " ".join([*(["skin"] if race else []), *(["girl"] if gender else []), "a", "text"]) for race, gender in present
    ]
    return pd.DataFrame({"id": map(str, range(120)), "text": words, "label": join_labels(present)})


@pytest.fixture(scope="module")
def scores(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    truth, rng = read_truth(rows, n_labels=2), np.random.default_rng(1)
    return {
        "candidate": 0.5 * truth + 0.5 * rng.random(truth.shape),
        "majority": np.tile(truth.mean(axis=0), (len(truth), 1)),
    }


def test_a_label_is_seen_as_two_classes(rows: pd.DataFrame) -> None:
    truth = read_truth(rows, n_labels=2)
    for place in range(2):
        assert (view_label(rows, place, n_labels=2)["label"].to_numpy() == truth[:, place]).all()


def test_scores_of_a_label_are_those_of_two_classes(rows: pd.DataFrame, scores: dict[str, np.ndarray]) -> None:
    table = score_table(rows, scores)
    view = view_scores(table, 1, n_labels=2, names=list(scores))
    found = read_scores(view, "candidate")
    assert found[:, 1] == pytest.approx(scores["candidate"][:, 1])
    assert found.sum(axis=1) == pytest.approx(np.ones(120))


def test_each_label_is_evaluated_as_by_itself_and_the_mean_beside(
    rows: pd.DataFrame, scores: dict[str, np.ndarray]
) -> None:
    truth, cuts = read_truth(rows, n_labels=2), {"candidate": (0.5, 0.4), "majority": (0.5, 0.5)}
    calibrations = {"candidate": Calibration(method="labels", labels=(Calibration(), Calibration()))}
    shared = {"n_resamples": 100, "seed": 0, "n_cut": {"test": 0}, "n_escaped": {"test": 0}}
    made = evaluate_contenders(
        truth, scores, thresholds=cuts, calibrations=calibrations, label_names=NAMES, **shared
    )  # fmt: skip
    for metric in ("f1", "roc_auc", "precision"):
        each = [one.metrics["candidate"][metric] for one in made.labels.values()]
        assert made.metrics["candidate"][metric] == pytest.approx(np.mean(each))
    differences = compare_with_baselines(made, score_table(rows, scores), metric="roc_auc")
    assert differences["majority"].low > 0
    assert type(made).model_validate_json(made.model_dump_json()) == made


def test_baselines_learn_each_label_by_itself(rows: pd.DataFrame) -> None:
    parts = {"test": rows[80:]}
    found = score_baselines(rows[:80], parts, names=("majority", "tfidf"), n_classes=2, several=True)
    truth = read_truth(rows[80:], n_labels=2)
    assert ((found["tfidf"]["test"] > 0.5) == (truth == 1)).mean() > 0.9
    assert found["majority"]["test"][0] == pytest.approx(read_truth(rows[:80], n_labels=2).mean(axis=0))


def test_a_policy_that_no_cut_keeps_names_the_label(rows: pd.DataFrame) -> None:
    truth = read_truth(rows, n_labels=2)
    score = np.column_stack([truth[:, 0].astype(float), 1 - truth[:, 1]])
    settings = EvaluationConfig(decision_threshold="precision", least=0.95)
    with pytest.raises(GateRefused, match=r"label gender: evaluation.decision_threshold precision: 0.95 is wanted"):
        choose_threshold(settings, y_true=truth, y_score=score, n_classes=2, names=NAMES)


def test_names_that_mlflow_would_make_one_stay_apart() -> None:
    found = flat_names({"人种": {"f1": 0.1}, "性别": {"f1": 0.2}, "a b": {"f1": 0.3}}, metrics=("f1",))
    assert found == {
        "worst_label_test_f1": 0.1,
        "label____0_test_f1": 0.1,
        "label____1_test_f1": 0.2,
        "label_a b_test_f1": 0.3,
    }
