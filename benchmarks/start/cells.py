"""The start on EDOS, and the cells of ETHOS that are trained with and without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from agile_classifier.config.files import load_config
from agile_classifier.config.run import RunConfig
from agile_classifier.files import tree_digest
from agile_classifier.models.spec import ClassifierSpec
from agile_classifier.models.starts.folder import open_folder
from agile_classifier.studies.trial import read_base_model, read_parts, run_on_parts
from agile_classifier.training.fine_tuning import fine_tune
from benchmarks.quality import CONFIGS

METRICS = ("roc_auc", "f1")
Parts = dict[str, pd.DataFrame]


def _as_they_are(parts: Parts) -> Parts:
    return parts


def _with_votes(parts: Parts) -> Parts:
    """Train with the share of its raters as target: binomial votes, of about six raters a text."""
    return {**parts, "train": parts["train"].assign(target=parts["train"]["score"])}


ARMS: Mapping[str, tuple[bool, Callable[[Parts], Parts]]] = {
    "plain": (False, _as_they_are),
    "votes": (False, _with_votes),
    "started": (True, _as_they_are),
    "started, votes": (True, _with_votes),
}
"""Arm → whether it goes on from the start, and what it makes of the parts."""


def train_start(config: RunConfig, folder: Path) -> Path:
    """Train the config's network on EDOS' 14,000 texts for one epoch; returns its folder, kept for later calls."""
    adapter = folder / "adapter"
    if not adapter.is_dir():
        base, settings = read_base_model(config.model), config.fine_tune
        parts, names = read_parts(load_config(CONFIGS / "edos.yaml"))
        spec = ClassifierSpec.describe(
            config.model, class_names=names, base_digest=tree_digest(base), normalize=config.data.normalize
        )
        once = settings.model_copy(update={"epochs": 1, "seed": 0})
        unfinished = folder / "unfinished"
        fine_tune(parts, spec, once, base=base, checkpoints=folder / "checkpoints", output=unfinished)
        unfinished.rename(adapter)
    return open_folder(str(adapter))


def run_cell(name: str, *, start: Path, size: int, split: int) -> dict[str, dict[str, float]]:
    """Train every arm on one choice of rows, judged on the same test rows: those that the start had not learnt."""
    changes = (f"split.train={size}", f"split.seed={split}", f"model.start_from={start}")
    started = load_config(CONFIGS / f"{name}.yaml", overrides=changes)
    plain = started.model_copy(update={"model": started.model.model_copy(update={"start_from": None})})
    parts, class_names = read_parts(started)
    found = {}
    for arm, (goes_on, change) in ARMS.items():
        trial = run_on_parts(started if goes_on else plain, change(dict(parts)), class_names)
        found[arm] = {metric: trial.metrics[metric] for metric in METRICS} | {"n_test": len(parts["test"])}
    return found
