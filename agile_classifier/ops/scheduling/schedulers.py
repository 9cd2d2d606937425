"""Schedulers: what starts runs by the clock, by the engine of the active stack."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agile_classifier.errors import InputError
from agile_classifier.ops.engines.stacks import StackFile
from agile_classifier.ops.scheduling import clock, local, runs
from agile_classifier.ops.scheduling.local import Change
from agile_classifier.ops.scheduling.schedule import Schedule

TITLES = ("name", "pipeline", "cron", "zone", "enabled", "last run", "next")


@dataclass(frozen=True)
class Wanted:
    """Schedules of a file, and what is needed to apply them."""

    schedules: Mapping[str, Schedule]
    variables: Mapping[str, str]
    """Environment of the caller."""
    load_pipeline: Callable[[], Any]
    """The training pipeline; importing it takes seconds."""
    dry_run: bool


def apply(stack: StackFile, wanted: Wanted) -> list[str]:
    """Make exactly these the schedules of a stack's scheduler.

    Returns a line for each change, then what is still to do.

    Raises
    ------
    InputError
        Nothing starts the stack's runs by the clock, or what does refuses these.
    """
    return list(_scheduler(stack).apply(stack, wanted))


def list_schedules(stack: StackFile) -> list[str]:
    """List the schedules as a table, then a line for each problem.

    Raises
    ------
    InputError
        As `apply`.
    """
    return list(_scheduler(stack).rows(stack))


def remove(stack: StackFile, name: str) -> None:
    """Take one schedule off a stack's scheduler.

    Raises
    ------
    InputError
        As `apply`, or there is none of that name.
    """
    _scheduler(stack).remove(stack, name)


@dataclass(frozen=True)
class Scheduler:
    """Interface of a scheduler: this machine's, or a cluster's."""

    apply: Callable[[StackFile, Wanted], Iterable[str]]
    rows: Callable[[StackFile], Iterable[str]]
    remove: Callable[[StackFile, str], None]


def _scheduler(stack: StackFile) -> Scheduler:
    engine = stack.flavor("orchestrator")
    if engine not in SCHEDULERS:
        raise InputError(
            f"stack {stack.name}: nothing starts runs by the clock on the engine {engine}; schedules run on "
            f"{', '.join(SCHEDULERS)}: agile stack local"
        )
    return SCHEDULERS[engine]


def _table(entries: Iterable[tuple[Schedule, str]]) -> Iterator[str]:
    """Table of a line a schedule with the outcome of its last run, under a line of titles."""
    now = datetime.now(UTC)
    cells = [TITLES, *(_cells(entry, last, now) for entry, last in entries)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _describe(change: Change) -> str:
    return f"{change.kind:9} {change.name}{f': {change.details}' if change.details else ''}"


def _cells(entry: Schedule, last: str, now: datetime) -> tuple[str, ...]:
    enabled, following = "yes" if entry.enabled else "no", runs.describe_next(entry, now)
    return entry.name, entry.pipeline, entry.cron, entry.time_zone, enabled, last, following


def _apply_here(_: StackFile, wanted: Wanted) -> Iterator[str]:
    yield from map(_describe, local.apply(wanted.schedules, variables=wanted.variables, dry_run=wanted.dry_run))
    yield from _problems_here()


def _rows_here(_: StackFile) -> Iterator[str]:
    yield from _table((record.schedule, runs.describe_last(name)) for name, record in sorted(local.applied().items()))
    yield from _problems_here()


def _problems_here() -> Iterator[str]:
    problem = clock.find_problem(datetime.now(UTC))
    if problem:
        yield f"schedules: {problem.found}; {problem.remedy}"


def _remove_here(_: StackFile, name: str) -> None:
    local.remove(name)


def _apply_on_kubernetes(stack: StackFile, wanted: Wanted) -> Iterator[str]:
    from agile_classifier.ops.scheduling import kubernetes

    changes = kubernetes.apply(stack, wanted.schedules, load_pipeline=wanted.load_pipeline, dry_run=wanted.dry_run)
    return map(_describe, changes)


def _rows_on_kubernetes(stack: StackFile) -> Iterator[str]:
    from agile_classifier.ops.scheduling import kubernetes

    yield from _table(kubernetes.entries(stack))
    yield from kubernetes.problems(stack)
    if local.applied():
        yield "this machine has schedules of its own: agile stack local && agile schedule list"


def _remove_on_kubernetes(stack: StackFile, name: str) -> None:
    from agile_classifier.ops.scheduling import kubernetes

    kubernetes.remove(stack, name)


def _refuse_kubeflow(stack: StackFile, *_: Any) -> Any:
    raise InputError(
        f"stack {stack.name}: schedules are made in Kubeflow's UI, as recurring runs of a file that is uploaded there:"
        " agile compile CONFIG --engine kubeflow --output pipeline.yaml"
    )


HERE = Scheduler(_apply_here, _rows_here, _remove_here)
SCHEDULERS: Mapping[str, Scheduler] = {
    "local": HERE,
    "local_docker": HERE,
    "kubernetes": Scheduler(_apply_on_kubernetes, _rows_on_kubernetes, _remove_on_kubernetes),
    "kubeflow": Scheduler(_refuse_kubeflow, _refuse_kubeflow, _refuse_kubeflow),
}
"""Schedulers by the flavor of the stack's orchestrator."""
