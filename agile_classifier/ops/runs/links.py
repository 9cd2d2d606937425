"""Links: where a browser finds a run of ZenML, and a run and a version of MLflow."""

from __future__ import annotations

import os
from urllib.parse import quote

import mlflow
from zenml.client import Client
from zenml.models import PipelineRunResponse

from agile_classifier.environment import MLFLOW_PORT, SERVED, ZENML_PORT

OWN_PORTS = {"ZENML_STORE_URL": ZENML_PORT, "MLFLOW_TRACKING_URI": MLFLOW_PORT}
"""Port on which `agile ui` shows each store that no server serves."""


def run_address(run: PipelineRunResponse) -> str:
    """Address of a run's page on ZenML's dashboard."""
    return f"{_base('ZENML_STORE_URL')}/projects/{quote(Client().active_project.name)}/runs/{run.id}"


def mlflow_run_address(run_id: str) -> str:
    """Address of a run's page in MLflow, whose artifacts hold the report."""
    experiment = mlflow.get_run(run_id).info.experiment_id
    return f"{_base('MLFLOW_TRACKING_URI')}/#/experiments/{experiment}/runs/{run_id}"


def version_address(model_name: str, version: str) -> str:
    """Address of a version's page in MLflow's registry."""
    return f"{_base('MLFLOW_TRACKING_URI')}/#/models/{quote(model_name)}/versions/{version}"


def _base(variable: str) -> str:
    store = os.environ.get(variable, "")
    return store.rstrip("/") if store.startswith(SERVED) else f"http://127.0.0.1:{OWN_PORTS[variable]}"
