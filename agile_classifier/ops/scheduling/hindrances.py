"""Hindrances: why an enabled schedule's next run would fail, or tell nobody, as far as can be seen beforehand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from agile_classifier.config.addresses.source import QUERIED, scheme_of
from agile_classifier.errors import InputError
from agile_classifier.files import parse_own
from agile_classifier.ops.engines.variables import explain_missing
from agile_classifier.ops.notifications import find_receiver
from agile_classifier.ops.scheduling import local
from agile_classifier.ops.scheduling.arguments import load_scheduled
from agile_classifier.ops.scheduling.schedule import Schedule

AGAIN = "then agile schedule apply"


@dataclass(frozen=True)
class Hindrance:
    """Something that stands in the way of scheduled runs."""

    what: str
    """`schedule NAME`, or what all schedules share."""
    found: str
    remedy: str


def refuse_hindered(wanted: Mapping[str, Schedule], variables: Mapping[str, str]) -> None:
    """Refuse schedules of which an enabled one would fail, or tell nobody, by the variables that its runs would get.

    That their files are there is known since they were read.

    Raises
    ------
    InputError
        Names the schedule, what is missing and how to go on.
    """
    enabled = [schedule for schedule in wanted.values() if schedule.enabled]
    for schedule in enabled:
        missing = [name for name in schedule.variables if not variables.get(name)]
        if missing:
            raise InputError(f"schedule {schedule.name}: variables: {explain_missing(missing)}; nothing was applied")
        _require_databases(schedule)
    if enabled:
        try:
            find_receiver(variables)
        except InputError as error:
            raise InputError(
                f"schedule {enabled[0].name}: nobody would be told of its failure: {error}; set or unset it; nothing "
                "was applied"
            ) from None


def list_hindrances() -> Iterator[Hindrance]:
    """List what stands in the way of the enabled schedules of this machine.

    Raises
    ------
    InputError
        The record of the schedules is damaged.
    """
    enabled = {name: record.schedule for name, record in sorted(local.applied().items()) if record.schedule.enabled}
    for name, schedule in enabled.items():
        yield from _of_schedule(name, schedule)
        yield from _of_variables(name, schedule)
    if enabled:
        yield from _of_webhook()


def _require_databases(schedule: Schedule) -> None:
    """Refuse a training that reads a database of which nobody says where it is; whether it answers is for the run."""
    if schedule.pipeline != "training":
        return
    config = load_scheduled(Path(schedule.config), schedule.arguments)
    for address in (address for part in config.data.parts for address in part.addresses):
        if scheme_of(address) == QUERIED:
            from agile_classifier.ops.schemes import find_database

            try:
                find_database(address.partition("://")[2])
            except InputError as error:
                raise InputError(f"schedule {schedule.name}: {error}; nothing was applied") from None


def _of_schedule(name: str, schedule: Schedule) -> Iterator[Hindrance]:
    config = Path(schedule.config)
    if not config.is_file():
        remedy = f"put it back, or name another in the file of schedules, {AGAIN}; or agile schedule remove {name}"
        yield Hindrance(f"schedule {name}", f"{config}: no such file", remedy)
    elif schedule.pipeline == "training":
        try:
            load_scheduled(config, schedule.arguments)
        except InputError as error:
            yield Hindrance(f"schedule {name}", str(error), "mend the config: its next run would be refused")


def _of_variables(name: str, schedule: Schedule) -> Iterator[Hindrance]:
    if missing := [variable for variable in schedule.variables if not _kept_variables().get(variable)]:
        yield Hindrance(f"schedule {name}", explain_missing(missing), f"set it, {AGAIN}")


def _of_webhook() -> Iterator[Hindrance]:
    """A webhook is read from the variables that were kept when the schedules were applied."""
    try:
        find_receiver(_kept_variables())
    except InputError as error:
        yield Hindrance("their webhook", f"{error}: nobody is told of their runs", f"set or unset it, {AGAIN}")


def _kept_variables() -> Mapping[str, str]:
    path = local.folder() / "environment.json"
    if not path.is_file():
        return {}
    kept: dict[str, str] = parse_own(path, json.loads, way_on="agile schedule apply writes it anew")
    return kept
