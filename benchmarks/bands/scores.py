"""Scores of the simulation: a classifier of each kind on each split, by the project's own code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agile_classifier.config.files import load_config
from agile_classifier.config.run import RunConfig
from agile_classifier.models.classical.linear_probe import score_probe
from agile_classifier.models.embeddings import embed_parts
from agile_classifier.studies.trial import read_base_model, read_parts, run_on_parts
from benchmarks.quality import CONFIGS

THIRDS = ("split.method=stratified", "split.train=0.34", "split.validation=0.33", "split.test=null")
"""A third of the rows each to train, to find bands on, and to judge them by."""
FIFTH = ("split.method=stratified", "split.train=0.2", "split.validation=0.4", "split.test=null")
"""Fewer to train on, for what is slow to train."""
DATA: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "ethos": ("ethos", THIRDS),
    "ethos, 200 to train": ("ethos", FIFTH),
    "tweets": ("quickstart", THIRDS),
    "unfair-tos": ("unfair-tos", THIRDS),
    "unfair-tos by contract": ("unfair-tos", ("split.train=20", "split.validation=15", "split.test=15")),
}
"""Data → the config that reads them, and how they are split."""
EPOCHS = 3
"""Epochs of a tuned classifier, the best of which validation chooses."""
TUNED = ("model.members=[]", "model.quantization=none", f"fine_tune.epochs={EPOCHS}")

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Scored:
    """A split's rows with a classifier's probabilities of class 1."""

    validation: pd.DataFrame
    test: pd.DataFrame
    y_score_validation: Floats
    y_score_test: Floats
    share: float
    """Share of class 1 in train."""
    by_group: bool
    """Whether the split keeps groups whole."""


def score_splits(data: str, model: str, *, splits: int) -> Iterator[Scored]:
    """Train a classifier on each split; yield it with the rows it was not trained on."""
    name, overrides = DATA[data]
    for seed in range(splits):
        config = load_config(CONFIGS / f"{name}.yaml", overrides=(*overrides, *TUNED, f"split.seed={seed}"))
        parts, class_names = read_parts(config)
        validation, test = MODELS[model](config, parts, class_names)
        yield Scored(
            parts["validation"], parts["test"], validation, test,
            share=float(parts["train"]["label"].mean()), by_group=config.split.keeps_groups,
        )  # fmt: skip


def _tfidf(config: RunConfig, parts: Mapping[str, pd.DataFrame], class_names: list[str]) -> tuple[Floats, Floats]:
    trial = run_on_parts(config, parts, class_names, baseline="tfidf")
    return np.asarray(trial.y_score_validation), np.asarray(trial.y_score)


def _tuned(config: RunConfig, parts: Mapping[str, pd.DataFrame], class_names: list[str]) -> tuple[Floats, Floats]:
    trial = run_on_parts(config, parts, class_names)
    return np.asarray(trial.y_score_validation), np.asarray(trial.y_score)


def _probe(config: RunConfig, parts: Mapping[str, pd.DataFrame], class_names: list[str]) -> tuple[Floats, Floats]:
    """A linear probe of the frozen base model, each text embedded once for all splits."""
    every = tuple(sorted({text for rows in parts.values() for text in rows["text"]}))
    place, features = _embed(every, config.model.model_dump_json())
    found = {part: features[[place[text] for text in rows["text"]]] for part, rows in parts.items()}
    scores = score_probe(found, parts["train"], parts=("validation", "test"), n_classes=len(class_names))
    return scores["validation"][:, 1], scores["test"][:, 1]


@cache
def _embed(texts: tuple[str, ...], model: str) -> tuple[dict[str, int], NDArray[np.float32]]:
    asked = RunConfig.model_fields["model"].annotation.model_validate_json(model)  # type: ignore[union-attr]
    features = embed_parts({"all": list(texts)}, base=read_base_model(asked), max_length=asked.max_length)
    return {text: row for row, text in enumerate(texts)}, features["all"]


MODELS: Mapping[str, Callable[..., tuple[Floats, Floats]]] = {"tfidf": _tfidf, "probe": _probe, "tuned": _tuned}
"""Kind of classifier → its probabilities of class 1 on validation and test."""
CHOICES = {"tfidf": 1, "probe": 1, "tuned": EPOCHS}
"""Kind of classifier → checkpoints among which validation has chosen."""
