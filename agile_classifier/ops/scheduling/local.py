"""Schedules: what `configs/schedules.yaml` names is made known to this machine, compared, listed and run.

cron and systemd only wake `agile schedule run NAME`, every hour at the minutes in question; whether a run is due is decided here, in the
schedule's own time zone. So a run that was missed is caught up once, clocks that change do no harm, and no cron is asked to know zones.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agile_classifier.config.files import load_config
from agile_classifier.environment import home
from agile_classifier.errors import InputError
from agile_classifier.files import read_yaml, write_whole
from agile_classifier.ops import project
from agile_classifier.ops.scheduling import crontab
from agile_classifier.ops.scheduling import systemd as systemd_timers
from agile_classifier.ops.scheduling.schedule import PIPELINES, Schedule, waking_minutes

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "training": ("train", "{config}"),
    "scoring": ("score", "--input", "{config}"),
    "monitoring": ("monitor", "{config}"),
}
"""Pipeline → words of the command line that run it."""
CARRIED = (
    "AGILE_",
    "AWS_",
    "HF_",
    "KUBECONFIG",
    "MLFLOW_",
    "ZENML_",
    "PATH",
    "HOME",
    "LANG",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "CUDA_",
    "OMP_",
)
"""Beginnings of the variables that a run gets as they were when schedules were applied; kept in a file of the user's alone."""


@dataclass(frozen=True)
class Change:
    """What becomes of one schedule."""

    kind: str
    """`added`, `changed`, `removed` or `unchanged`."""
    name: str
    details: str = ""


def shipped_file() -> Path:
    """The schedules file of the project."""
    return project.configs() / "schedules.yaml"


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


def apply(wanted: Mapping[str, Schedule], *, variables: Mapping[str, str], dry_run: bool) -> list[Change]:
    """Make exactly these the machine's schedules; returns what that changes, in order of names.

    Raises
    ------
    InputError
        The machine's timer refuses them: all stays as it was.
    """
    before = applied()
    changes = compare({name: record.schedule for name, record in before.items()}, wanted)
    if dry_run:
        return changes
    _folder().mkdir(parents=True, exist_ok=True)
    write_whole(_folder() / "environment.json", json.dumps(_carried(variables)), mode=0o600)
    now = datetime.now(UTC)
    after = {name: Applied(schedule, _since(before.get(name), schedule, now)) for name, schedule in wanted.items()}
    _install(after)
    _record(after)
    return changes


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
    """Every applied schedule, of which one has this name.

    Raises
    ------
    InputError
        None has.
    """
    records = applied()
    if name not in records:
        known = ", ".join(sorted(records)) or "none; agile schedule apply makes those of a file known"
        raise InputError(f"schedule {name}: not applied; there are: {known}")
    return records


def compare(before: Mapping[str, Schedule], after: Mapping[str, Schedule]) -> list[Change]:
    """What leads from one set of schedules to another, by name."""
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
    """What each field was and is, where they differ; a field that was not there is not spoken of."""
    return "; ".join(f"{field}: {old[field]} -> {new[field]}" for field in old if old[field] != new[field])


@dataclass(frozen=True)
class Applied:
    """A schedule as it was applied."""

    schedule: Schedule
    since: datetime
    """Moments up to this one ask for no run."""


def applied() -> dict[str, Applied]:
    """Name → schedule that this machine was given."""
    path = _folder() / "applied.json"
    if not path.is_file():
        return {}
    records = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: Applied(Schedule.model_validate(record["schedule"]), datetime.fromisoformat(record["since"]))
        for name, record in records.items()
    }


def is_awake(name: str) -> bool:
    """Whether this machine's timer still knows the schedule: somebody may have edited the crontab."""
    if systemd_timers.is_there():
        return any(unit.endswith(f"-{name}.timer") for unit in systemd_timers.installed())
    lines = crontab.installed() if crontab.is_there() else []
    return any(f" schedule run {name} " in line and not line.startswith("#") for line in lines)


