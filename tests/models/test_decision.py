"""Decision: bands beside the threshold, and versions that were made before there were any."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from agile_classifier.metrics.bands import Bands, Promise
from agile_classifier.metrics.calibration import Calibration
from agile_classifier.models.decision import DECISION_FILE, Decision

SCORES = np.array([[0.95, 0.05], [0.6, 0.4], [0.4, 0.6], [0.05, 0.95]])
BANDS = Bands(
    class_number=1, class_name="rude", confidence=0.9, n_rows=100, n_positive=50,
    removal=Promise(level=0.9, cut=0.9, n=50, n_wrong=0, bound=0.92), release=Promise(level=0.1, cut=0.2, n=50, n_wrong=0),
)  # fmt: skip


def test_a_version_of_before_has_no_bands_and_answers_as_ever(tmp_path: Path) -> None:
    (tmp_path / DECISION_FILE).write_text('{"decision_threshold":0.5}', encoding="utf-8")
    decided = Decision.load(tmp_path).apply(SCORES)
    assert decided.bands is None
    assert decided.y_pred.tolist() == [0, 0, 1, 1]


def test_bands_cut_what_the_network_says_and_not_what_calibration_makes_of_it(tmp_path: Path) -> None:
    merged = Calibration(method="isotonic", knots=((0.0, 0.5), (1.0, 0.5)))
    Decision(decision_threshold=0.5, calibration=merged, bands=BANDS).save(tmp_path)
    decided = Decision.load(tmp_path).apply(SCORES)
    assert decided.y_score.tolist() == [[0.5, 0.5]] * 4
    assert decided.bands is not None
    assert decided.bands.tolist() == ["release", "review", "review", "remove"]
    assert all(type(answer) is str for answer in decided.bands)


def test_no_texts_have_no_decisions() -> None:
    decided = Decision(decision_threshold=None, bands=BANDS).apply(np.empty((0, 2)))
    assert decided.bands is not None
    assert (len(decided.bands), len(decided.y_pred)) == (0, 0)
