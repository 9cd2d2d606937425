"""Schedulers: what starts runs by the clock, by the engine of the active stack: this machine, or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from agile_classifier.errors import InputError
from agile_classifier.ops.engines.stacks import StackFile
from agile_classifier.ops.scheduling import clock, local, runs
from agile_classifier.ops.scheduling.hindrances import list_hindrances, refuse_hindered
from agile_classifier.ops.scheduling.local import Change
from agile_classifier.ops.scheduling.schedule import Schedule

TITLES = ("name", "pipeline", "cron", "zone", "enabled", "last run", "next")
ENGINES = {"local": "here", "local_docker": "here", "kubernetes": "cluster"}
"""Flavor of a stack's orchestrator → where its schedules are kept."""


def apply(
    stack: StackFile,
    wanted: Mapping[str, Schedule],
    *,
    variables: Mapping[str, str],
    load_pipeline: Callable[[], Any],
    check_words: Callable[[Sequence[str]], None],
    dry_run: bool,
) -> list[str]:
    """Make exactly these the schedules of a stack's scheduler.

    Returns a line for each change, then what is still to do.

    Parameters
    ----------
    variables : mapping
        Environment of the caller.
    load_pipeline : callable
        Loads the training pipeline, which takes seconds; called for a cluster alone.
    check_words : callable
        Refuses words of a command line that `agile` does not know, by an InputError.

    Raises
    ------
    InputError
        Nothing starts the stack's runs by the clock, what does refuses these, or one of them would fail.
    """
    if _is_on_cluster(stack):
        from agile_classifier.ops.scheduling.cluster import kubernetes

        return [*map(_describe, kubernetes.apply(stack, wanted, load_pipeline=load_pipeline, dry_run=dry_run))]
    for schedule in wanted.values():
        _check(schedule, check_words)
    refuse_hindered(wanted, local.carry(wanted, variables))
    changes = local.apply(wanted, variables=variables, dry_run=dry_run)
    return [*map(_describe, changes), *(list_clockless(wanted) if dry_run else list_problems())]


def run_now(stack: StackFile, name: str) -> str:
    """Start a schedule's run as if it were due; here, wait for its end. Returns a sentence.

    Raises
    ------
    InputError
        As `apply`, or there is none of that name.
    RuntimeError
        The run failed.
    """
    if not _is_on_cluster(stack):
        return runs.run_now(name, now=datetime.now(UTC))
    from agile_classifier.ops.scheduling.cluster import kubernetes

    return kubernetes.run_now(stack, name)


def list_schedules(stack: StackFile) -> list[str]:
    """List the schedules as a table, then a line for each problem.

    Raises
    ------
    InputError
        As `apply`.
    """
    if not _is_on_cluster(stack):
        entries = [(record.schedule, runs.describe_last(name)) for name, record in sorted(local.applied().items())]
        return [*format_table(entries), *list_problems()]
    from agile_classifier.ops.scheduling.cluster import kubernetes

    others = ["this machine has schedules of its own: agile stack local && agile schedule list"]
    own = others if local.applied() else []
    return [*format_table(kubernetes.entries(stack)), *kubernetes.problems(stack), *own]


def remove(stack: StackFile, name: str) -> None:
    """Take one schedule off a stack's scheduler.

    Raises
    ------
    InputError
        As `apply`, or there is none of that name.
    """
    if not _is_on_cluster(stack):
        return local.remove(name)
    from agile_classifier.ops.scheduling.cluster import kubernetes

    return kubernetes.remove(stack, name)


def format_table(entries: Iterable[tuple[Schedule, str]]) -> list[str]:
    """Format schedules, each with the outcome of its last run, as a table: a line each, under a line of titles."""
    now = datetime.now(UTC)
    cells = [TITLES, *(_cells(entry, last, now) for entry, last in entries)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def list_clockless(wanted: Mapping[str, Schedule]) -> Iterator[str]:
    """Say that no clock is running on this machine, where schedules would need one."""
    problem = clock.find_missing_clock(datetime.now(UTC))
    if problem and any(schedule.enabled for schedule in wanted.values()):
        yield f"schedules: no clock is running on this machine: {problem.found}; {problem.remedy}"


def list_problems() -> Iterator[str]:
    """Say why this machine's schedules would not start, or would fail, where that is so."""
    problem = clock.find_problem(datetime.now(UTC))
    if problem:
        yield f"schedules: no clock is running on this machine: {problem.found}; {problem.remedy}"
    for each in list_hindrances():
        yield f"{each.what}: {each.found}; {each.remedy}"


def _check(schedule: Schedule, check_words: Callable[[Sequence[str]], None]) -> None:
    try:
        check_words(local.words_of(schedule))
    except InputError as error:
        raise InputError(f"schedule {schedule.name}: {error}; nothing was applied") from None


def _is_on_cluster(stack: StackFile) -> bool:
    engine = stack.flavor("orchestrator")
    if engine == "kubeflow":
        raise InputError(
            f"stack {stack.name}: schedules are made in Kubeflow's UI, as recurring runs of a file that is uploaded"
            " there: agile compile CONFIG --engine kubeflow --output pipeline.yaml"
        )
    if engine not in ENGINES:
        raise InputError(
            f"stack {stack.name}: nothing starts runs by the clock on the engine {engine}; schedules run on "
            f"{', '.join(ENGINES)}: agile stack local"
        )
    return ENGINES[engine] == "cluster"


def _describe(change: Change) -> str:
    return f"{change.kind:9} {change.name}{f': {change.details}' if change.details else ''}"


def _cells(entry: Schedule, last: str, now: datetime) -> tuple[str, ...]:
    enabled, following = "yes" if entry.enabled else "no", runs.describe_next(entry, now)
    return entry.name, entry.pipeline, entry.cron, entry.time_zone, enabled, last, following
