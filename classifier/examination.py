"""Examination: best and last checkpoint and the baselines on every test row, and the report of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from classifier.baselines import BASELINES
from classifier.calibration import Calibration
from classifier.calibration_fit import fit_calibration
from classifier.comparison import Contender as Answers
from classifier.config import EvaluationConfig
from classifier.costs import costs_in_words
from classifier.embeddings import embed
from classifier.encoded import Encoded
from classifier.encoding import encode, load_tokenizer
from classifier.errors import GateRefused
from classifier.evaluation import (
    Evaluation,
    Floats,
    choose_baseline_threshold,
    choose_threshold,
    compare_with_baselines,
    evaluate_contenders,
    in_words,
    read_scores,
    require_cuttable,
    score_baselines,
    score_table,
)
from classifier.figures import draw_confusion, draw_roc, to_png
from classifier.fine_tuning import CHECKPOINTS, read_history
from classifier.label_review import find_neighbours, find_suspects, sweep_label_threshold
from classifier.linear_probe import score_probe
from classifier.metrics import confusion, predict
from classifier.predictor import Predictor
from classifier.report import ReportInput, Result, Review, render_report, wrong_rows
from classifier.slices import list_slices, measure_slices
from classifier.spec import COMPANION_FOLDER, TOKENIZER_FOLDER, ClassifierSpec

MOST_PROBED = 20_000
"""Train texts that the frozen base model is asked about, a sample of them where there are more: its features of all might not fit."""
CONTENDERS = {"best": "candidate", "last": "last"}
"""Checkpoint → contender."""
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
class Examination:
    """What was measured, the scores behind it, and what the texts say about both."""

    evaluation: Evaluation
    test_scores: pd.DataFrame
    """As `classifier.evaluation.score_table`."""
    review: Review


@dataclass(frozen=True)
class Page:
    """A report, and the figures that stand on their own."""

    html: str
    figures: dict[str, bytes]
    """Name → PNG."""


def examine(
    *,
    adapter: Path,
    base: Path,
    train: pd.DataFrame,
    validation: pd.DataFrame,
    test: pd.DataFrame,
    label_threshold: float | None,
    settings: EvaluationConfig,
) -> Examination:
    """Measure every contender on the test rows, and look at the texts behind the numbers.

    Each checkpoint's calibration and decision threshold are chosen on its own validation scores, in this order; a baseline has the threshold alone.
    Only the candidate, which is what is registered, can be refused by a policy.

    Parameters
    ----------
    label_threshold : float or None
        Where the scores of the parts were cut; None where classes are given.
    """
    spec, history = ClassifierSpec.load(adapter), read_history(adapter)
    require_cuttable(settings, n_classes=spec.n_classes)
    texts = {"validation": list(validation["text"]), "test": list(test["text"])}
    encoded = _encode(adapter, spec, texts)
    probed = train if len(train) <= MOST_PROBED else train.sample(MOST_PROBED, random_state=settings.seed)
    features = {
        part: embed(list(rows["text"]), base=base, max_length=spec.max_length)
        for part, rows in {"train": probed, "validation": validation, "test": test}.items()
    }
    y_true, y_validation = (part["label"].to_numpy() for part in (test, validation))
    scores: dict[str, Floats] = {}
    thresholds: dict[str, float | None] = {}
    calibrations: dict[str, Calibration] = {}
    for checkpoint in CHECKPOINTS:
        predictor = Predictor.load(adapter, base=base, checkpoint=checkpoint)
        who = CONTENDERS[checkpoint]
        said = predictor.score(texts["validation"], encoded=encoded["validation"])
        calibrations[who] = fit_calibration(settings.calibration, y_true=y_validation, y_score=said)
        choose = choose_threshold if who == "candidate" else choose_baseline_threshold
        thresholds[who] = choose(
            settings, y_true=y_validation, y_score=calibrations[who].apply(said), n_classes=spec.n_classes
        )
        scores[who] = calibrations[who].apply(predictor.score(texts["test"], encoded=encoded["test"]))
    others = {"validation": validation, "test": test}
    baselines = score_baselines(train, others, names=tuple(BASELINES), n_classes=spec.n_classes)
    baselines["frozen"] = {
        part: score_probe(features["train"], probed, features[part], n_classes=spec.n_classes) for part in others
    }
    if spec.prompt:
        predictor.forget_tuning()
        baselines["untuned"] = {part: predictor.score(texts[part], encoded=encoded[part]) for part in others}
    for who, found in baselines.items():
        scores[who] = found["test"]
        thresholds[who] = choose_baseline_threshold(
            settings, y_true=y_validation, y_score=found["validation"], n_classes=spec.n_classes
        )
    evaluation = evaluate_contenders(
        y_true,
        scores,
        thresholds=thresholds,
        calibrations=calibrations,
        n_resamples=settings.n_resamples,
        seed=settings.seed,
        n_cut={"train": history["n_cut_train"]} | {part: found.n_cut for part, found in encoded.items()},
        n_neutralised={"train": history["n_neutralised_train"]}
        | {part: found.n_neutralised for part, found in encoded.items()},
    )
    chosen = Answers(scores["candidate"], thresholds["candidate"])
    review = _review(
        chosen,
        features,
        train=probed,
        test=test,
        cut=encoded["test"].cut,
        label_threshold=label_threshold,
        settings=settings,
    )
    return Examination(evaluation, score_table(test, scores), review)


def _review(
    chosen: Answers,
    features: Mapping[str, NDArray[np.float32]],
    *,
    train: pd.DataFrame,
    test: pd.DataFrame,
    cut: Sequence[int],
    label_threshold: float | None,
    settings: EvaluationConfig,
) -> Review:
    y_true = test["label"].to_numpy()
    wrong = wrong_rows(y_true, chosen.y_score, chosen.threshold)
    near = find_neighbours(features["test"][wrong], features["train"], train)
    slices = measure_slices(
        list_slices(test, columns=settings.slices, label_threshold=label_threshold),
        y_true=y_true,
        y_score=chosen.y_score,
        decision_threshold=chosen.threshold,
        n_resamples=settings.n_resamples,
        seed=settings.seed,
    )
    cuts = []
    if label_threshold is not None:
        cuts = sweep_label_threshold(test, chosen.y_score, label_threshold=label_threshold)
    suspects = find_suspects(features["train"], train, seed=settings.seed)
    return Review(slices, dict(zip(wrong, near, strict=True)), suspects, cuts, cut)


def require_whole_texts(evaluation: Evaluation, *, limit: float | None) -> None:
    """Let a model be judged only where it has read most of the texts to their end.

    Raises
    ------
    GateRefused
        More of the test texts were cut than the limit allows.
    """
    n_cut = evaluation.n_cut["test"]
    if limit is not None and n_cut > limit * evaluation.n_test:
        raise GateRefused(
            f"{n_cut} of {evaluation.n_test} test texts are longer than model.max_length, and were cut;"
            f" evaluation.cut_limit allows {limit:.1%}: raise the one or the other"
        )


def draw_page(
    examined: Examination,
    *,
    adapter: Path,
    labelling: Mapping[str, Any],
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
    names = labelling["class_names"]
    history = read_history(adapter)
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
        history=history["epochs"],
        best_epoch=history["best_epoch"],
        parts={part: [facts["class_rows"][name] for name in names] for part, facts in labelling["parts"].items()},
        findings=findings,
        review=examined.review,
        facts=_facts(
            evaluation,
            ClassifierSpec.load(adapter),
            history,
            labelling,
            has_companion=(adapter / COMPANION_FOLDER).is_dir(),
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


def _encode(adapter: Path, spec: ClassifierSpec, texts: Mapping[str, Sequence[str]]) -> dict[str, Encoded]:
    """Each part's texts tokenized once, for every checkpoint: they share the tokenizer."""
    tokenizer = load_tokenizer(adapter / TOKENIZER_FOLDER)
    return {
        part: encode(found, tokenizer=tokenizer, max_length=spec.max_length, prompt=spec.prompt)
        for part, found in texts.items()
    }


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
    history: Mapping[str, Any],
    labelling: Mapping[str, Any],
    *,
    has_companion: bool,
) -> dict[str, dict[str, object]]:
    threshold = labelling["label_threshold"]
    return {
        "Labels": {
            "label threshold (score >=)": "none: classes are given" if threshold is None else f"{threshold:.4g}",
            "scores that tie with it": labelling["n_ties"],
            "rows in no part": labelling["n_unused"],
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
            **({"companion, whose log odds are averaged in": TITLES["tfidf_svm"]} if has_companion else {}),
            "longest text (tokens)": spec.max_length,
            "texts cut to it": in_words(evaluation.n_cut),
            **({"texts neutralised": in_words(evaluation.n_neutralised)} if spec.prompt else {}),
            "trained parameters": history["n_trained_parameters"],
        },
        "Training": {
            "device": f"{history['device']} {history['name']}",
            "seconds": history["seconds"],
            "costs": costs_in_words(history),
            "optimizer steps": history["n_steps"],
            "best epoch": history["best_epoch"],
        },
        "Digests": {
            "base model": spec.base_digest,
            **{part: facts["digest"] for part, facts in labelling["parts"].items()},
        },
    }
