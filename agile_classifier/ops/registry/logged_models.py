"""Logged models: what MLflow keeps of a classifier before it is a version, by the registration that logged it.

A registration is known by a key, a tag of the logged model and of the version that it makes. One that is tried again,
because its process was killed, takes over what stands there already.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelStatus
from mlflow.entities.model_registry import ModelVersion

REGISTRATION = "agile.registration"
"""Tag of a logged model and of a version: key of the registration that made it."""


def find_registered(model_name: str, registration: str) -> ModelVersion | None:
    """Find the version that a registration has made already; None before it has."""
    of_it = f"name = '{model_name}' and tags.`{REGISTRATION}` = '{registration}'"
    return next(iter(MlflowClient().search_model_versions(of_it, order_by=["version_number DESC"])), None)


def take_over(run_id: str, registration: str) -> str | None:
    """Address of the model that a registration has logged whole, and None before it has; half a model is removed."""
    whole = None
    for model in _list_of(run_id):
        if model.tags.get(REGISTRATION) != registration:
            continue
        if model.status == LoggedModelStatus.READY:
            whole = f"models:/{model.model_id}"
        else:
            remove(model.model_id)
    return whole


def list_folders(run_id: str) -> dict[str, Path | None]:
    """Map the ids of the models that a run logged to their local folders."""
    return {model.model_id: local_folder(model.artifact_location, model.model_id) for model in _list_of(run_id)}


def find_folder(model_id: str) -> Path | None:
    """Local folder of a logged model's files; None if they are not on this machine."""
    model: LoggedModel = MlflowClient().get_logged_model(model_id)
    return local_folder(model.artifact_location, model_id)


def remove(model_id: str) -> None:
    """Delete a logged model and its files."""
    folder = find_folder(model_id)
    MlflowClient().delete_logged_model(model_id)
    if folder is not None and folder.is_dir():
        shutil.rmtree(folder)


def local_folder(uri: str, name: str) -> Path | None:
    """Local folder called `name` that a URI points into; None for remote stores and folders of other names."""
    parts = urlsplit(uri)
    if parts.scheme not in ("", "file"):
        return None
    path = Path(unquote(parts.path))
    return next((folder for folder in (path, path.parent) if folder.name == name and folder.is_absolute()), None)


def _list_of(run_id: str) -> list[LoggedModel]:
    client = MlflowClient()
    experiment = client.get_run(run_id).info.experiment_id
    return list(client.search_logged_models([experiment], filter_string=f"source_run_id = '{run_id}'"))
