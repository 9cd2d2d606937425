"""Metrics against scikit-learn and hand arithmetic."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agile_classifier.errors import GateRefused, InputError
from agile_classifier.metrics.bootstrap import bootstrap_intervals, paired_bootstrap, paired_differences
from agile_classifier.metrics.metrics import METRICS, confusion, evaluate_scores, predict
from agile_classifier.metrics.thresholds import choose_decision_threshold

HAND_TRUE = [0, 0, 1, 1]
CUTS = (0.75, 0.55, 0.4, 0.15)
HAND_POSITIVE = np.array([0.1, 0.6, 0.4, 0.9])


def two_columns(positive: np.ndarray) -> np.ndarray:
    return np.column_stack([1 - positive, positive])


def noisy_scores(n: int, n_classes: int, *, lift: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Classes and probabilities that know them a little; rounded, so that scores tie."""
    generator = np.random.default_rng(seed)
    y_true = np.concatenate([np.arange(n_classes), generator.integers(0, n_classes, n - n_classes)])
    weight = np.round(generator.random((n, n_classes)), 1) + 0.1
    weight[np.arange(n), y_true] += lift
    return y_true, weight / weight.sum(axis=1, keepdims=True)


def test_four_rows_agree_with_hand_arithmetic() -> None:
    found = evaluate_scores(y_true=HAND_TRUE, y_score=two_columns(HAND_POSITIVE), decision_threshold=0.5)
    # flagged: rows 1 and 3; of the four pairs of one text of each class, three are in order
    assert found["precision"] == found["recall"] == found["f1"] == found["accuracy"] == 0.5
    assert found["roc_auc"] == 0.75
    assert found["pr_auc"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert found["brier"] == pytest.approx((0.01 + 0.36 + 0.36 + 0.01) / 4)


positives = st.integers(4, 40).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.int64, n, elements=st.integers(0, 1)).filter(lambda labels: len(set(labels)) == 2),
        hnp.arrays(np.float64, n, elements=st.integers(0, 12).map(lambda step: step / 12)),
        st.integers(1, 11).map(lambda step: step / 12),
    )
)


@given(positives)
@settings(max_examples=30, deadline=None)
def test_two_classes_agree_with_scikit_learn_ties_included(rows: tuple[np.ndarray, np.ndarray, float]) -> None:
    y_true, positive, threshold = rows
    y_pred = (positive >= threshold).astype(int)
    expected = {
        "f1": oracle.f1_score(y_true, y_pred, zero_division=0),
        "f1_macro": oracle.f1_score(y_true, y_pred, average="macro", zero_division=0),
        "f1_micro": oracle.f1_score(y_true, y_pred, average="micro", zero_division=0),
        "accuracy": oracle.accuracy_score(y_true, y_pred),
        "precision": oracle.precision_score(y_true, y_pred, zero_division=0),
        "recall": oracle.recall_score(y_true, y_pred, zero_division=0),
        "roc_auc": oracle.roc_auc_score(y_true, positive),
        "pr_auc": oracle.average_precision_score(y_true, positive),
        "brier": oracle.brier_score_loss(y_true, positive),
    }
    found = evaluate_scores(y_true=y_true, y_score=two_columns(positive), decision_threshold=threshold)
    assert found == pytest.approx(expected, abs=1e-12)
    assert set(found) == set(METRICS)


@pytest.mark.parametrize("n_classes", [3, 7])
def test_more_classes_agree_with_scikit_learn(n_classes: int) -> None:
    y_true, y_score = noisy_scores(300, n_classes, lift=0.5)
    y_pred, one_hot = y_score.argmax(axis=1), np.eye(n_classes)[y_true]
    expected = {
        "f1": oracle.f1_score(y_true, y_pred, average="macro"),
        "f1_macro": oracle.f1_score(y_true, y_pred, average="macro"),
        "f1_micro": oracle.f1_score(y_true, y_pred, average="micro"),
        "accuracy": oracle.accuracy_score(y_true, y_pred),
        "precision": oracle.precision_score(y_true, y_pred, average="macro"),
        "recall": oracle.recall_score(y_true, y_pred, average="macro"),
        "roc_auc": oracle.roc_auc_score(y_true, y_score, multi_class="ovr", average="macro"),
        "pr_auc": oracle.average_precision_score(one_hot, y_score, average="macro"),
        "brier": ((y_score - one_hot) ** 2).sum(axis=1).mean(),
    }
    assert evaluate_scores(y_true=y_true, y_score=y_score, decision_threshold=None) == pytest.approx(expected)


