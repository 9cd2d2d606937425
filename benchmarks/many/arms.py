"""Arms of the comparison: one classifier of several labels, and one of two classes for each, by the same recipe."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agile_classifier.config.run import RunConfig
from agile_classifier.data.examples import read_examples
from agile_classifier.data.label_and_split import label_and_split
from agile_classifier.evaluation.contenders import choose_threshold
from agile_classifier.evaluation.several.views import read_truth, view_label
from agile_classifier.metrics.metrics import evaluate_scores
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.spec import ClassifierSpec
from agile_classifier.studies.trial import read_base_model
from agile_classifier.training.fine_tuning import fine_tune

Floats = NDArray[np.float64]
Parts = Mapping[str, pd.DataFrame]
JUDGED = ("validation", "test")


@dataclass(frozen=True)
class Labelled:
    """Examples of a split, by part, and the names of their labels."""

    parts: Parts
    names: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What an arm came to on one split."""

    metrics: Mapping[str, float]
    """Means over the labels on test, `worst_f1` and `worst_roc_auc` beside them."""
    train_seconds: float
    score_seconds: float
    test_share: float
    """Rows of test over those of train."""


def read_labelled(config: RunConfig, *, bare_share: float) -> Labelled:
    """Label and split the examples of a config.

    Parameters
    ----------
    bare_share : float
        Share of the train texts without any label that are learnt from; validation and test are whole.
    """
    labels = config.labels
    examples = read_examples(
        config.data, keep=config.kept_columns, not_rated=labels.not_rated, absent=labels.absent,
        label_columns=labels.columns,
    )  # fmt: skip
    labelled = label_and_split(examples, labels, config.split, config.data_quality)
    train = labelled.parts["train"]
    bare = train[train["label"] == 0]
    kept = pd.concat([train[train["label"] > 0], bare.sample(frac=bare_share, random_state=config.split.seed)])
    return Labelled({**labelled.parts, "train": kept.sort_index()}, labelled.labelling.class_names)


def train_together(config: RunConfig, labelled: Labelled) -> Outcome:
    """One network with an output for each label."""
    spec = ClassifierSpec.describe(config.model, class_names=labelled.names, base_digest="", several=True)
    scores, train_seconds, score_seconds = _tune(config, spec, labelled.parts)
    return _judge(config, labelled, scores, train_seconds, score_seconds)


def train_apart(config: RunConfig, labelled: Labelled) -> Outcome:
    """A network of two classes for each label, one after the other."""
    n_labels, found, seconds = len(labelled.names), [], np.zeros(2)
    spec = ClassifierSpec.describe(config.model, class_names=("no", "yes"), base_digest="")
    for number in range(n_labels):
        parts = {part: view_label(rows, number, n_labels=n_labels) for part, rows in labelled.parts.items()}
        scores, *took = _tune(config, spec, parts)
        found.append({part: score[:, 1] for part, score in scores.items()})
        seconds += took
    joined = {part: np.column_stack([each[part] for each in found]) for part in JUDGED}
    return _judge(config, labelled, joined, *map(float, seconds))


ARMS: Mapping[str, Callable[[RunConfig, Labelled], Outcome]] = {"together": train_together, "apart": train_apart}


def _tune(config: RunConfig, spec: ClassifierSpec, parts: Parts) -> tuple[dict[str, Floats], float, float]:
    """Probabilities of validation and test, and the seconds of training and of scoring both."""
    base, settings = read_base_model(config.model), config.fine_tune.model_copy(update={"max_time": math.inf})
    with tempfile.TemporaryDirectory() as scratch:
        adapter, begun = Path(scratch) / "adapter", time.perf_counter()
        fine_tune(parts, spec, settings, base=base, checkpoints=Path(scratch) / "checkpoints", output=adapter)
        trained = time.perf_counter()
        predictor = Predictor.load(adapter, base=base)
        loaded = time.perf_counter()
        scores = {part: predictor.score(list(parts[part]["text"])) for part in JUDGED}
    return scores, trained - begun, time.perf_counter() - loaded


def _judge(
    config: RunConfig, labelled: Labelled, scores: Mapping[str, Floats], train_seconds: float, score_seconds: float
) -> Outcome:
    n_labels = len(labelled.names)
    truth = {part: read_truth(labelled.parts[part], n_labels=n_labels) for part in JUDGED}
    cuts = choose_threshold(
        config.evaluation, y_true=truth["validation"], y_score=scores["validation"], n_classes=n_labels,
        names=labelled.names,
    )  # fmt: skip
    metrics = evaluate_scores(y_true=truth["test"], y_score=scores["test"], decision_threshold=cuts)
    each = [
        evaluate_scores(
            y_true=truth["test"][:, place],
            y_score=np.column_stack([1 - scores["test"][:, place], scores["test"][:, place]]),
            decision_threshold=cuts[place] if isinstance(cuts, tuple) else None,
        )
        for place in range(n_labels)
    ]
    worst = {f"worst_{name}": min(found[name] for found in each) for name in ("f1", "roc_auc")}
    sizes = {part: len(labelled.parts[part]) for part in ("train", "test")}
    return Outcome({**metrics, **worst}, train_seconds, score_seconds, sizes["test"] / sizes["train"])
