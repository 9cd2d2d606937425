"""Links: where a browser finds a run of ZenML, and a run and a version of MLflow."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from urllib.parse import quote

import mlflow
from mlflow import MlflowClient
from zenml import get_step_context
from zenml.client import Client
from zenml.models import PipelineRunResponse

from agile_classifier.environment import MLFLOW_PORT, SERVED, ZENML_PORT
from agile_classifier.evaluation.reports.page import Fact

ZENML_RUN, ZENML_RUN_NAME = "zenml.run", "zenml.run_name"
"""Tags of an MLflow run and of a version: id and name of the ZenML run that was the last to work on it."""
OWN_PORTS = {"ZENML_STORE_URL": ZENML_PORT, "MLFLOW_TRACKING_URI": MLFLOW_PORT}
"""Port on which `agile ui` shows each store that no server serves."""


def run_address(run: PipelineRunResponse) -> str:
    """Address of a run's page on ZenML's dashboard."""
    return _run_page(str(run.id))


def mlflow_run_address(run_id: str) -> str:
    """Address of a run's page in MLflow, whose artifacts hold the report."""
    experiment = mlflow.get_run(run_id).info.experiment_id
    return f"{_base('MLFLOW_TRACKING_URI')}/#/experiments/{experiment}/runs/{run_id}"


def version_address(model_name: str, version: str) -> str:
    """Address of a version's page in MLflow's registry."""
    return f"{_base('MLFLOW_TRACKING_URI')}/#/models/{quote(model_name)}/versions/{version}"


def describe_run() -> list[Fact]:
    """Facts for the head of a page that a step of a run makes: the run and when it began."""
    run = get_step_context().pipeline_run
    began = run.start_time or run.created
    return [Fact("run", run.name, run_address(run)), Fact("begun", f"{began:%Y-%m-%d %H:%M} UTC")]


def describe_version(model_name: str, version: str) -> list[Fact]:
    """Facts for the head of a version's report: itself, the runs that made it, and the time of its decision, now."""
    found = MlflowClient().get_model_version(model_name, version)
    run_id, run_name = found.tags.get(ZENML_RUN, ""), found.tags.get(ZENML_RUN_NAME, "")
    facts = [Fact("version", f"{version} of {model_name}", version_address(model_name, version))]
    if run_name:
        facts.append(Fact("run", run_name, _run_page(run_id)))
    facts.append(Fact("decided", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"))
    if found.run_id:
        facts.append(Fact("MLflow run", found.run_id, mlflow_run_address(found.run_id)))
    return facts


def runs_path() -> str:
    """Path of the list of runs on ZenML's dashboard."""
    return f"/projects/{quote(Client().active_project.name)}/runs"


def _run_page(run_id: str) -> str:
    return f"{_base('ZENML_STORE_URL')}{runs_path()}/{run_id}"


def _base(variable: str) -> str:
    store = os.environ.get(variable, "")
    return store.rstrip("/") if store.startswith(SERVED) else f"http://127.0.0.1:{OWN_PORTS[variable]}"
