"""Study page: who is best, whether another is told from it, split by split, and what it escapes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from agile_classifier.studies.blend import Result
from agile_classifier.studies.cells import Trial
from agile_classifier.studies.file import Study
from agile_classifier.studies.grid import Place
from agile_classifier.studies.report.frame import to_frame
from agile_classifier.studies.report.markdown import write_report
from agile_classifier.studies.report.page import decide_headline, render

NAMES = {"ours": "<b>Ours</b>", "theirs": "Theirs", "plain": "Plain"}
STUDY = Study.model_validate({
    "title": "A <i>toy</i>", "reference": "plain",
    "contenders": {name: {"config": "toy", "title": title} for name, title in NAMES.items()},
})  # fmt: skip


def cells(contender: str, mean: float, *, sizes: tuple[int, ...] = (100,), noise: float = 0.001) -> list[Result]:
    """Five splits; what the splits share moves all contenders alike."""
    generator = np.random.default_rng(len(contender))
    return [
        Result(
            Place(contender=contender, size=size, split=split),
            trial(size, roc_auc=mean - 2 / size + 0.05 * split + generator.normal(0, noise)),
            f"{contender} {size} {split}",
        )
        for size in sizes
        for split in range(5)
    ]


def trial(n_train: int, *, roc_auc: float) -> Trial:
    return Trial(
        metrics={**dict.fromkeys(("f1", "pr_auc", "accuracy", "brier"), 0.5), "roc_auc": roc_auc},
        decision_threshold=0.5, y_true=[0, 1], y_score=[0.2, 0.8], y_true_validation=[], y_score_validation=[],
        n_train=n_train, train_seconds=360.0, seconds=720.0, peak_gigabytes=1.0,
    )  # fmt: skip


def frame(*rows: list[Result]) -> pd.DataFrame:
    return to_frame([row for some in rows for row in some])


def test_the_best_is_named_where_pairs_tell_it_from_all_others_though_the_splits_stray_more() -> None:
    headline, level, sentences = decide_headline(
        STUDY, frame(cells("ours", 0.75), cells("theirs", 0.72), cells("plain", 0.5))
    )
    assert (headline, level) == ("Best: <b>Ours</b>", "good")
    assert sentences[1].startswith("Next comes Theirs with 0.8")


def test_one_that_is_not_told_from_the_best_is_named() -> None:
    near = frame(cells("ours", 0.75, noise=0.03), cells("theirs", 0.74, noise=0.03), cells("plain", 0.3))
    headline, level, sentences = decide_headline(STUDY, near)
    assert level == "unclear"
    assert headline.startswith("Best, but not alone")
    assert "Plain" not in sentences[1]


def test_the_page_escapes_what_it_is_given_runs_nothing_and_is_the_same_again() -> None:
    found = frame(cells("ours", 0.75, sizes=(50, 100, 200, 400)), cells("plain", 0.5, sizes=(50, 100, 200, 400)))
    page = render(STUDY, found, command="agile study a.yaml")
    assert "<b>Ours" not in page
    assert "&lt;b&gt;Ours&lt;/b&gt;" in page
    assert "A &lt;i&gt;toy&lt;/i&gt;" in page
    assert "<script" not in page
    assert "://" not in page
    assert page.count("<svg") == 5, "four sizes and the learning curves"
    assert "What more labels would bring" in page
    assert "40 cells, 8.0 hours of reading, training and judging" in page
    assert render(STUDY, found, command="agile study a.yaml") == page


def test_the_curve_says_where_a_hundred_more_labels_stop_paying() -> None:
    lines = write_report(STUDY, cells("ours", 0.75, sizes=(50, 100, 200, 400), noise=0), command="x").splitlines()
    (line,) = (line for line in lines[lines.index("### What more labels would bring") :] if "Ours" in line)
    assert line.split(" | ")[-1].rstrip(" |") == "200"  # 2 / 200 - 2 / 300 = 0.0033; 2 / 100 - 2 / 200 = 0.01
    gain, _, half, *told = line.split(" | ")[3].split(" ")
    assert float(gain) == pytest.approx(2 / 400 - 2 / 500, abs=2e-4)
    assert float(half) < 1e-3
    assert told == ["*"]


def test_one_lucky_split_makes_nobody_the_best() -> None:
    lucky = cells("theirs", 0.99)[:1]
    found = frame(cells("ours", 0.75), lucky, cells("plain", 0.5))
    headline, _, _ = decide_headline(STUDY, found)
    assert headline == "Best: <b>Ours</b>"
    page = render(STUDY, found, command="x")
    assert "Theirs (1 of 5 splits)" in page
    assert "of 5 splits)" not in page.replace("Theirs (1 of 5 splits)", "")
    headline, level, _ = decide_headline(STUDY, frame(cells("ours", 0.75)[:1], cells("plain", 0.5)[:1]))
    assert (headline, level) == ("One split tells nothing yet: <b>Ours</b>", "unclear")


def test_differences_are_told_in_every_metric_and_marked_where_the_interval_excludes_zero() -> None:
    lines = write_report(STUDY, [*cells("ours", 0.75), *cells("plain", 0.5)], command="x").splitlines()
    (line,) = (line for line in lines[lines.index("### Against Plain, split by split") :] if "Ours" in line)
    roc_auc, f1, pr_auc = (cell.strip() for cell in line.strip("| ").split(" | ")[3:])
    assert roc_auc.startswith("+0.25")
    assert roc_auc.endswith("*")
    assert f1 == pr_auc == "+0.000 ± 0.000"


def test_quality_is_drawn_against_cost_where_every_cell_of_a_contender_has_told_its_own() -> None:
    def costing(contender: str, mean: float, seconds: float | None) -> list[Result]:
        return [
            replace(result, trial=result.trial.model_copy(update={"cpu_seconds": seconds}))
            for result in cells(contender, mean)
        ]

    heading, column = "What it costs, from 100 examples", "CPU-seconds"
    ours, plain = costing("ours", 0.75, 40.0), costing("plain", 0.5, 2.0)
    told = frame(ours, plain, costing("theirs", 0.7, None))
    page, report = render(STUDY, told, command="c"), write_report(STUDY, [*ours, *plain], command="c")
    assert heading in page
    assert page.count("<svg") == 2
    assert "mathdefault" not in page, "text stays text"
    assert f"| {column} |" in report
    assert "| 360 | 40 |" in report
    half = [replace(ours[0], trial=ours[0].trial.model_copy(update={"cpu_seconds": None})), *ours[1:]]
    assert heading not in render(STUDY, frame(half, plain), command="c"), "one alone is no comparison"
    assert column not in write_report(STUDY, half, command="c")
