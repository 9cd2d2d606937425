"""Schedules of this machine: records in the state folder, and one line of the crontab for them all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

from agile_classifier.environment import home
from agile_classifier.errors import InputError, did_you_mean
from agile_classifier.files import parse_own, write_whole
from agile_classifier.ops.project import COMMAND
from agile_classifier.ops.scheduling import crontab
from agile_classifier.ops.scheduling.schedule import Schedule
from agile_classifier.ops.scheduling.timers import remove_timers

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "training": ("train", "{config}"),
    "scoring": ("score", "--input", "{config}"),
    "monitoring": ("monitor", "{config}"),
}
"""Pipeline → words of the command line that run it."""
CARRIED = (
    "AGILE_",
    "AWS_",
    "AZURE_",
    "GOOGLE_",
    "HF_",
    "KUBECONFIG",
    "LABEL_STUDIO_",
    "MLFLOW_",
    "ZENML_",
    "STORAGE_EMULATOR_HOST",
    "PATH",
    "HOME",
    "LANG",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "CUDA_",
    "OMP_",
)
"""Beginnings of the variables that a run gets as they were when schedules were applied; kept in a file of the user's
alone."""


@dataclass(frozen=True)
class Change:
    """Change of one schedule: its kind, name and details."""

    kind: str
    """`added`, `changed`, `removed` or `unchanged`; `replaced` of what an earlier version left."""
    name: str
    details: str = ""


def apply(wanted: Mapping[str, Schedule], *, variables: Mapping[str, str], dry_run: bool) -> list[Change]:
    """Make exactly these the machine's schedules; returns what that changes, in order of names.

    Raises
    ------
    InputError
        The crontab refuses its line: all stays as it was.
    """
    before = applied()
    changes = compare({name: record.schedule for name, record in before.items()}, wanted)
    if dry_run:
        return changes
    folder().mkdir(parents=True, exist_ok=True)
    write_whole(folder() / "environment.json", json.dumps(carry(wanted, variables)), mode=0o600)
    now = datetime.now(UTC)
    after = {
        name: Applied(schedule=schedule, since=_since(before.get(name), schedule, now))
        for name, schedule in wanted.items()
    }
    replaced = _install(after)
    _record(after)
    return [*changes, *replaced]


def remove(name: str) -> None:
    """Take one schedule off this machine; the file is left as it is.

    Raises
    ------
    InputError
        None of that name was applied.
    """
    records = find(name)
    del records[name]
    _install(records)
    _record(records)


def find(name: str) -> dict[str, Applied]:
    """Read the applied schedules, one of which must have this name.

    Raises
    ------
    InputError
        None has.
    """
    records = applied()
    if name not in records:
        known = ", ".join(sorted(records)) or "none; agile schedule apply makes those of a file known"
        raise InputError(f"schedule {name}: not applied; there are: {known}{did_you_mean(name, records)}")
    return records


def compare(before: Mapping[str, Schedule], after: Mapping[str, Schedule]) -> list[Change]:
    """List the changes from one set of schedules to another, by name."""
    changes = []
    for name in sorted({*before, *after}):
        if name not in before:
            changes.append(Change("added", name, f"{after[name].pipeline}, {after[name].cron} {after[name].time_zone}"))
        elif name not in after:
            changes.append(Change("removed", name))
        else:
            details = differences(before[name].model_dump(), after[name].model_dump())
            changes.append(Change("changed" if details else "unchanged", name, details))
    return changes


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Describe the fields in which two schedules differ; new fields are left out."""
    return "; ".join(f"{field}: {old[field]} -> {new[field]}" for field in old if old[field] != new[field])


class Applied(BaseModel, frozen=True):
    """A schedule as it was applied, and since when."""

    schedule: Schedule
    since: datetime
    """Moments up to this one ask for no run."""


_RECORDS = TypeAdapter(dict[str, Applied])


def applied() -> dict[str, Applied]:
    """Name → schedule that this machine was given.

    Raises
    ------
    InputError
        The file of records is damaged.
    """
    path = records_path()
    if not path.is_file():
        return {}
    return parse_own(
        path, _RECORDS.validate_json, way_on="remove it, and apply your schedules again: agile schedule apply"
    )


def command(schedule: Schedule) -> list[str]:
    """Command line of a scheduled run."""
    return [*COMMAND, *words_of(schedule)]


def words_of(schedule: Schedule) -> list[str]:
    """Words after `agile` of a scheduled run's command line."""
    words = [word.format(config=schedule.config) for word in COMMANDS[schedule.pipeline]]
    waits = {} if schedule.when is None else schedule.when.model_dump(exclude_none=True)
    options = [word for name, value in waits.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    return [*words, *schedule.arguments, *options]


def carry(wanted: Mapping[str, Schedule], variables: Mapping[str, str]) -> dict[str, str]:
    """Variables of the caller that scheduled runs get: those of known beginnings, and those that a schedule names."""
    named = {name for schedule in wanted.values() for name in schedule.variables}
    return {name: value for name, value in variables.items() if name in named or name.upper().startswith(CARRIED)}


def folder() -> Path:
    """Folder of schedules in the state folder: records, locks, logs."""
    return home() / "schedules"


def records_path() -> Path:
    """File of the schedules that were applied."""
    return folder() / "applied.json"


def is_any_enabled(records: Mapping[str, Applied]) -> bool:
    """Whether any schedule is enabled."""
    return any(record.schedule.enabled for record in records.values())


def _install(records: Mapping[str, Applied]) -> list[Change]:
    """Have one line of the crontab where anything is enabled; returns what of an earlier version it replaced."""
    replaced = []
    if crontab.is_available() and crontab.keep_line(wanted=is_any_enabled(records)):
        replaced.append(Change("replaced", "crontab", "a line for each schedule, by one for them all"))
    if timers := remove_timers():
        replaced.append(Change("replaced", "systemd", f"{', '.join(timers)}, by the crontab's line"))
    return replaced


def _since(before: Applied | None, schedule: Schedule, now: datetime) -> datetime:
    """Since when a schedule's runs are due: an unchanged one keeps its missed run, a new one has none."""
    if before is None or not before.schedule.enabled:
        return now
    same = (before.schedule.cron, before.schedule.time_zone) == (schedule.cron, schedule.time_zone)
    return before.since if same else now


def _record(records: Mapping[str, Applied]) -> None:
    folder().mkdir(parents=True, exist_ok=True)
    write_whole(records_path(), _RECORDS.dump_json(dict(sorted(records.items())), indent=1).decode())
