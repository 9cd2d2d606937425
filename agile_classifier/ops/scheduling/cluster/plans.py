"""Plans: what a schedule would be on a cluster, and by which facts it is known from another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agile_classifier.config.files import load_config
from agile_classifier.config.run import RunConfig
from agile_classifier.errors import InputError
from agile_classifier.ops.engines.stacks import StackFile
from agile_classifier.ops.scheduling.arguments import KNOWN, read_arguments
from agile_classifier.ops.scheduling.schedule import Schedule

PREFIX = "agile-"


@dataclass(frozen=True)
class Plan:
    """A schedule as it would be applied."""

    schedule: Schedule
    config: RunConfig
    no_cache: bool
    facts: Mapping[str, str]
    """Facts by which two schedules are compared."""

    @property
    def zenml_name(self) -> str:
        """Another for any other facts, so that the new one can be made before the old one goes."""
        said = json.dumps(dict(self.facts), sort_keys=True)
        return f"{PREFIX}{self.schedule.name}-{hashlib.sha256(said.encode()).hexdigest()[:8]}"


def make_plan(schedule: Schedule, stack: StackFile) -> Plan:
    """Plan a schedule on a stack.

    Raises
    ------
    InputError
        It is not for a cluster, or its config or arguments are none.
    """
    if schedule.pipeline != "training":
        raise InputError(
            f"schedule {schedule.name}: pipeline {schedule.pipeline} reads files of this machine, which stack "
            f"{stack.name} "
            "does not see; allowed there: training (or select a stack that runs here: agile stack local)"
        )
    if schedule.variables:
        raise InputError(
            f"schedule {schedule.name}: variables: the pods of stack {stack.name} get theirs from `run.environment` "
            "and the secrets of its file, not from this machine; leave the field out"
        )
    config, no_cache = _read_training(schedule)
    facts = {
        "pipeline": schedule.pipeline,
        "config": Path(schedule.config).name,
        "arguments": " ".join(schedule.arguments),
        "cron": schedule.cron,
        "time_zone": schedule.time_zone,
        "enabled": word(schedule.enabled),
        **({} if schedule.when is None else {"when": schedule.when.model_dump_json(exclude_none=True)}),
        "content of the config": _digest(config.model_dump(mode="json")),
        "content of the stack": _digest(stack.run),
    }
    return Plan(schedule, config, no_cache, facts)


def _read_training(schedule: Schedule) -> tuple[RunConfig, bool]:
    """Read the config with the arguments of `agile train` applied, and whether nothing may be reused."""
    try:
        given = read_arguments(schedule.arguments)
        if given.others:
            raise InputError(f"arguments: {given.others[0]!r}; allowed: {KNOWN}")
        return load_config(Path(schedule.config), overrides=given.overrides), given.no_cache
    except InputError as error:
        raise InputError(f"schedule {schedule.name}: {error}") from None


def word(is_enabled: bool) -> str:
    """Fact that says whether a schedule is enabled."""
    return "yes" if is_enabled else "no"


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:8]
