"""Schedules file: what `configs/schedules/default.yaml` names, checked entry by entry."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agile_classifier.errors import InputError, explain_validation
from agile_classifier.files import read_yaml
from agile_classifier.ops import project
from agile_classifier.ops.scheduling.arguments import load_scheduled
from agile_classifier.ops.scheduling.schedule import Schedule


def shipped_file() -> Path:
    """Path of the schedules file of the project."""
    return project.configs() / "schedules" / "default.yaml"


def read_schedules(path: Path) -> dict[str, Schedule]:
    """Name → schedule of a file; its configs become absolute paths.

    Raises
    ------
    InputError
        Names the file, the entry, the field, what was found and what is allowed.
    """
    found: dict[str, Schedule] = {}
    for number, entry in enumerate(_entries(path), start=1):
        schedule = _schedule(entry, f"{path}: schedule {_title(entry, number)}")
        if schedule.name in found:
            raise InputError(f"{path}: schedule {schedule.name}: the name stands there twice; names must differ")
        found[schedule.name] = _with_config(schedule, path)
    return found


def _entries(path: Path) -> list[Any]:
    document = read_yaml(path, what="file")
    if not isinstance(document, dict) or set(document) != {"schedules"} or not isinstance(document["schedules"], list):
        raise InputError(f"{path}: expected one top-level field, `schedules:`, that holds a list")
    return list(document["schedules"])


def _title(entry: Any, number: int) -> str:
    return str(entry["name"]) if isinstance(entry, dict) and entry.get("name") else f"number {number}"


def _schedule(entry: Any, place: str) -> Schedule:
    try:
        return Schedule.model_validate(entry)
    except ValidationError as error:
        raise InputError(f"{place}: {explain_validation(error, Schedule)}") from None


def _with_config(schedule: Schedule, path: Path) -> Schedule:
    """Schedule with its config as an absolute path, once the config is known to load."""
    config = (path.absolute().parent / schedule.config).resolve()
    place = f"{path}: schedule {schedule.name}: config"
    if not config.is_file():
        raise InputError(f"{place}: {config}: no such file")
    if schedule.pipeline == "training":
        try:
            load_scheduled(config, schedule.arguments)
        except InputError as error:
            raise InputError(f"{place}: {error}") from None
    return schedule.model_copy(update={"config": os.fspath(config)})