def test_a_class_without_rows_is_left_out_of_averages() -> None:
    y_score = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.7, 0.1, 0.2], [0.1, 0.8, 0.1]])
    found = evaluate_scores(y_true=[0, 1, 0, 1], y_score=y_score, decision_threshold=None)
    assert found["f1_macro"] == found["roc_auc"] == found["pr_auc"] == 1


@pytest.mark.parametrize(
    ("y_true", "y_score", "said"),
    [
        ([0, 0], [[0.5, 0.5], [0.2, 0.8]], "fewer than two classes"),
        ([0, 1], [[0.5, 0.5], [0.2, 0.9]], "sum to 1"),
        ([0, 1], [[np.nan, 0.5], [0.2, 0.8]], "finite"),
        ([0, 2], [[0.5, 0.5], [0.2, 0.8]], "2 columns"),
        ([0, 1, 1], [[0.5, 0.5], [0.2, 0.8]], "allowed is"),
        ([0, 1], [0.5, 0.8], "allowed is"),
        ([], np.empty((0, 2)), "fewer than two classes"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(y_true: list[int], y_score: list[float], said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        evaluate_scores(y_true=y_true, y_score=y_score, decision_threshold=0.5)
    assert "\n" not in str(refused.value)


def test_a_probability_at_the_threshold_is_class_1() -> None:
    assert predict(two_columns(np.array([0.25, 0.2499, 0.9])), 0.25).tolist() == [1, 0, 1]
    assert predict(two_columns(np.array([0.5, 0.49])), None).tolist() == [1, 0]


def test_more_than_two_classes_take_the_likeliest_and_no_threshold() -> None:
    y_score = [[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]]
    assert predict(y_score, None).tolist() == [1, 0]
    with pytest.raises(InputError, match="3 classes have none"):
        predict(y_score, 0.5)


def test_confusion_counts_truth_in_rows_and_prediction_in_columns() -> None:
    y_true, y_pred = [0, 0, 1, 2, 2], [0, 1, 1, 0, 2]
    found = confusion(y_true=y_true, y_pred=y_pred, n_classes=4)
    assert found.tolist() == oracle.confusion_matrix(y_true, y_pred, labels=range(4)).tolist()


def test_the_interval_of_accuracy_is_that_of_the_normal_approximation() -> None:
    n, n_right = 400, 300
    y_true = np.arange(n) % 2
    positive = np.where(np.arange(n) < n_right, y_true, 1 - y_true).astype(float)
    low, high = bootstrap_intervals(
        y_true=y_true, y_score=two_columns(positive), decision_threshold=0.5, n_resamples=4000, seed=1
    )["accuracy"]
    half = 1.96 * np.sqrt(0.75 * 0.25 / n)
    assert (low, high) == pytest.approx((0.75 - half, 0.75 + half), abs=0.006)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_intervals_agree_with_a_plain_loop_over_scikit_learn(n_classes: int) -> None:
    y_true, y_score = noisy_scores(120, n_classes, lift=0.3)
    scored = y_score[:, 1] if n_classes == 2 else y_score
    generator, drawn = np.random.default_rng(9), []
    for _ in range(200):
        rows = generator.integers(0, 120, 120)
        drawn.append(oracle.roc_auc_score(y_true[rows], scored[rows], multi_class="ovr"))
    found = bootstrap_intervals(y_true=y_true, y_score=y_score, decision_threshold=None, n_resamples=1000, seed=0)
    assert found["roc_auc"] == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=0.03)
    assert set(found) == set(METRICS)


def test_the_same_seed_gives_the_same_intervals_and_another_seed_others() -> None:
    y_true, y_score = noisy_scores(60, 2, lift=0.2)
    first, again, other = (
        bootstrap_intervals(y_true=y_true, y_score=y_score, decision_threshold=0.5, n_resamples=100, seed=seed)
        for seed in (3, 3, 4)
    )
    assert first == again != other


def test_resamples_of_a_single_class_are_drawn_again() -> None:
    y_true, positive = [0] * 19 + [1], np.linspace(0, 0.95, 20)  # 36 % of resamples miss the last row
    found = bootstrap_intervals(y_true=y_true, y_score=two_columns(positive), decision_threshold=0.9, seed=0)
    assert found["roc_auc"] == (1, 1)
    assert found["recall"] == (1, 1)


def test_a_thousand_resamples_of_3200_rows_take_seconds() -> None:
    y_true, y_score = noisy_scores(3200, 2, lift=0.2)
    started = time.process_time()
    bootstrap_intervals(y_true=y_true, y_score=y_score, decision_threshold=0.5, n_resamples=1000, seed=0)
    assert time.process_time() - started < 5  # seconds of computing time; 0.7 when this was written


def test_a_model_does_not_differ_from_itself() -> None:
    y_true, y_score = noisy_scores(50, 2, lift=0.2)
    found = paired_bootstrap(
        y_true=y_true, candidate_score=y_score, comparator_score=y_score, metric="roc_auc", n_resamples=200, seed=0
    )
    assert (found.difference, found.low, found.high, found.n, found.metric) == (0, 0, 0, 50, "roc_auc")


@pytest.mark.parametrize("metric", METRICS)
def test_a_better_candidate_has_a_positive_difference_in_every_metric(metric: str) -> None:
    y_true, good = noisy_scores(300, 2, lift=1.5)
    _, poor = noisy_scores(300, 2, lift=0.0)
    better = paired_bootstrap(
        y_true=y_true, candidate_score=good, comparator_score=poor, metric=metric, n_resamples=300, seed=0
    )
    worse = paired_bootstrap(
        y_true=y_true, candidate_score=poor, comparator_score=good, metric=metric, n_resamples=300, seed=0
    )
    values = [evaluate_scores(y_true=y_true, y_score=score, decision_threshold=None)[metric] for score in (good, poor)]
    assert abs(better.difference) == pytest.approx(abs(values[0] - values[1]))
    assert 0 < better.low < better.difference < better.high
    assert (worse.low, worse.high) == pytest.approx((-better.high, -better.low))


def test_pairing_sees_a_gain_that_separate_intervals_hide() -> None:
    y_true, comparator = noisy_scores(400, 2, lift=0.3)
    candidate = comparator.copy()
    flagged = y_true == 1
    candidate[flagged, 1] += 0.03
    candidate /= candidate.sum(axis=1, keepdims=True)
    paired = paired_bootstrap(
        y_true=y_true, candidate_score=candidate, comparator_score=comparator, metric="roc_auc", seed=0
    )
    apart = [
        bootstrap_intervals(y_true=y_true, y_score=score, decision_threshold=None, seed=0)["roc_auc"]
        for score in (candidate, comparator)
    ]
    assert paired.low > 0
    assert apart[0][0] < apart[1][1]


def test_each_model_is_compared_at_its_own_threshold() -> None:
    y_true, y_score = noisy_scores(80, 2, lift=0.4)
    shared: dict[str, Any] = {"y_true": y_true, "candidate_score": y_score, "comparator_score": y_score, "metric": "f1"}
    found = paired_bootstrap(**shared, candidate_threshold=0.4, comparator_threshold=0.6, n_resamples=100, seed=0)
    values = [
        evaluate_scores(y_true=y_true, y_score=y_score, decision_threshold=threshold)["f1"] for threshold in (0.4, 0.6)
    ]
    assert found.difference == pytest.approx(values[0] - values[1])


def test_several_models_in_several_metrics_at_once_are_those_one_at_a_time() -> None:
    y_true, candidate = noisy_scores(200, 2, lift=0.6)
    others = {
        name: (noisy_scores(200, 2, lift=lift)[1], cut) for name, lift, cut in (("a", 0.2, 0.4), ("b", 0.0, None))
    }
    found = paired_differences(y_true, (candidate, 0.5), others, metrics=list(METRICS), n_resamples=300, seed=3)
    for name, (y_score, cut) in others.items():
        for metric in METRICS:
            assert found[name][metric] == paired_bootstrap(
                y_true=y_true, candidate_score=candidate, comparator_score=y_score, metric=metric,
                candidate_threshold=0.5, comparator_threshold=cut, n_resamples=300, seed=3,
            )  # fmt: skip


def test_an_unknown_metric_is_refused_with_the_known_ones() -> None:
    y_true, y_score = noisy_scores(20, 2, lift=0.2)
    with pytest.raises(InputError, match=r"allowed are f1, .*brier"):
        paired_bootstrap(y_true=y_true, candidate_score=y_score, comparator_score=y_score, metric="auc", seed=0)


def test_the_chosen_threshold_lies_midway_between_the_scores_it_parts() -> None:
    positive = np.array([0.1, 0.2, 0.3, 0.6, 0.7])
    assert choose_decision_threshold(y_true=[0, 0, 0, 1, 1], y_score_positive=positive) == pytest.approx(0.45)


def test_of_equally_good_thresholds_the_nearest_to_a_half_is_chosen() -> None:
    # flagging the first row alone, or all four, has F1 2/3; what lies between has less
    tied: dict[str, list[float]] = {"y_true": [1, 0, 0, 1], "y_score_positive": [0.9, 0.6, 0.5, 0.3]}
    reached = {cut: oracle.f1_score(tied["y_true"], np.greater_equal(tied["y_score_positive"], cut)) for cut in CUTS}
    assert reached == pytest.approx({0.75: 2 / 3, 0.55: 1 / 2, 0.4: 2 / 5, 0.15: 2 / 3})
    assert choose_decision_threshold(**tied) == pytest.approx(0.75)


def test_where_flagging_everything_is_best_the_threshold_lies_below_the_lowest_score() -> None:
    assert choose_decision_threshold(y_true=[0, 1, 1], y_score_positive=[0.9, 0.9, 0.8]) == pytest.approx(0.4)


@given(positives)
@settings(max_examples=25, deadline=None)
def test_no_cut_has_a_better_f1_than_the_chosen_one(rows: tuple[np.ndarray, np.ndarray, float]) -> None:
    y_true, positive, _ = rows
    chosen = choose_decision_threshold(y_true=y_true, y_score_positive=positive)
    reached = oracle.f1_score(y_true, positive >= chosen, zero_division=0)
    best = max(oracle.f1_score(y_true, positive >= cut, zero_division=0) for cut in {0.0, *positive.tolist()})
    assert 0 <= chosen <= 1
    assert reached == pytest.approx(best)


def test_neighbouring_floats_are_parted() -> None:
    low = 0.5
    high = np.nextafter(low, 1)
    chosen = choose_decision_threshold(y_true=[0, 1], y_score_positive=[low, high])
    assert low < chosen <= high


def test_metrics_and_promotion_load_without_torch_or_great_expectations() -> None:
    heavy = "{'torch', 'transformers', 'great_expectations', 'zenml', 'mlflow'}"
    code = f"import sys, agile_classifier.metrics.metrics, agile_classifier.ops.promotion.gate; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


CUT_TRUTH = np.asarray([1, 1, 0, 1, 0, 1, 0, 0])
CUT_SCORES = np.asarray([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2])


@pytest.mark.parametrize(
    ("policy", "wanted", "cut"),
    [
        ("best_f1", {}, 0.35),  # 4 of 6 flagged: F1 0.8
        ("precision", {"least": 1.0}, 0.75),
        ("precision", {"least": 0.75}, 0.55),
        ("recall", {"least": 1.0}, 0.35),
        ("recall", {"least": 0.5}, 0.75),
        ("cost", {"false_negative_cost": 0.5}, 0.75),  # 0 + 1.0 against 1 + 0.5 and 2 + 0
        ("cost", {"false_negative_cost": 5.0}, 0.35),
    ],
)
def test_each_policy_takes_the_cut_that_it_names(policy: str, wanted: dict[str, float], cut: float) -> None:
    found = choose_decision_threshold(y_true=CUT_TRUTH, y_score_positive=CUT_SCORES, policy=policy, **wanted)
    assert found == pytest.approx(cut)


@pytest.mark.parametrize("top", [0.9, float(np.nextafter(1, 0))])
def test_where_an_error_costs_more_than_it_spares_nothing_is_flagged(top: float) -> None:
    cut = choose_decision_threshold(
        y_true=[0, 1, 0, 1], y_score_positive=[top, 0.8, 0.7, 0.2], policy="cost", false_negative_cost=0.3
    )
    assert cut == pytest.approx((1 + top) / 2)  # it costs 0.6, the next one 1.6
    assert top < cut <= 1


def test_no_threshold_is_above_a_score_of_one() -> None:
    cut = choose_decision_threshold(
        y_true=[0, 0, 1], y_score_positive=[1.0, 0.4, 0.2], policy="cost", false_negative_cost=0.3
    )
    assert cut == pytest.approx(0.7)  # it costs 1.3, where the 0.3 of flagging nothing is out of reach


@given(positives, st.sampled_from((0.05, 0.3, 1.0, 5.0)))
@settings(max_examples=25, deadline=None)
def test_no_cut_costs_less_than_the_chosen_one(rows: tuple[np.ndarray, np.ndarray, float], missed: float) -> None:
    y_true, positive, _ = rows

    def cost(cut: float) -> float:
        flagged = positive >= cut
        return float((flagged & (y_true == 0)).sum() + missed * (~flagged & (y_true == 1)).sum())

    chosen = choose_decision_threshold(
        y_true=y_true, y_score_positive=positive, policy="cost", false_negative_cost=missed
    )
    assert 0 <= chosen <= 1
    assert cost(chosen) == pytest.approx(min(cost(cut) for cut in {0.0, 1.0, *positive.tolist()}))


def test_what_no_cut_reaches_is_refused_with_the_best_that_there_is() -> None:
    with pytest.raises(GateRefused, match=r"precision: 0\.9 is wanted, 0\.500 is the best that a cut reaches on 4"):
        choose_decision_threshold(
            y_true=[0, 1, 0, 1], y_score_positive=[0.9, 0.8, 0.3, 0.1], policy="precision", least=0.9
        )
