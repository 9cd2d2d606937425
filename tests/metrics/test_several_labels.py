"""Metrics of several labels: the means over labels of what scikit-learn measures of each, and intervals that hold them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from agile_classifier.errors import InputError
from agile_classifier.label_sets import two_columns
from agile_classifier.metrics.bootstrap import bootstrap_intervals, paired_differences
from agile_classifier.metrics.calibration import Calibration, calibration_error, fit_calibration
from agile_classifier.metrics.comparison import Answers, compare_slices, mcnemar
from agile_classifier.metrics.metrics import METRICS, evaluate_scores, predict

CUTS = (0.5, 0.3, 0.7)


def draw(seed: int, n: int = 60, n_labels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = (rng.random((n, n_labels)) < np.linspace(0.2, 0.6, n_labels)).astype(np.int64)
    truth[0], truth[1] = 0, 1
    score = np.round(np.clip(0.35 * truth + 0.65 * rng.random((n, n_labels)), 0, 1), 2)
    return truth, score


@given(st.integers(0, 200))
@settings(max_examples=25, deadline=None)
def test_each_metric_is_the_mean_that_scikit_learn_finds(seed: int) -> None:
    truth, score = draw(seed)
    found = evaluate_scores(y_true=truth, y_score=score, decision_threshold=CUTS)
    said = (score >= np.array(CUTS)).astype(int)
    assert (predict(score, CUTS) == said).all()
    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(truth, score, average="macro"))
    assert found["pr_auc"] == pytest.approx(sk.average_precision_score(truth, score, average="macro"))
    for name in ("macro", "micro"):
        assert found[f"f1_{name}"] == pytest.approx(sk.f1_score(truth, said, average=name, zero_division=0))
    assert found["f1"] == found["f1_macro"]
    assert found["accuracy"] == pytest.approx(1 - sk.hamming_loss(truth, said))
    assert found["brier"] == pytest.approx(((score - truth) ** 2).mean())


@given(st.integers(0, 100))
@settings(max_examples=10, deadline=None)
def test_one_label_beside_one_that_says_nothing_is_measured_as_two_classes_are(seed: int) -> None:
    truth, score = draw(seed)
    table = np.column_stack([truth[:, 0], np.zeros(len(truth), dtype=int)])
    probability = np.column_stack([score[:, 0], score[:, 1]])
    several = evaluate_scores(y_true=table, y_score=probability, decision_threshold=(0.5, 0.5))
    alone = evaluate_scores(y_true=truth[:, 0], y_score=two_columns(score[:, 0]), decision_threshold=0.5)
    for name in set(METRICS) - {"f1_macro", "f1_micro"}:
        assert several[name] == pytest.approx(alone[name])


def test_intervals_hold_the_metric_and_narrow_with_rows() -> None:
    widths = []
    for n in (80, 1280):
        truth, score = draw(1, n)
        found = evaluate_scores(y_true=truth, y_score=score, decision_threshold=CUTS)
        ends = bootstrap_intervals(y_true=truth, y_score=score, decision_threshold=CUTS, n_resamples=200, seed=0)
        assert all(ends[name][0] <= found[name] <= ends[name][1] for name in METRICS)
        widths.append(ends["roc_auc"][1] - ends["roc_auc"][0])
    assert widths[1] < widths[0] / 2


def test_a_difference_of_a_model_from_itself_is_none_and_from_a_worse_one_beyond_noise() -> None:
    truth, score = draw(2, 300)
    noise = np.random.default_rng(0).random(score.shape)
    given = {"same": (score, CUTS), "noise": (noise, CUTS)}
    found = paired_differences(truth, (score, CUTS), given, metrics=["roc_auc", "brier"], n_resamples=200, seed=0)
    assert found["same"]["roc_auc"].difference == 0
    assert found["noise"]["roc_auc"].low > 0
    assert found["noise"]["brier"].low > 0


def test_labels_that_no_map_is_fitted_to_are_said_to_have_none() -> None:
    truth, sure = np.eye(3, dtype=np.int64), np.full((3, 3), 0.7)
    fitted = fit_calibration("none", y_true=truth, y_score=sure)
    assert fitted == Calibration()
    assert fitted.in_words() == "probabilities as the network says them"
    assert fitted.of_label(2) == Calibration()
    mixed = Calibration(method="labels", labels=(Calibration(), Calibration(method="platt", slope=2.0)))
    assert mixed.in_words() == "calibrated on validation, 1 of 2 labels, each by a map of its own"
    assert mixed.of_label(1).slope == 2


def test_calibration_is_fitted_label_by_label() -> None:
    truth, score = draw(3, 400)
    sure = np.clip(score, 0.01, 0.99) ** 3
    fitted = fit_calibration("platt", y_true=truth, y_score=sure)
    assert fitted.in_words() == "calibrated on validation, 3 of 3 labels, each by a map of its own"
    assert len(fitted.labels) == 3
    apart = [fit_calibration("platt", y_true=truth[:, k], y_score=two_columns(sure[:, k])) for k in range(3)]
    expected = np.column_stack([one.apply(two_columns(sure[:, k]))[:, 1] for k, one in enumerate(apart)])
    assert fitted.apply(sure) == pytest.approx(expected)
    assert calibration_error(truth, fitted.apply(sure)) < calibration_error(truth, sure)
    assert type(fitted).model_validate_json(fitted.model_dump_json()) == fitted


def test_a_row_is_right_where_all_of_its_labels_are() -> None:
    truth = np.array([[1, 0], [0, 0], [1, 1], [0, 1]])
    perfect, half = Answers(truth.astype(float), (0.5, 0.5)), Answers(truth * np.array([1.0, 0.0]), (0.5, 0.5))
    found = mcnemar(truth, perfect, half)
    assert (found.only_candidate_right, found.only_comparator_right) == (2, 0)


def test_a_slice_whose_rows_are_all_alike_is_left_out() -> None:
    truth, score = draw(4)
    truth[:30] = truth[0]
    who = Answers(score, CUTS)
    rows = {"alike": np.arange(60) < 30, "all": np.ones(60, dtype=bool)}
    judged, left_out = compare_slices(truth, who, who, metric="roc_auc", slices=rows, min_rows=10)
    assert list(judged) == ["all"]
    assert left_out == {"alike": 30}


@pytest.mark.parametrize(
    ("truth", "score", "cuts", "words"),
    [
        (np.zeros((4, 2)), np.full((4, 2), 0.5), (0.5, 0.5), "nothing can be told apart"),
        (np.eye(4)[:, :2], np.full((4, 3), 0.5), (0.5, 0.5), "must be alike"),
        (np.eye(4)[:, :2], np.full((4, 2), 0.5), (0.5,), "1 decision thresholds for 2 labels"),
        (np.eye(4)[:, :2], np.full((4, 2), np.nan), (0.5, 0.5), "finite"),
    ],
)
def test_what_does_not_fit_is_refused(
    truth: np.ndarray, score: np.ndarray, cuts: tuple[float, ...], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        evaluate_scores(y_true=truth, y_score=score, decision_threshold=cuts)
