"""Calibration: maps that are right where the wrong is known, and refused where they cannot be fitted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.metrics import roc_auc_score

from agile_classifier.errors import InputError
from agile_classifier.metrics.calibration import Calibration, calibration_error, fit_calibration

METHODS = ("temperature", "platt", "isotonic")


def of_two(positive: np.ndarray) -> np.ndarray:
    return np.column_stack([1 - positive, positive])


def draw(n: int, seed: int, *, slope: float = 3.0, offset: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Texts whose true log-odds are said `slope` times too large, and shifted."""
    generator = np.random.default_rng(seed)
    true = generator.normal(0, 1.5, n)
    return (generator.random(n) < expit(true)).astype(int), of_two(expit(slope * true + offset))


@pytest.mark.parametrize("method", METHODS)
def test_a_model_that_is_too_sure_is_made_as_sure_as_it_should_be(method: str) -> None:
    y_true, y_score = draw(4000, 0)
    fitted = fit_calibration(method, y_true=y_true, y_score=y_score)
    test_true, test_score = draw(20000, 1)
    calibrated = fitted.apply(test_score)
    assert calibration_error(test_true, test_score) > 0.1
    assert calibration_error(test_true, calibrated) < 0.02
    assert np.allclose(calibrated.sum(axis=1), 1)


def test_temperature_and_platt_find_the_slope_and_the_shift_that_were_put_in() -> None:
    y_true, y_score = draw(20000, 2, slope=2.5, offset=1.0)
    platt = fit_calibration("platt", y_true=y_true, y_score=y_score)
    assert platt.slope == pytest.approx(1 / 2.5, rel=0.05)
    assert platt.offsets[1] == pytest.approx(-1.0 / 2.5, abs=0.05)
    temperature = fit_calibration("temperature", y_true=y_true, y_score=draw(20000, 2, slope=2.5)[1])
    assert temperature.slope == pytest.approx(1 / 2.5, rel=0.05)


@pytest.mark.parametrize("method", ["temperature", "platt"])
def test_scaling_keeps_the_order_of_the_texts(method: str) -> None:
    y_true, y_score = draw(300, 3, offset=2.0)
    calibrated = fit_calibration(method, y_true=y_true, y_score=y_score).apply(y_score)
    assert roc_auc_score(y_true, calibrated[:, 1]) == roc_auc_score(y_true, y_score[:, 1])


def test_of_more_classes_each_has_its_shift() -> None:
    generator = np.random.default_rng(4)
    true = generator.normal(0, 1.5, (20000, 3))
    y_true = np.asarray([generator.choice(3, p=row) for row in softmax(true, axis=1)])
    said = softmax(2 * true + np.asarray([0.0, 1.0, -1.0]), axis=1)
    fitted = fit_calibration("auto", y_true=y_true, y_score=said)
    assert fitted.method == "platt"
    assert np.abs(fitted.apply(said) - softmax(true, axis=1)).max() < 0.05


def test_auto_takes_what_the_fault_asks_for_and_leaves_what_is_right() -> None:
    y_true, y_score = draw(3000, 5, slope=1.0)
    kept = fit_calibration("auto", y_true=y_true, y_score=y_score).apply(y_score)
    assert calibration_error(y_true, kept) < 0.03
    y_true, y_score = draw(3000, 6, slope=2.0, offset=2.0)
    assert fit_calibration("auto", y_true=y_true, y_score=y_score).method == "platt"


def test_a_validation_that_is_told_apart_without_fault_makes_nothing_certain() -> None:
    y_true = np.asarray([0] * 10 + [1] * 10)
    y_score = of_two(np.where(y_true == 1, 0.9, 0.1))
    for method in ("temperature", "platt"):
        calibrated = fit_calibration(method, y_true=y_true, y_score=y_score).apply(y_score)
        assert 0.85 < calibrated[-1, 1] < 0.95, "Platt's target: 11 of 12"


def test_too_few_rows_change_nothing_and_are_refused_where_a_method_was_named() -> None:
    empty = {"y_true": np.empty(0, dtype=int), "y_score": np.empty((0, 2))}
    assert fit_calibration("auto", **empty) == Calibration()
    assert fit_calibration("none", **empty) == Calibration()
    with pytest.raises(InputError, match=r"evaluation\.calibration platt: 0 validation rows"):
        fit_calibration("platt", **empty)
    with pytest.raises(InputError, match="isotonic: of two classes only, here are 3"):
        fit_calibration("isotonic", y_true=[0, 1, 2], y_score=np.eye(3))


def test_a_map_survives_being_written_and_certain_scores_survive_the_map() -> None:
    y_true, y_score = draw(200, 7)
    certain = of_two(np.asarray([0.0, 1.0, 0.5]))
    for method in METHODS:
        fitted = fit_calibration(method, y_true=y_true, y_score=y_score)
        again = Calibration.model_validate_json(fitted.model_dump_json())
        assert np.array_equal(again.apply(certain), fitted.apply(certain))
        assert np.isfinite(again.apply(certain)).all()
    assert np.array_equal(Calibration().apply(certain), certain)


def test_calibration_error_is_small_of_honest_probabilities_and_large_of_boasting_ones() -> None:
    generator = np.random.default_rng(0)
    score = generator.uniform(size=20_000)
    truth = (generator.uniform(size=20_000) < score).astype(int)
    assert calibration_error(truth, of_two(score)) < 0.02
    boasting = np.where(score > 0.5, 0.99, 0.01)
    assert calibration_error(truth, of_two(boasting)) == pytest.approx(0.24, abs=0.02)
