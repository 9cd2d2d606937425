"""ZenML's leftovers: this project's runs and the artifacts that no other run uses, with age, size and removal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from zenml.client import Client
from zenml.io import fileio
from zenml.models import ArtifactVersionResponse, PipelineRunResponse
from zenml.utils.pagination_utils import depaginate

from agile_classifier.environment import home
from agile_classifier.errors import InputError
from agile_classifier.ops.project import list_pipelines
from agile_classifier.ops.runs import liveness, settling

MLFLOW_RUN = "mlflow_run_id"
"""Name of the output of `fine_tune` that holds the id of the MLflow run which later steps write to."""


@dataclass(frozen=True)
class StepArtifact:
    """An artifact that a step wrote, with its age and size."""

    id: UUID
    name: str
    folder: Path


@dataclass(frozen=True)
class PipelineRun:
    """A run of one of the project's pipelines."""

    id: str
    name: str
    status: str
    is_finished: bool
    """Whether ZenML records the run as finished."""
    is_over: bool
    """Whether ZenML records the run as finished, or its process is known to be dead."""
    used: datetime
    """When the run ended, or when it began if it has not ended."""
    wrote: tuple[StepArtifact, ...]
    reads: frozenset[UUID]
    parameters: str = ""
    """What the run was given, as text."""

    @property
    def report(self) -> Path:
        """Path of the copy of the run's report."""
        return home() / "reports" / f"{self.name}.html"

    @property
    def uses(self) -> frozenset[UUID]:
        """Ids of all artifacts that the run wrote or read."""
        return self.reads | {artifact.id for artifact in self.wrote}


def read_pipeline_runs() -> list[PipelineRun]:
    """List this user's runs of the project's pipelines; other runs on a shared server are left alone."""
    client = Client()
    ours = list_pipelines()
    runs = depaginate(client.list_pipeline_runs, user=client.active_user.id, size=200, hydrate=True)
    return [_pipeline_run(run) for run in runs if run.pipeline is not None and run.pipeline.name in ours]


def mlflow_runs_named_by(runs: Iterable[PipelineRun]) -> frozenset[str]:
    """Ids of the MLflow runs that reused `fine_tune` steps refer to, which later runs would go on with.

    Raises
    ------
    InputError
        A reference cannot be read, so it is unknown what must be kept.
    """
    names = {artifact.id: run.name for run in runs for artifact in run.wrote if artifact.name == MLFLOW_RUN}
    return frozenset(_read_name(artifact, run_name) for artifact, run_name in names.items())


def remove_run(run: PipelineRun) -> None:
    """Delete a run and the copy of its report; its artifacts stay until `remove_artifact`."""
    Client().zen_store.delete_run(UUID(run.id))
    run.report.unlink(missing_ok=True)


def remove_artifact(artifact: StepArtifact) -> bool:
    """Delete an artifact and its files; returns False, and keeps it, if any run uses it."""
    client = Client()
    unused = client.list_artifact_versions(id=artifact.id, only_unused=True, size=1).items
    if not unused:
        return False  # ZenML deletes the files before it looks
    client.delete_artifact_version(artifact.id, delete_from_artifact_store=fileio.exists(unused[0].uri))
    return True


def _pipeline_run(run: PipelineRunResponse) -> PipelineRun:
    steps = run.steps.values()
    wrote = {artifact.id: artifact for step in steps for artifacts in step.outputs.values() for artifact in artifacts}
    reads = {artifact.id for step in steps for artifacts in step.inputs.values() for artifact in artifacts}
    is_finished = run.status.is_finished
    return PipelineRun(
        id=str(run.id),
        name=run.name,
        status=run.status.value,
        is_finished=is_finished,
        is_over=is_finished or (settling.ends_with_its_process(run) and liveness.is_known_dead(run.name)),
        used=_aware(run.end_time or run.start_time or run.created),
        wrote=tuple(_step_artifact(artifact) for artifact in wrote.values()),
        reads=frozenset(reads),
        parameters=str(run.config.parameters or ""),
    )


def _step_artifact(version: ArtifactVersionResponse) -> StepArtifact:
    return StepArtifact(version.id, version.artifact.name, Path(version.uri))


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _read_name(artifact: UUID, run_name: str) -> str:
    try:
        return str(Client().get_artifact_version(artifact).load())
    except FileNotFoundError as error:
        raise InputError(
            f"ZenML run {run_name}: {error.filename} is gone, so what the run rests on is unknown and nothing was "
            "removed; "
            f"bring the file back, or delete the run: zenml pipeline runs delete {run_name}"
        ) from None
