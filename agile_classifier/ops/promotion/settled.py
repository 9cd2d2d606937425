"""Settled history: what MLflow tells of a model's champion where nothing has happened since the last event.

What records an event takes the promotion lock and tells whoever is told; to read a history that is complete, MLflow is
enough.
"""

from __future__ import annotations

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from agile_classifier.ops.registry import history
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.registry.history import Event

PROMOTION = "promotion"
"""Tag of a version: the kind of the last event that was about it."""


def read_settled(model_name: str) -> list[Event] | None:
    """Read the whole history, oldest first; None where something is left to record (`champions.settle`).

    Left to record is an alias that was moved by hand, a change whose process was killed, and perhaps the answer to a
    question that was open.
    """
    events = history.read_events(model_name)
    is_moved = registry.read_champion(model_name) != history.last_champion(events)
    if is_moved or history.read_changes(model_name) or find_asked(model_name):
        return None
    return events


def find_asked(model_name: str) -> list[ModelVersion]:
    """Find the versions about which a person was asked, and no answer is recorded."""
    asked = f"name = '{model_name}' and tags.`{PROMOTION}` = '{history.ASKED}'"
    return list(MlflowClient().search_model_versions(asked))
