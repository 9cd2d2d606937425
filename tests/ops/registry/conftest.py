"""A registry with a small tuned classifier, of which the tests of this folder load versions."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from agile_classifier.config.ensemble.members import list_members
from agile_classifier.config.training import ModelConfig
from tests.toys.toy_version import NAME, TUNING, register_version


@pytest.fixture(scope="module")
def registry(
    state_folder: Path, new_mlflow: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """An MLflow store of its own, with a toy that is no classifier of this project under `toy`, and nothing under `bare`."""
    import mlflow
    from mlflow import MlflowClient

    from tests.toys import toy_training as toy

    folder, shared = tmp_path_factory.mktemp("mlflow"), mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(new_mlflow(folder))
    client = MlflowClient()
    experiment = client.create_experiment("toy", artifact_location=(folder / "artifacts").as_uri())
    run_id = client.create_run(experiment).info.run_id
    for _ in range(2):
        toy.make_version(run_id, "toy", zenml_run="none")
    client.set_registered_model_alias("toy", "champion", "1")
    client.create_registered_model("bare")
    yield run_id
    mlflow.set_tracking_uri(shared)


@pytest.fixture(scope="module")
def base(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the base model, which a test may take away."""
    return shutil.copytree(tiny_model, tmp_path_factory.mktemp("base") / "model")


@pytest.fixture(scope="module")
def adapter(base: Path, tiny_examples: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ensemble of two networks on one base model, and a linear machine between them."""
    from agile_classifier.training.ensemble import Means, describe_members, train_members

    folder = tmp_path_factory.mktemp("trained")
    labelled = tiny_examples.assign(label=(tiny_examples["score"] >= 0.5).astype(int))[:24]
    beside = ({"kind": "tfidf_svm"}, {"fine_tune": {"seed": 4}})
    model = ModelConfig(source=str(base), quantization="none", max_length=32, members=beside)
    members = describe_members(list_members(model, TUNING), base=base, class_names=("blame", "praise"))
    parts = {"train": labelled, "validation": labelled[:0]}
    train_members(parts, members, Means(folder / "checkpoints"), output=folder / "adapter")
    return folder / "adapter"


@pytest.fixture(scope="module")
def versions(registry: str, adapter: Path, base: Path) -> str:
    """The adapter, calibrated and by a threshold that few texts reach, as version 1 with a reference to its base model, as 2 with it inside."""
    for inside in (None, base):
        register_version(adapter, registry, base=inside)
    return NAME


@pytest.fixture
def files(version: Path, tmp_path: Path) -> Iterator[Path]:
    """The files of a module's `version`, put back after each test."""
    kept = shutil.copytree(version, tmp_path / "kept")
    yield version
    shutil.rmtree(version)
    shutil.copytree(kept, version)
