"""Trial: one config or baseline, trained and evaluated once, without orchestrator and registry.

Studies, searches and benchmarks repeat it.
"""

from __future__ import annotations

import math
import os
import resource
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agile_classifier.config.ensemble.members import list_members
from agile_classifier.config.labels.many import MANY
from agile_classifier.config.run import RunConfig
from agile_classifier.config.training import ModelConfig
from agile_classifier.data.evasion.normalize import normalize_texts
from agile_classifier.data.examples import read_examples
from agile_classifier.data.label_and_split import label_and_split
from agile_classifier.environment import cache, hub_token, mirror
from agile_classifier.errors import InputError
from agile_classifier.evaluation.contenders import choose_baseline_threshold, choose_threshold, score_baselines
from agile_classifier.evaluation.several.views import read_truth
from agile_classifier.files import tree_digest
from agile_classifier.label_sets import two_columns
from agile_classifier.metrics.metrics import evaluate_scores
from agile_classifier.models.classical.linear_probe import score_probe
from agile_classifier.models.classical.member import fit_member
from agile_classifier.models.embeddings import embed_parts
from agile_classifier.models.ensemble.bases import fetch_bases, list_pins
from agile_classifier.models.gguf import fetch_base_model
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.starts.folder import open_folder, read_learnt, require_fit
from agile_classifier.studies.cells import Trial
from agile_classifier.studies.external import ask_external
from agile_classifier.training.ensemble import Means, describe_members, train_members
from agile_classifier.training.history import History

Floats = NDArray[np.float64]
Parts = Mapping[str, pd.DataFrame]
JUDGED = ("validation", "test")


@dataclass(frozen=True)
class Took:
    """What something took: on a clock, and of all cores together."""

    seconds: float
    cpu_seconds: float

    @classmethod
    def so_far(cls) -> Took:
        """What this process has taken until now, and those that it has waited for."""
        return cls(time.monotonic(), sum(os.times()[:4]))

    @classmethod
    def since(cls, began: Took) -> Took:
        """What has been taken since an earlier `so_far`."""
        now = cls.so_far()
        return cls(now.seconds - began.seconds, now.cpu_seconds - began.cpu_seconds)


def run_trial(config: RunConfig, *, baseline: str | None = None, external: Path | None = None) -> Trial:
    """Train on `train`, choose on `validation`, judge on `test`.

    Raises
    ------
    InputError
        The data have more than two classes, one a text: what is kept of a trial is the probability of one. Or a text
        has several labels, and what stands in place of a network tells classes.
    """
    began = time.monotonic()
    parts, class_names = read_parts(config)
    several = config.labels.rule == MANY
    if len(class_names) > 2 and not several:
        raise InputError(f"a study compares classifiers of two classes; found {', '.join(class_names)}")
    if several and (external is not None or baseline == "member"):
        what = f"baseline {baseline}" if external is None else f"external {external}"
        raise InputError(f"{what}: tells two classes, one a text; found labels.rule many")
    return run_on_parts(config, parts, class_names, baseline=baseline, external=external, began=began)


def run_on_parts(
    config: RunConfig,
    parts: Parts,
    class_names: Sequence[str],
    *,
    baseline: str | None = None,
    external: Path | None = None,
    began: float | None = None,
) -> Trial:
    """`run_trial` on parts that are there already."""
    began = time.monotonic() if began is None else began
    if external is not None:
        scores, took = _external(external, config, parts)
    elif baseline is not None:
        scores, took = _baseline(baseline, config, parts, class_names)
    else:
        scores, took = _tuned(config, parts, class_names)
    n_labels = len(class_names) if config.labels.rule == MANY else None
    truth = {part: read_truth(parts[part], n_labels=n_labels) for part in JUDGED}
    choose = choose_baseline_threshold if baseline else choose_threshold
    threshold = choose(
        config.evaluation,
        y_true=truth["validation"],
        y_score=scores["validation"],
        n_classes=len(class_names),
        names=class_names,
    )
    told = {part: (each if n_labels else each[:, 1]).ravel() for part, each in scores.items()}
    return Trial(
        metrics=evaluate_scores(y_true=truth["test"], y_score=scores["test"], decision_threshold=threshold),
        decision_threshold=None if isinstance(threshold, tuple) else threshold,
        y_true=truth["test"].ravel().tolist(),
        y_score=[_rounded(score) for score in told["test"]],
        y_true_validation=truth["validation"].ravel().tolist(),
        y_score_validation=[_rounded(score) for score in told["validation"]],
        n_train=len(parts["train"]),
        train_seconds=round(took.seconds, 2),
        cpu_seconds=round(took.cpu_seconds, 2),
        seconds=round(time.monotonic() - began, 2),
        peak_gigabytes=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        n_labels=n_labels or 1,
        label_thresholds=threshold if isinstance(threshold, tuple) else (),
    )


