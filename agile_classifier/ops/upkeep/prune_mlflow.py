"""MLflow's leftovers: this project's runs, logged models and model versions, with their age, size and removal.

What MLflow deletes on a database stays on the disk (`mlflow gc` would also destroy what a person deleted and may want
back), so removal here takes the artifacts of the very run or model with it, where they are local files.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run, RunStatus
from mlflow.entities.model_registry import ModelVersion

from agile_classifier.ops.registry import logged_models
from agile_classifier.ops.runs.links import ZENML_RUN
from agile_classifier.ops.runs.tracking import TRAINING_KEY

PAGE = 1000


@dataclass(frozen=True)
class TrainingRun:
    """An MLflow run that a training of this project opened."""

    id: str
    name: str
    experiment: str
    training_key: str
    """Key of the training, which names the folder of its checkpoints."""
    zenml_run: str
    """Id of the ZenML run that opened this MLflow run, or last resumed it."""
    says_running: bool
    used: datetime
    """When the run ended, or when it began if it has not ended."""
    folder: Path | None


@dataclass(frozen=True)
class Version:
    """A model version that this project registered."""

    model_name: str
    number: str
    has_alias: bool
    run_id: str
    zenml_run: str
    logged_model: str | None
    created: datetime

    @property
    def name(self) -> str:
        """Model and number for a reader, `comments version 3`."""
        return f"{self.model_name} version {self.number}"


def read_training_runs() -> list[TrainingRun]:
    """List the MLflow runs of this project's trainings, in every experiment; other people's runs are left alone."""
    client = MlflowClient()
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    found: list[Run] = []
    token = None
    while experiments:
        page = client.search_runs(experiments, f"tags.`{TRAINING_KEY}` LIKE '%'", max_results=PAGE, page_token=token)
        found += page
        token = page.token
        if not token:
            break
    return [_training_run(run) for run in found]


def read_versions() -> list[Version]:
    """List the model versions that this project's pipeline registered."""
    client = MlflowClient()
    found: list[ModelVersion] = []
    token = None
    while True:
        page = client.search_model_versions(max_results=PAGE, page_token=token)
        found += [version for version in page if ZENML_RUN in version.tags]
        token = page.token
        if not token:
            return [_version(client, version) for version in found]


def remove_version(version: Version) -> bool:
    """Delete a version and its logged model.

    Returns False, and keeps both, if it has got an alias since it was read.
    """
    client = MlflowClient()
    if client.get_model_version(version.model_name, version.number).aliases:
        return False
    client.delete_model_version(version.model_name, version.number)
    if version.logged_model is not None:
        logged_models.remove(version.logged_model)
    return True


def remove_run(run: TrainingRun) -> bool:
    """Delete a run and its files; returns False, and keeps both, if a version depends on it."""
    client = MlflowClient()
    if client.search_model_versions(f"run_id = '{run.id}'"):
        return False
    client.delete_run(run.id)
    _remove(run.folder)
    return True


def _training_run(run: Run) -> TrainingRun:
    info, tags = run.info, run.data.tags
    return TrainingRun(
        id=info.run_id,
        name=info.run_name or info.run_id,
        experiment=info.experiment_id,
        training_key=tags[TRAINING_KEY],
        zenml_run=tags.get(ZENML_RUN, ""),
        says_running=not RunStatus.is_terminated(RunStatus.from_string(info.status)),
        used=_moment(info.end_time or info.start_time),
        folder=logged_models.local_folder(info.artifact_uri, info.run_id),
    )


def _version(client: MlflowClient, found: ModelVersion) -> Version:
    aliases = client.get_model_version(found.name, found.version).aliases  # a search leaves them out
    source = found.source or ""
    return Version(
        model_name=found.name,
        number=str(found.version),
        has_alias=bool(aliases),
        run_id=found.run_id or "",
        zenml_run=found.tags[ZENML_RUN],
        logged_model=source.removeprefix("models:/") if source.startswith("models:/m-") else None,
        created=_moment(found.creation_timestamp),
    )


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)


def _remove(folder: Path | None) -> None:
    if folder is not None and folder.is_dir():
        shutil.rmtree(folder)
