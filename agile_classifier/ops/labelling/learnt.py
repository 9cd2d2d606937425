"""What a model has learnt of Label Studio: the moment up to which the newest version's data may hold its labels."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from mlflow import MlflowClient

from agile_classifier.data.label_studio.labels import SCHEME
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.registry.contents import version_files


def learnt_until(model_name: str) -> datetime | None:
    """When the run began that made a model's newest version, where its data came from Label Studio; else None."""
    if not registry.is_known(model_name):
        return None
    found = MlflowClient().search_model_versions(f"name = '{model_name}'")
    newest = max(found, key=lambda version: int(version.version), default=None)
    if newest is None or not newest.run_id:
        return None
    data = version_files.read_config(model_name, str(newest.version)).get("data")
    if f"{SCHEME}://" not in json.dumps(data):
        return None
    began = MlflowClient().get_run(newest.run_id).info.start_time
    return datetime.fromtimestamp(began / 1000, UTC)
