"""State: what a state folder holds, as facts that can be compared: of a run that nothing befell, and of one tried again."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from agile_classifier.ops.state.databases import DATABASES

MEASURED = ("test_", "last_test_", "baseline_", "best_epoch", "largest_parity_error")
"""Beginnings of the metrics that must come out the same; seconds and bytes do not."""
OVER = ("completed", "cached", "failed", "stopped", "cancelled", "skipped", "retried")
FINISHED = ("completed", "cached", "skipped")


def read_facts(home: Path) -> dict[str, Any]:
    """Versions with their metrics, aliases and events, runs by status, and what should not be there."""
    mlflow, zenml = (home / name for name in DATABASES)
    ask = "SELECT name, version, run_id FROM model_versions WHERE current_stage != 'Deleted_Internal' ORDER BY 1, 2"
    versions = {
        f"{name} {version}": _read_version(mlflow, name, version, run) for name, version, run in _ask(mlflow, ask)
    }
    return {
        "versions": versions,
        "aliases": sorted(_ask(mlflow, "SELECT name, alias, version FROM registered_model_aliases")),
        "events": _read_events(mlflow),
        "MLflow runs": _count(mlflow, "SELECT status FROM runs WHERE lifecycle_stage = 'active'"),
        "logged models": _count(mlflow, "SELECT status FROM logged_models WHERE lifecycle_stage = 'active'"),
        "unfinished": [*_list_unfinished(zenml), *_list_changes(mlflow)],
        "strays": sorted(_list_strays(home, zenml)),
    }


def _read_version(mlflow: Path, name: str, version: int, run_id: str) -> dict[str, Any]:
    tags = dict(_ask(mlflow, "SELECT key, value FROM model_version_tags WHERE name = ? AND version = ?", name, version))
    metrics = _ask(mlflow, "SELECT key, value FROM latest_metrics WHERE run_uuid = ? ORDER BY key", run_id)
    kept = {key: value for key, value in tags.items() if key.startswith("test_") or key == "promotion"}
    return {**kept, **{key: value for key, value in metrics if key.startswith(MEASURED)}}


def _read_events(mlflow: Path) -> list[str]:
    found = _ask(mlflow, "SELECT value FROM registered_model_tags WHERE key LIKE 'mlflow.agile.history.%' ORDER BY key")
    events = [json.loads(value) for (value,) in found]
    return [f"version {event['version']} {event['kind']}, champion {event['champion']}" for event in events]


def _list_unfinished(zenml: Path) -> Iterator[str]:
    """Runs and steps that say they are going on, though no process is left."""
    for table in ("pipeline_run", "step_run"):
        for name, status in _ask(zenml, f"SELECT name, status FROM {table}"):
            if status not in OVER:
                yield f"{table} {name} {status}"


def _list_changes(mlflow: Path) -> Iterator[str]:
    yield from (key for (key,) in _ask(mlflow, "SELECT key FROM registered_model_tags WHERE key LIKE 'changing.%'"))


def _list_strays(home: Path, zenml: Path) -> Iterator[str]:
    """Files that belong to nothing: announcements, checkpoints, drafts, and artifacts of steps that never ended."""
    for folder in ("alive", "checkpoints"):
        yield from (str(path.relative_to(home)) for path in (home / folder).glob("*"))
    drafts = (path for path in home.rglob(".*-*") if "local_stores" not in path.parts)
    yield from (str(path.relative_to(home)) for path in drafts if path.is_file())
    finished = {step for step, status in _ask(zenml, "SELECT id, status FROM step_run") if status in FINISHED}
    for folder in home.glob("zenml/local_stores/*/*/*/*-*-*-*-*"):
        if folder.name.replace("-", "") not in finished and any(path.is_file() for path in folder.rglob("*")):
            yield f"artifact of {folder.parts[-3]}"


def _count(database: Path, question: str) -> dict[str, int]:
    return dict(Counter(str(value) for (value,) in _ask(database, question)))


def _ask(database: Path, question: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(question, values).fetchall()
