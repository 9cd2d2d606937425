"""Page of several labels: the report of a classifier by which a text carries any number of them.

The mean over the labels stands first, as promotion compares it; then each label by itself, the worst marked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from agile_classifier.evaluation.contenders import Evaluation
from agile_classifier.evaluation.reports.bands import draw_bands, show_bands
from agile_classifier.evaluation.reports.drawing import to_svg
from agile_classifier.evaluation.reports.evaluation import (
    HEADLINE,
    MEANINGS,
    decide_verdict,
    describe_small,
    shorten_text,
    wrong_rows,
)
from agile_classifier.evaluation.reports.figures import (
    draw_intervals,
    draw_precision_recall,
    draw_reliability,
    draw_roc,
    draw_scores,
    draw_training,
)
from agile_classifier.evaluation.reports.inputs import ReportInput
from agile_classifier.evaluation.reports.page import UNDECIDED, fill, list_facts, without_direction
from agile_classifier.evaluation.score_tables import compare_with_baselines
from agile_classifier.evaluation.several.views import view_scores
from agile_classifier.evaluation.slices import SLICE_METRICS
from agile_classifier.evaluation.titles import CONTENDERS, METRICS
from agile_classifier.metrics.bootstrap import PairedDifference
from agile_classifier.metrics.calibration import calibration_error
from agile_classifier.metrics.metrics import part_tasks, predict

TEMPLATE = Path(__file__).with_name("labels.html.j2")
FEW_POSITIVES = 20
"""Test texts that carry a label, below which the page says that its figures tell little."""


@dataclass(frozen=True)
class LabelRow:
    """One label as the table of labels shows it."""

    name: str
    n_train: int
    n_test: int
    """Texts that carry it."""
    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    decision_threshold: float
    calibration: str
    closest: str
    """Baseline that comes nearest to the chosen checkpoint on this label."""
    gain: PairedDifference
    """Gain over it."""
    is_worst: bool

    @property
    def is_small(self) -> bool:
        """Whether too few test texts carry the label to rely on its figures."""
        return self.n_test < FEW_POSITIVES


def render_labels(report: ReportInput, evaluation: Evaluation, test_scores: pd.DataFrame, *, seed: int) -> str:
    """The page, as HTML. The same input gives the same bytes.

    Parameters
    ----------
    report : ReportInput
        `y_true` is a table of shape (n, n_labels), as are the probabilities; `class_names` are the labels.
    test_scores : DataFrame
        The scored test rows, as `agile_classifier.evaluation.score_tables.score_table` makes them.
    """
    report = replace(report, class_names=[without_direction(name) for name in report.class_names])
    chosen, slices = report.results[0], report.review.slices
    small = [part for part in slices if part.is_small]
    return fill(
        TEMPLATE,
        report=report,
        chosen=chosen,
        undecided=f"{UNDECIDED}{list_facts(report.about)}",
        verdict=decide_verdict(report),
        titles=METRICS,
        meanings=MEANINGS,
        shown=sorted((name for name in MEANINGS if name != "f1_macro"), key=lambda name: name != report.metric),
        headline=dict.fromkeys((report.metric, *HEADLINE)),
        rows=list_labels(report, evaluation, test_scores, seed=seed),
        figures={name: to_svg(figure, label=label) for name, (label, figure) in _figures(report).items()},
        panels=list(_panels(report)),
        worst=_worst_errors(report),
        slice_metrics=SLICE_METRICS,
        slices=[part for part in slices if not part.is_small],
        small=small,
        small_sentence=describe_small(small),
        cut_texts=[shorten_text(report.texts[row]) for row in report.review.cut[:20]],
        calibration_error=calibration_error(report.y_true, chosen.y_score),
        **show_bands(report.banding),
    )


def list_labels(report: ReportInput, evaluation: Evaluation, test_scores: pd.DataFrame, *, seed: int) -> list[LabelRow]:
    """Every label, the worst in the metric of the verdict first."""
    own = evaluation.labels
    rows: list[LabelRow] = []
    values = {name: one.metrics["candidate"][report.metric] for name, one in own.items()}
    worst = min(values, key=lambda name: values[name])
    for place, name in enumerate(own):
        names = list(evaluation.metrics)
        view = view_scores(test_scores, place, n_labels=len(own), names=names)
        found = compare_with_baselines(own[name], view, metric=report.metric, seed=seed)
        closest = min(found, key=lambda who: found[who].difference)
        cut = own[name].decision_threshold
        rows.append(
            LabelRow(
                name=report.class_names[place],
                n_train=report.parts["train"][place],
                n_test=int(report.y_true[:, place].sum()),
                metrics=own[name].metrics["candidate"],
                intervals=own[name].intervals["candidate"],
                decision_threshold=cut if isinstance(cut, float) else float("nan"),
                calibration=own[name].calibration.method,
                closest=CONTENDERS[closest],
                gain=found[closest],
                is_worst=name == worst,
            )
        )
    return sorted(rows, key=lambda row: row.metrics[report.metric])


def draw_label_figures(report: ReportInput, evaluation: Evaluation) -> dict[str, Figure]:
    """Figures that MLflow shows beside the run: a ROC curve a label, and the metric of each with its interval."""
    rows = [
        (name, one.metrics["candidate"][report.metric], *one.intervals["candidate"][report.metric])
        for name, one in sorted(evaluation.labels.items(), key=lambda item: item[1].metrics["candidate"][report.metric])
    ]
    first = {report.results[0].name: report.results[0].y_score}
    return {
        "labels": draw_intervals(rows=rows, label=METRICS[report.metric]),
        "roc_curve": draw_roc(y_true=report.y_true, models=first, class_names=report.class_names),
    }


def _figures(report: ReportInput) -> dict[str, tuple[str, Figure]]:
    chosen, names, y_true = report.results[0], report.class_names, report.y_true
    models = {chosen.name: chosen.y_score}
    with_interval = [
        (result.name, result.metrics[report.metric], *result.intervals[report.metric]) for result in report.results
    ]
    label = f"{METRICS[report.metric]}, mean over the labels"
    figures = {
        "intervals": ("intervals", draw_intervals(rows=with_interval, label=label)),
        "roc": ("ROC curves", draw_roc(y_true=y_true, models=models, class_names=names)),
        "pr": ("precision-recall curves", draw_precision_recall(y_true=y_true, models=models, class_names=names)),
    }
    if report.history:
        metrics = {f"validation_{name}": METRICS[name] for name in dict.fromkeys((report.metric, *HEADLINE))}
        training = draw_training(history=report.history, metrics=metrics, best_epoch=report.best_epoch)
        figures["training"] = ("training curves", training)
    return figures | draw_bands(report.banding)


def _panels(report: ReportInput) -> list[dict[str, Any]]:
    """Name, histogram and reliability diagram of each label, as of a classifier of two classes."""
    chosen = report.results[0]
    tasks = part_tasks(report.y_true, chosen.y_score, chosen.decision_threshold)
    return [
        {
            "name": name,
            "error": calibration_error(truth, score),
            "scores": to_svg(
                draw_scores(
                    y_true=truth, y_score=score, y_pred=predict(score, cut), decision_threshold=cut,
                    class_names=(f"not {name}", name),
                ),
                label=f"histogram of probabilities of {name}",
            ),
            "reliability": to_svg(
                draw_reliability(y_true=truth, y_score=score, class_names=(f"not {name}", name)),
                label=f"reliability diagram of {name}",
            ),
        }
        for name, (truth, score, cut) in zip(report.class_names, tasks, strict=True)
    ]  # fmt: skip


def _worst_errors(report: ReportInput) -> list[dict[str, Any]]:
    """Texts of which a label is predicted wrongly, as `wrong_rows` orders them, with the labels that are."""
    chosen, names = report.results[0], report.class_names
    y_pred = predict(chosen.y_score, chosen.decision_threshold)
    near = report.review.neighbours
    return [
        {
            "text": shorten_text(report.texts[row]),
            "missed": _named(names, (report.y_true[row] == 1) & (y_pred[row] == 0)),
            "wrongly": _named(names, (report.y_true[row] == 0) & (y_pred[row] == 1)),
            "neighbours": [shorten_text(each.text) for each in near.get(row, ())],
        }
        for row in wrong_rows(report.y_true, chosen.y_score, chosen.decision_threshold)
    ]


def _named(names: Sequence[str], which: NDArray[np.bool_]) -> str:
    return ", ".join(name for name, is_meant in zip(names, which, strict=True) if is_meant) or "–"