def read_base_model(model: ModelConfig) -> Path:
    """The folder of a config's base model."""
    return fetch_base_model(
        model.source, sha256=model.sha256, revision=model.revision, token=hub_token(), cache=cache(), mirror=mirror()
    )


def read_parts(config: RunConfig) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """The examples of a config by part, labelled, and the names of the classes."""
    labels = config.labels
    examples = read_examples(
        config.data,
        keep=config.kept_columns,
        not_rated=labels.not_rated,
        absent=labels.absent,
        label_columns=labels.columns,
        raters=labels.raters,
        repeated=labels.repeated,
    )
    learnt = None if config.model.start_from is None else read_learnt(open_folder(config.model.start_from))
    labelled = label_and_split(examples, labels, config.split, config.data_quality, learnt=learnt)
    return labelled.parts, list(labelled.labelling.class_names)


def _rounded(score: float) -> float:
    """Six digits, not places: a blend takes its logarithm."""
    return float(f"{score:.6g}")


def _tuned(config: RunConfig, parts: Parts, class_names: Sequence[str]) -> tuple[dict[str, Floats], Took]:
    """Probabilities of validation and test, before any calibration, and what training took.

    No limit of time cuts it short: how fast a machine is says nothing about a config.
    """
    planned = [
        replace(member, fine_tune=member.fine_tune.model_copy(update={"max_time": math.inf}))
        for member in list_members(config.model, config.fine_tune)
    ]
    base = fetch_bases(list_pins(planned), token=hub_token(), cache=cache(), mirror=mirror())
    start = None if config.model.start_from is None else open_folder(config.model.start_from)
    if start is not None:
        require_fit(start, config.model, config.fine_tune, base_digest=tree_digest(base[0]))
    members = describe_members(
        planned,
        base=base,
        class_names=class_names,
        several=config.labels.rule == MANY,
        normalize=config.data.normalize,
        start=start,
        digest=lambda _: "",
    )
    with tempfile.TemporaryDirectory() as scratch:
        adapter, began = Path(scratch) / "adapter", Took.so_far()
        train_members(parts, members, Means(Path(scratch) / "checkpoints"), output=adapter)
        took = replace(Took.since(began), seconds=History.load(adapter).seconds)
        predictor = Predictor.load(adapter, base=base)
        scores = {part: predictor.score(list(parts[part]["text"])) for part in JUDGED}
    return scores, took


def _external(folder: Path, config: RunConfig, parts: Parts) -> tuple[dict[str, Floats], Took]:
    """What an external contender says of validation and test, of texts normalised as the classifier's are."""
    read = _normalized(config, parts)
    base, seed = read_base_model(config.model), config.fine_tune.seed
    said = ask_external(folder, read, base=base, max_length=config.model.max_length, seed=seed)
    scores = {part: two_columns(getattr(said, part)) for part in JUDGED}
    return scores, Took(said.train_seconds, said.cpu_seconds)


def _normalized(config: RunConfig, parts: Parts) -> dict[str, pd.DataFrame]:
    names = config.data.normalize
    return {part: rows.assign(text=normalize_texts(rows["text"], names)) for part, rows in parts.items()}


def _baseline(name: str, config: RunConfig, parts: Parts, class_names: Sequence[str]) -> tuple[dict[str, Floats], Took]:
    """Probabilities of validation and test, of texts normalised as the classifier's are, and what they took."""
    began = Took.so_far()
    scores = _score_baseline(name, config, _normalized(config, parts), class_names)
    return scores, Took.since(began)


def _score_baseline(name: str, config: RunConfig, parts: Parts, class_names: Sequence[str]) -> dict[str, Floats]:
    train, others = parts["train"], {part: parts[part] for part in JUDGED}
    n_classes, several = len(class_names), config.labels.rule == MANY
    if name == "member":
        member = fit_member(train, class_names=class_names, seed=0)
        return {part: member.score(list(rows["text"])) for part, rows in others.items()}
    if name != "frozen":
        return score_baselines(train, others, names=[name], n_classes=n_classes, several=several)[name]
    base = read_base_model(config.model)
    texts = {part: list(rows["text"]) for part, rows in {"train": train, **others}.items()}
    features = embed_parts(texts, base=base, max_length=config.model.max_length)
    return score_probe(features, train, parts=JUDGED, n_classes=n_classes, several=several)
