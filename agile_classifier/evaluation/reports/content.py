"""Examination page: the report of an examination, and the figures that stand on their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from agile_classifier.data.label_and_split import Labelling
from agile_classifier.evaluation.contenders import Evaluation, in_words
from agile_classifier.evaluation.evaluate import Examination
from agile_classifier.evaluation.reports.drawing import to_png
from agile_classifier.evaluation.reports.evaluation import render_report
from agile_classifier.evaluation.reports.figures import draw_confusion, draw_roc
from agile_classifier.evaluation.reports.inputs import ReportInput, Result
from agile_classifier.evaluation.reports.page import Fact
from agile_classifier.evaluation.score_tables import compare_with_baselines, read_scores
from agile_classifier.evaluation.several.page import draw_label_figures, render_labels
from agile_classifier.evaluation.titles import CONTENDERS
from agile_classifier.metrics.metrics import DecisionThreshold, confusion, predict
from agile_classifier.models.spec import ClassifierSpec
from agile_classifier.training.history import History


@dataclass(frozen=True)
class Page:
    """A report, and the figures that stand on their own."""

    html: str
    figures: dict[str, bytes]
    """Name → PNG."""


def draw_page(
    examined: Examination,
    *,
    adapter: Path,
    labelling: Labelling,
    findings: Sequence[Mapping[str, Any]],
    title: str,
    metric: str,
    seed: int,
    about: Sequence[Fact] = (),
) -> Page:
    """The report of an examination, with its confusion matrix and ROC curve as pictures.

    Parameters
    ----------
    metric : str
        What the verdict rests on: `promotion.metric`, so that report and promotion speak of the same.
    about : sequence of Fact
        What the page's head says of the run, until the promotion is decided.
    """
    evaluation, test_scores = examined.evaluation, examined.test_scores
    names, history = labelling.class_names, History.load(adapter)
    differences = compare_with_baselines(evaluation, test_scores, metric=metric, seed=seed)
    report = ReportInput(
        title=title,
        class_names=names,
        metric=metric,
        texts=list(test_scores["text"]),
        y_true=evaluation.read_truth(test_scores),
        results=[_result(name, evaluation, test_scores) for name in evaluation.metrics],
        calibration=evaluation.calibration.in_words(),
        differences={CONTENDERS[name]: difference for name, difference in differences.items()},
        history=history.epochs,
        best_epoch=history.best_epoch,
        parts={part: [facts.class_rows[name] for name in names] for part, facts in labelling.parts.items()},
        findings=findings,
        review=examined.review,
        facts=_facts(evaluation, adapter, history, labelling),
        about=about,
        evasion=evaluation.evasion,
        ceiling=_ceiling(evaluation, labelling),
        banding=evaluation.banding,
        groups=evaluation.groups,
    )
    if evaluation.labels:
        figures = draw_label_figures(report, evaluation)
        page = render_labels(report, evaluation, test_scores, seed=seed)
        return Page(page, {name: to_png(figure) for name, figure in figures.items()})
    return Page(render_report(report), _draw_figures(report))


def _draw_figures(report: ReportInput) -> dict[str, bytes]:
    """Name → PNG of the confusion matrix and the ROC curve, which MLflow shows beside the run."""
    chosen, names = report.results[0], report.class_names
    y_pred = predict(chosen.y_score, chosen.decision_threshold)
    counts = confusion(y_true=report.y_true, y_pred=y_pred, n_classes=len(names))
    models = {result.name: result.y_score for result in report.results}
    return {
        "confusion_matrix": to_png(draw_confusion(counts=counts, class_names=names)),
        "roc_curve": to_png(draw_roc(y_true=report.y_true, models=models, class_names=names)),
    }


def _result(name: str, evaluation: Evaluation, test_scores: pd.DataFrame) -> Result:
    return Result(
        name=CONTENDERS[name],
        y_score=read_scores(test_scores, name),
        decision_threshold=evaluation.thresholds[name],
        metrics=evaluation.metrics[name],
        intervals=evaluation.intervals[name],
    )


def _facts(
    evaluation: Evaluation, adapter: Path, history: History, labelling: Labelling
) -> dict[str, dict[str, object]]:
    """Heading → name → value."""
    spec = ClassifierSpec.load(adapter)
    parts = {part: facts.digest for part, facts in labelling.parts.items()}
    return {
        "Labels": _label_facts(evaluation, labelling),
        "Model": {
            **_model_facts(spec, evaluation),
            "trained parameters": history.n_trained_parameters,
        },
        "Training": {
            "device": f"{history.device} {history.name}",
            "seconds": history.seconds,
            "costs": history.costs,
            "optimizer steps": history.n_steps,
            "best epoch": history.best_epoch,
        },
        "Digests": {
            "base model": spec.base_digest,
            **{start.title: start.digest for start in spec.starts},
            **parts,
        },
    }


def _label_facts(evaluation: Evaluation, labelling: Labelling) -> dict[str, object]:
    label, decision = labelling.label_threshold, evaluation.decision_threshold
    cut = "none: classes are given" if label is None else ", ".join(filter(None, (f"{label:.4g}", labelling.origin)))
    return {
        "label threshold (score >=)": cut,
        "scores that tie with it": labelling.n_ties,
        "rows in no part": labelling.n_unused,
        "rows without a label, left out": labelling.n_unlabelled,
        "duplicates": "every row is kept" if labelling.duplicates is None else labelling.duplicates.sentence,
        **({} if labelling.start_copies is None else {"copies of the start's texts": labelling.start_copies.sentence}),
        **({} if labelling.raters is None else {"raters": labelling.raters.sentence}),
        "decision threshold": _say_threshold(decision),
        "calibration": evaluation.calibration.method,
    }


def _say_threshold(decision: DecisionThreshold) -> str:
    """A decision threshold in words; of several labels the table of labels shows each."""
    if isinstance(decision, tuple):
        return "one a label"
    return "none" if decision is None else f"{decision:.4g}"


def _ceiling(evaluation: Evaluation, labelling: Labelling) -> str | None:
    """What raters among themselves reach on test, beside what the classifier reaches; None where it is not known."""
    if labelling.ceiling is None:
        return None
    accuracy = evaluation.metrics["candidate"]["accuracy"]
    return (
        f"{labelling.ceiling.sentence}; this classifier gives the class of all raters for {accuracy:.1%} of the texts"
    )


def _model_facts(spec: ClassifierSpec, evaluation: Evaluation) -> dict[str, object]:
    prompt = spec.prompt
    head = f"label tokens {list(prompt.labels)}" if prompt else f"classification, {spec.pooling} pooling"
    members = {f"member {number} of the ensemble": one.words for number, one in enumerate(evaluation.members, start=1)}
    how = {"joined by": "the mean of the members' log odds"} if members else {}
    return {
        "base model": spec.base_source,
        **({"started from": "; that from ".join(start.sentence for start in spec.starts)} if spec.starts else {}),
        "quantization": spec.quantization,
        "compute dtype": spec.compute_dtype,
        "head": head,
        **members,
        **how,
        **({"undone in texts before they are read": ", ".join(spec.normalize)} if spec.normalize else {}),
        "longest text (tokens)": spec.max_length,
        "texts cut to it": in_words(evaluation.n_cut),
        **({"texts escaped": in_words(evaluation.n_escaped)} if prompt else {}),
    }
