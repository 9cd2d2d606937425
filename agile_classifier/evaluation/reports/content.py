"""Examination page: the report of an examination, and the figures that stand on their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agile_classifier.data.label_and_split import Labelling
from agile_classifier.evaluation.contenders import Evaluation, compare_with_baselines, in_words, read_scores
from agile_classifier.evaluation.evaluate import Examination
from agile_classifier.evaluation.reports.evaluation import ReportInput, Result, render_report
from agile_classifier.evaluation.reports.figures import draw_confusion, draw_roc, to_png
from agile_classifier.metrics.metrics import confusion, predict
from agile_classifier.models.spec import MEMBER_FOLDER, ClassifierSpec
from agile_classifier.training.history import History

TITLES = {
    "candidate": "best checkpoint",
    "last": "last checkpoint",
    "majority": "majority class",
    "tfidf": "TF-IDF + logistic regression",
    "tfidf_svm": "TF-IDF + linear SVM",
    "frozen": "frozen base model + logistic regression",
    "untuned": "untuned base model",
}


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
) -> Page:
    """The report of an examination, with its confusion matrix and ROC curve as pictures.

    Parameters
    ----------
    metric : str
        What the verdict rests on: `promotion.metric`, so that report and promotion speak of the same.
    """
    evaluation, test_scores = examined.evaluation, examined.test_scores
    names = labelling.class_names
    history = History.load(adapter)
    y_true = test_scores["label"].to_numpy()
    results = [_result(name, evaluation, test_scores) for name in evaluation.metrics]
    differences = compare_with_baselines(evaluation, test_scores, metric=metric, seed=seed)
    report = ReportInput(
        title=title,
        class_names=names,
        metric=metric,
        texts=list(test_scores["text"]),
        y_true=y_true,
        results=results,
        calibration=evaluation.calibration.in_words(),
        differences={TITLES[name]: found for name, found in differences.items()},
        history=history.epochs,
        best_epoch=history.best_epoch,
        parts={part: [facts.class_rows[name] for name in names] for part, facts in labelling.parts.items()},
        findings=findings,
        review=examined.review,
        facts=_facts(
            evaluation,
            ClassifierSpec.load(adapter),
            history,
            labelling,
            has_member=(adapter / MEMBER_FOLDER).is_dir(),
        ),
    )
    chosen = read_scores(test_scores, "candidate")
    counts = confusion(y_true=y_true, y_pred=predict(chosen, evaluation.decision_threshold), n_classes=len(names))
    models = {result.name: np.asarray(result.y_score) for result in results}
    figures = {
        "confusion_matrix": to_png(draw_confusion(counts=counts, class_names=names)),
        "roc_curve": to_png(draw_roc(y_true=y_true, models=models, class_names=names)),
    }
    return Page(render_report(report), figures)


def _result(name: str, evaluation: Evaluation, test_scores: pd.DataFrame) -> Result:
    return Result(
        name=TITLES[name],
        y_score=read_scores(test_scores, name),
        decision_threshold=evaluation.thresholds[name],
        metrics=evaluation.metrics[name],
        intervals=evaluation.intervals[name],
    )


def _facts(
    evaluation: Evaluation,
    spec: ClassifierSpec,
    history: History,
    labelling: Labelling,
    *,
    has_member: bool,
) -> dict[str, dict[str, object]]:
    threshold = labelling.label_threshold
    return {
        "Labels": {
            "label threshold (score >=)": "none: classes are given" if threshold is None else f"{threshold:.4g}",
            "scores that tie with it": labelling.n_ties,
            "rows in no part": labelling.n_unused,
            "decision threshold": "none"
            if evaluation.decision_threshold is None
            else f"{evaluation.decision_threshold:.4g}",
            "calibration": evaluation.calibration.method,
        },
        "Model": {
            "base model": spec.base_source,
            "quantization": spec.quantization,
            "compute dtype": spec.compute_dtype,
            "head": f"label tokens {list(spec.prompt.labels)}"
            if spec.prompt
            else f"classification, {spec.pooling} pooling",
            **({"second member of the ensemble (log odds averaged)": TITLES["tfidf_svm"]} if has_member else {}),
            "longest text (tokens)": spec.max_length,
            "texts cut to it": in_words(evaluation.n_cut),
            **({"texts escaped": in_words(evaluation.n_escaped)} if spec.prompt else {}),
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
            **{part: facts.digest for part, facts in labelling.parts.items()},
        },
    }
