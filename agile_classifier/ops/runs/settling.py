"""Settling: a run whose process was killed is marked as ended, in ZenML and in MLflow.

What a step of it wrote into a local artifact store, and no run can use, goes with it.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from mlflow import MlflowClient
from zenml.client import Client
from zenml.enums import ExecutionStatus, StackComponentType
from zenml.models import PipelineRunResponse, PipelineRunUpdate, StepRunResponse, StepRunUpdate

from agile_classifier.ops.runs import liveness
from agile_classifier.ops.runs.links import ZENML_RUN_NAME

KILLED = "the process that ran it was killed"
"""Why a run counts as failed, on ZenML's dashboard."""


def settle(run_name: str) -> str | None:
    """Settle an announced run whose process is dead; returns its new status in ZenML, None where that stays."""
    run, status = _find(run_name), None
    if run is not None and ends_with_its_process(run):
        status = _end(run)
    elif run is not None and not run.status.is_finished:
        return None  # a cluster may be working on it
    _end_mlflow_runs(run_name)
    liveness.forget(run_name)
    return status


def ends_with_its_process(run: PipelineRunResponse) -> bool:
    """Whether the run ends with the process that started it, as on a local orchestrator."""
    if run.stack is None:
        return False
    orchestrators = run.stack.components.get(StackComponentType.ORCHESTRATOR, [])
    return all(component.flavor_name == "local" for component in orchestrators)


def _find(run_name: str) -> PipelineRunResponse | None:
    """Find a run by its name; None where its process was killed before ZenML knew it, or it was deleted."""
    try:
        return Client().get_pipeline_run(run_name, allow_name_prefix_match=False)
    except KeyError:
        return None


def _end(run: PipelineRunResponse) -> str | None:
    """Pause a run that has asked a person, fail any other with its open steps; returns its status where that is new."""
    if run.status == ExecutionStatus.PAUSED:
        return None
    if run.status.is_finished:  # which its last step may not know, where the disk was full
        _fail_open_steps(run)
        return None
    if Client().list_run_wait_conditions(pipeline_run=run.id, size=1).items:
        update = PipelineRunUpdate(status=ExecutionStatus.PAUSED)
    else:
        _fail_open_steps(run)
        update = PipelineRunUpdate(status=ExecutionStatus.FAILED, status_reason=KILLED)
    return str(Client().zen_store.update_run(run.id, update).status.value)


def _fail_open_steps(run: PipelineRunResponse) -> None:
    failed = StepRunUpdate(status=ExecutionStatus.FAILED, end_time=datetime.now(UTC))
    for step in run.steps.values():
        if not step.status.is_finished:
            _remove_outputs(step)
            Client().zen_store.update_run_step(step.id, failed)


def _remove_outputs(step: StepRunResponse) -> None:
    """Remove what a step that never ended wrote into a local artifact store."""
    store = Client().active_stack.artifact_store.path
    if "://" in store:
        return
    for artifact in Client().list_artifact_versions(uri=f"contains:/{step.id}/", only_unused=True, size=200).items:
        Client().delete_artifact_version(artifact.id, delete_from_artifact_store=Path(artifact.uri).exists())
    for folder in Path(store, step.name).glob(f"*/{step.id}"):
        shutil.rmtree(folder)


def _end_mlflow_runs(run_name: str) -> None:
    """Mark the MLflow runs that a ZenML run was the last to work on, and that say they are running, as `KILLED`."""
    client = MlflowClient()
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    of_the_run = f"tags.`{ZENML_RUN_NAME}` = '{run_name}' and attributes.status = 'RUNNING'"
    for run in client.search_runs(experiments, of_the_run) if experiments else ():
        client.set_terminated(run.info.run_id, status="KILLED")
