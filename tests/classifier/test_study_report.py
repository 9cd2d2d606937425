"""Study report: what it says of calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit

from classifier.study_file import Study
from classifier.study_report import write_report

STUDY = Study.model_validate(
    {"title": "A toy", "reference": "sure", "contenders": {"sure": {"config": "toy"}, "old": {"config": "toy"}}}
)
METRICS = dict.fromkeys(("roc_auc", "f1", "pr_auc", "accuracy", "brier"), 0.5)


def row(contender: str, split: int, **scores: Any) -> dict[str, Any]:
    place = {"contender": contender, "size": None, "split": split, "seed": 0, "n_train": 100 + split}
    return {
        **place,
        **METRICS,
        "train_seconds": 1.0,
        "seconds": 1.5,
        "key": f"{contender} {split}",
        "y_true_validation": [],
        "y_score_validation": [],
        **scores,
    }


def too_sure(seed: int, part: str = "") -> dict[str, Any]:
    generator = np.random.default_rng(seed)
    true = generator.normal(0, 1.5, 1000)
    truth = (generator.random(1000) < expit(true)).astype(int)
    return {f"y_true{part}": truth.tolist(), f"y_score{part}": expit(4 * true).tolist()}


def test_what_is_too_sure_is_shown_before_and_after_calibration_and_older_cells_have_no_after() -> None:
    sure = [row("sure", split, **too_sure(split), **too_sure(9 + split, "_validation")) for split in (0, 1)]
    old = [row("old", split, **too_sure(split)) for split in (0, 1)]
    lines = write_report(STUDY, [*sure, *old], command="agile study").splitlines()
    assert "### 100 training examples" in lines, "the median, where each split leaves another number"
    cells = {
        line.split(" | ")[0].strip("| "): line.split(" | ")
        for line in reversed(lines)
        if line.startswith(("| sure", "| old"))
    }
    before, after = (float(cell) for cell in cells["sure"][8:10])
    assert before > 0.1
    assert after < 0.05
    assert cells["old"][9].strip() == ""
