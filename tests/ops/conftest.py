"""A state folder for the tests of this folder; ZenML and MLflow are the real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def registry(
    state_folder: Path, new_mlflow: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """An MLflow store of its own, where `toy` version 1 is champion; it scores a text by its length."""
    import mlflow
    from mlflow import MlflowClient

    from tests.toys import toy_training as toy

    folder, shared = tmp_path_factory.mktemp("mlflow"), mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(new_mlflow(folder))
    client = MlflowClient()
    experiment = client.create_experiment("toy", artifact_location=(folder / "artifacts").as_uri())
    for name in ("toy", "other"):
        toy.make_version(client.create_run(experiment).info.run_id, name, zenml_run="none")
    client.set_registered_model_alias("toy", "champion", "1")
    yield client
    mlflow.set_tracking_uri(shared)
