"""Tables of a study: what they say of calibration, and what they set beside published figures."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit

from agile_classifier.studies.blend import Result
from agile_classifier.studies.cells import Trial
from agile_classifier.studies.file import Published, Study
from agile_classifier.studies.grid import Place
from agile_classifier.studies.report.markdown import write_report

STUDY = Study.model_validate(
    {"title": "A toy", "reference": "sure", "contenders": {"sure": {"config": "toy"}, "old": {"config": "toy"}}}
)
METRICS = dict.fromkeys(("roc_auc", "f1", "pr_auc", "accuracy", "brier"), 0.5)


def row(contender: str, split: int, **facts: Any) -> Result:
    trial: dict[str, Any] = {
        "metrics": METRICS, "decision_threshold": 0.5, "y_true_validation": [], "y_score_validation": [],
        "n_train": 100 + split, "train_seconds": 1.0, "seconds": 1.5, "peak_gigabytes": 1.0, **facts,
    }  # fmt: skip
    return Result(Place(contender=contender, split=split), Trial(**trial), f"{contender} {split}")


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
    before, after = ([float(error) for error in cell.split(" / ")] for cell in cells["sure"][8:10])
    assert min(before) > 0.1
    assert max(after) < 0.05
    assert cells["old"][9].strip() == ""


def test_beside_a_published_figure_stand_ours_on_that_split_alone_with_what_its_rows_leave_open() -> None:
    published = [
        {"name": "Theirs", "source": "a paper", "split": 1, "roc_auc": 0.8},
        {"name": "Others", "source": "a table", "f1_macro": 0.7},
    ]
    study = STUDY.model_copy(update={"published": tuple(map(Published.model_validate, published))})
    truth, sure = [0, 1] * 20, np.tile([0.2, 0.8], 20)
    rows = [
        row("sure", split, y_true=truth, y_score=sure.tolist(), metrics={**METRICS, "roc_auc": auc})
        for split, auc in ((0, 0.6), (1, 1.0))
    ]
    page = write_report(study, rows, command="agile study")
    assert "| who | examples | ROC AUC | F1, macro | source |" in page
    assert "| Theirs |  | 0.800 |  | a paper |" in page
    alone = page[page.index("### On split 1 alone") :]
    assert "| sure | 100 | 1.000 (1.000 to 1.000) |" in alone
    assert "The split of a paper." in alone
    assert "On split" not in write_report(STUDY, rows, command="agile study")
