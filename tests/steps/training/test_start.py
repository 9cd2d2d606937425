"""A training that goes on from another: what the steps bring, leave out, record and register, on a toy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from agile_classifier.config.data import LabelsConfig
from agile_classifier.config.data_quality import DataQualityConfig
from agile_classifier.config.split import SplitConfig
from agile_classifier.config.training import FineTuneConfig, ModelConfig
from agile_classifier.errors import InputError
from agile_classifier.files import tree_digest
from agile_classifier.models.spec import ClassifierSpec
from agile_classifier.training.fine_tuning import fine_tune

Outputs = dict[str, Any]
LABELS = LabelsConfig(rule="value", value=0.5, names=("Blame", "Praise"))
LIMITS = DataQualityConfig(leaks_limit=None, duplicates_limit=None, conflicts_limit=None)
TUNING = FineTuneConfig(epochs=1, rank=2, learning_rate=1e-2, batch_size=8)
N_LEARNT = 90
"""Rows of the toy that the start has learnt; the test part of another run holds some of them."""


@pytest.fixture(scope="module")
def start_folder(tiny_model: Path, tiny_examples: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("start")
    learnt = tiny_examples[:N_LEARNT].assign(label=(tiny_examples["score"] >= 0.5).astype(int))
    model = ModelConfig(source=str(tiny_model), max_length=32)
    spec = ClassifierSpec.describe(model, class_names=("no", "yes"), base_digest=tree_digest(tiny_model))
    parts = {"train": learnt, "validation": learnt[:0]}
    fine_tune(parts, spec, TUNING, base=tiny_model, checkpoints=folder / "checkpoints", output=folder / "field")
    return folder / "field"


@pytest.fixture(scope="module")
def steps(state_folder: Path) -> Any:
    """Modules of steps, which ZenML wants imported once its state folder is known."""
    from steps.training.fine_tune import fine_tune as tune
    from steps.training.ingest_base_model import ingest_base_model
    from steps.training.ingest_start import ingest_start
    from steps.training.label_and_split import label_and_split

    return SimpleNamespace(
        fine_tune=tune,
        ingest_base_model=ingest_base_model,
        ingest_start=ingest_start,
        label_and_split=label_and_split,
    )


@pytest.fixture(scope="module")
def model(tiny_model: Path, start_folder: Path) -> ModelConfig:
    return ModelConfig(source=str(tiny_model), max_length=32, start_from=str(start_folder))


@pytest.fixture(scope="module")
def base_model(steps: Any, tiny_model: Path) -> Any:
    return steps.ingest_base_model(str(tiny_model), None, None)


@pytest.fixture(scope="module")
def start(steps: Any, base_model: Any, model: ModelConfig) -> Any:
    return steps.ingest_start(base_model, model, TUNING)


def test_what_the_start_had_learnt_is_left_out_trained_on_from_and_recorded(
    run_step: Callable[..., Outputs], steps: Any, base_model: Any, start: Any, model: ModelConfig,
    tiny_examples: pd.DataFrame, logged: Callable[[str], dict[str, Any]],
) -> None:  # fmt: skip
    from mlflow import MlflowClient

    assert logged("ingest_start")["start"]["name"] == "field"
    split = SplitConfig(train=40, validation=20, test=60)
    parts = run_step(steps.label_and_split, tiny_examples, LABELS, split, LIMITS, *_defaults(steps), start)
    learnt = set(tiny_examples["text"][:N_LEARNT])
    copies = parts["labelling"].start_copies
    assert copies.checked == "nearly"
    assert len(parts["test"]) == 60 - copies.n_test
    assert copies.n_test > 0
    assert not learnt & {*parts["test"]["text"], *parts["validation"]["text"]}
    tuned = run_step(
        steps.fine_tune, parts["train"], parts["validation"], base_model, parts["labelling"], model, TUNING, "later",
        (), start,
    )  # fmt: skip
    (begun,) = ClassifierSpec.load(tuned["adapter"].path).starts
    assert (begun.name, begun.version, begun.n_texts) == ("field", None, len(learnt))
    tags = MlflowClient().get_run(tuned["mlflow_run_id"]).data.tags
    assert (tags["start.name"], tags["start.digest"]) == ("field", begun.digest)


def test_a_start_on_another_base_is_refused_before_anything_is_trained(
    steps: Any, model: ModelConfig, tiny_language_model: Path
) -> None:
    from agile_classifier.ops.runs.materializers import Folder

    with pytest.raises(InputError, match=r"model\.start_from .*: was tuned on .*; a start has the same base model"):
        steps.ingest_start.entrypoint(Folder(tiny_language_model), model, TUNING)


def test_a_pipeline_without_the_step_that_brings_the_start_trains_nothing(
    steps: Any, model: ModelConfig, tiny_model: Path
) -> None:
    from agile_classifier.ops.runs.materializers import Folder

    with pytest.raises(InputError, match="compiled without the step ingest_start"):
        steps.fine_tune.entrypoint(None, None, Folder(tiny_model), None, model, TUNING, "later")


def _defaults(steps: Any) -> tuple[Any, ...]:
    """What `label_and_split` takes between its sections and the start, where nothing is asked for."""
    import inspect

    parameters = inspect.signature(steps.label_and_split.entrypoint).parameters
    return tuple(parameters[name].default for name in ("kept", "groups", "terms_digest", "named_classes"))