def command(schedule: Schedule) -> list[str]:
    """The command line of a scheduled run."""
    words = [word.format(config=schedule.config) for word in COMMANDS[schedule.pipeline]]
    return [*project.COMMAND, *words, *schedule.arguments]


def waking_line(name: str, schedule: Schedule) -> str:
    """The line of a crontab; in it stands no variable but the state folder, and a percent sign, which cron reads as a newline, is escaped."""
    minutes = ",".join(map(str, _minutes(schedule)))
    said = shlex.quote(str(_folder() / f"{name}.waking.txt"))
    words = shlex.join([f"AGILE_HOME={home()}", *_waking_command(name)])
    line = f"cd {shlex.quote(str(project.root()))} && env {words} > {said} 2>&1"
    if "\n" in line:
        raise InputError(f"AGILE_HOME {home()!s}: a crontab cannot hold a path with a line break")
    return f"{minutes} * * * * {line.replace('%', chr(92) + '%')}"


def _waking_command(name: str) -> list[str]:
    return [*project.COMMAND, "schedule", "run", name]


def _install(records: Mapping[str, Applied]) -> None:
    awake = {name: record.schedule for name, record in sorted(records.items()) if record.schedule.enabled}
    if systemd_timers.is_there():
        texts: dict[str, str] = {}
        for name, schedule in awake.items():
            variables = {"AGILE_HOME": str(home())}
            texts |= systemd_timers.units(name, _minutes(schedule), _waking_command(name), project.root(), variables)
        systemd_timers.install(texts)
    elif crontab.is_there():
        crontab.install([waking_line(name, schedule) for name, schedule in awake.items()])
    elif awake:
        raise InputError("schedules: neither systemctl --user answers nor is there a crontab command; install cron")


def _minutes(schedule: Schedule) -> list[int]:
    year = datetime.now(UTC).year
    offsets = {datetime(year, month, 1).astimezone().utcoffset() or timedelta() for month in (1, 7)}
    return waking_minutes(schedule.cron, schedule.time_zone, offsets, year)


def _since(before: Applied | None, schedule: Schedule, now: datetime) -> datetime:
    """A schedule whose times are what they were owes its missed run still; a new one owes none."""
    if before is None or not before.schedule.enabled:
        return now
    same = (before.schedule.cron, before.schedule.time_zone) == (schedule.cron, schedule.time_zone)
    return before.since if same else now


def _record(records: Mapping[str, Applied]) -> None:
    document = {
        name: {"schedule": record.schedule.model_dump(mode="json"), "since": record.since.isoformat()}
        for name, record in sorted(records.items())
    }
    _folder().mkdir(parents=True, exist_ok=True)
    write_whole(_folder() / "applied.json", json.dumps(document, indent=1))


def _carried(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name.upper().startswith(CARRIED)}


def _folder() -> Path:
    return home() / "schedules"


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
        raise InputError(f"{place}: {_first_error(error)}") from None


def _first_error(error: ValidationError) -> str:
    problem = error.errors()[0]
    field, said = ".".join(map(str, problem["loc"])), problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        return f"{field}: unknown field; allowed here: {', '.join(Schedule.model_fields)}"
    if problem["type"] == "missing":
        return f"{field}: must be given"
    if field == "pipeline":
        return f"pipeline: {problem['input']!r}; allowed: {', '.join(PIPELINES)}"
    return f"{field}: {said}" if problem["type"] == "value_error" else f"{field}: found {problem['input']!r}; {said}"


def _with_config(schedule: Schedule, path: Path) -> Schedule:
    """The config as an absolute path, once it is known to load."""
    config = (path.absolute().parent / schedule.config).resolve()
    place = f"{path}: schedule {schedule.name}: config"
    if not config.is_file():
        raise InputError(f"{place}: {config}: no such file")
    if schedule.pipeline == "training":
        try:
            load_config(config)
        except InputError as error:
            raise InputError(f"{place}: {error}") from None
    return schedule.model_copy(update={"config": os.fspath(config)})
