"""Examination: best and last checkpoint and the baselines on every test row, and the texts behind the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agile_classifier.config.evaluation import EvaluationConfig
from agile_classifier.errors import GateRefused
from agile_classifier.evaluation.contenders import (
    Evaluation,
    Floats,
    choose_baseline_threshold,
    choose_threshold,
    evaluate_contenders,
    require_cuttable,
    score_baselines,
    score_table,
)
from agile_classifier.evaluation.reports.evaluation import Review, wrong_rows
from agile_classifier.evaluation.review import find_neighbours, find_suspects, sweep_label_threshold
from agile_classifier.evaluation.slices import list_slices, measure_slices
from agile_classifier.files import tree_digest
from agile_classifier.metrics.calibration import Calibration, fit_calibration
from agile_classifier.metrics.comparison import Contender as Answers
from agile_classifier.models.classical.baselines import BASELINES
from agile_classifier.models.classical.linear_probe import score_probe
from agile_classifier.models.embeddings import embed_parts
from agile_classifier.models.encoded import Encoded
from agile_classifier.models.encoding import encode, load_tokenizer
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.spec import TOKENIZER_FOLDER, ClassifierSpec
from agile_classifier.training.history import History

MOST_PROBED = 20_000
"""Train texts that the frozen base model is asked about, a sample of them where there are more: its features of all might not fit."""
CONTENDERS = {"best": "candidate", "last": "last"}
"""Checkpoint → contender."""


@dataclass(frozen=True)
class Examination:
    """What was measured, the scores behind it, and what the texts say about both."""

    evaluation: Evaluation
    test_scores: pd.DataFrame
    """As `agile_classifier.evaluation.contenders.score_table`."""
    review: Review


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
    spec, history = ClassifierSpec.load(adapter), History.load(adapter)
    require_cuttable(settings, n_classes=spec.n_classes)
    texts = {"validation": list(validation["text"]), "test": list(test["text"])}
    encoded = _encode(adapter, spec, texts)
    probed = train if len(train) <= MOST_PROBED else train.sample(MOST_PROBED, random_state=settings.seed)
    features = embed_parts({"train": list(probed["text"]), **texts}, base=base, max_length=spec.max_length)
    y_true, y_validation = (part["label"].to_numpy() for part in (test, validation))
    asked = _ask_network(adapter, base, spec, texts, encoded)
    others = {"validation": validation, "test": test}
    frozen = score_probe(features, probed, parts=tuple(others), n_classes=spec.n_classes)
    baselines = score_baselines(train, others, names=tuple(BASELINES), n_classes=spec.n_classes)
    said = {name: asked.pop(name) for name in CONTENDERS.values()} | baselines | {"frozen": frozen} | asked
    scores: dict[str, Floats] = {}
    thresholds: dict[str, float | None] = {}
    calibrations: dict[str, Calibration] = {}
    for who, found in said.items():
        fitted = Calibration()
        if who in CONTENDERS.values():
            fitted = fit_calibration(settings.calibration, y_true=y_validation, y_score=found["validation"])
            calibrations[who] = fitted
        choose = choose_threshold if who == "candidate" else choose_baseline_threshold
        on_validation = fitted.apply(found["validation"])
        thresholds[who] = choose(settings, y_true=y_validation, y_score=on_validation, n_classes=spec.n_classes)
        scores[who] = fitted.apply(found["test"])
    evaluation = evaluate_contenders(
        y_true,
        scores,
        thresholds=thresholds,
        calibrations=calibrations,
        n_resamples=settings.n_resamples,
        seed=settings.seed,
        n_cut={"train": history.n_cut_train} | {part: found.n_cut for part, found in encoded.items()},
        n_escaped={"train": history.n_escaped_train} | {part: found.n_escaped for part, found in encoded.items()},
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


def _ask_network(
    adapter: Path,
    base: Path,
    spec: ClassifierSpec,
    texts: Mapping[str, Sequence[str]],
    encoded: Mapping[str, Encoded],
) -> dict[str, dict[str, Floats]]:
    """Contender → part → probabilities, of each checkpoint and, with a prompt, of the base model as `untuned`."""
    found: dict[str, dict[str, Floats]] = {}
    asked: dict[str, str] = {}  # files of a checkpoint → contender: the last epoch may be the best, too
    for checkpoint, who in CONTENDERS.items():
        digest = tree_digest(adapter / checkpoint)
        if digest not in asked:
            predictor = Predictor.load(adapter, base=base, checkpoint=checkpoint)
            found[who] = {part: predictor.score(texts[part], encoded=encoded[part]) for part in texts}
        found[who] = found[asked.setdefault(digest, who)]
    if spec.prompt:
        predictor.forget_tuning()
        found["untuned"] = {part: predictor.score(texts[part], encoded=encoded[part]) for part in texts}
    return found


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


def _encode(adapter: Path, spec: ClassifierSpec, texts: Mapping[str, Sequence[str]]) -> dict[str, Encoded]:
    """Each part's texts tokenized once, for every checkpoint: they share the tokenizer."""
    tokenizer = load_tokenizer(adapter / TOKENIZER_FOLDER)
    return {
        part: encode(found, tokenizer=tokenizer, max_length=spec.max_length, prompt=spec.prompt)
        for part, found in texts.items()
    }
