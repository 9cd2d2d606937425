"""Schedulers: what starts runs by the clock, by the engine of the active stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agile_classifier.errors import InputError
from agile_classifier.ops.engines.stacks import StackFile
from agile_classifier.ops.scheduling import local as schedules
from agile_classifier.ops.scheduling import schedule_table
from agile_classifier.ops.scheduling.local import Change
from agile_classifier.ops.scheduling.schedule import Schedule


@dataclass(frozen=True)
class Wanted:
    """What a schedules file asks for, and what it takes to make it so."""

    schedules: Mapping[str, Schedule]
    variables: Mapping[str, str]
    """The caller's environment."""
    load_pipeline: Callable[[], Any]
    """The training pipeline; importing it takes seconds."""
    dry_run: bool


def apply(stack: StackFile, wanted: Wanted) -> list[Change]:
    """Make exactly these the schedules of a stack's scheduler.

    Raises
    ------
    InputError
        Nothing starts the stack's runs by the clock, or what does refuses these.
    """
    return _scheduler(stack).apply(stack, wanted)


def rows(stack: StackFile) -> Iterator[str]:
    """What `agile schedule list` says.

    Raises
    ------
    InputError
        As `apply`.
    """
    return _scheduler(stack).rows(stack)


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
    """What is asked of each."""

    apply: Callable[[StackFile, Wanted], list[Change]]
    rows: Callable[[StackFile], Iterator[str]]
    remove: Callable[[StackFile, str], None]


def _scheduler(stack: StackFile) -> Scheduler:
    engine = stack.flavor("orchestrator")
    if engine not in SCHEDULERS:
        raise InputError(
            f"stack {stack.name}: nothing starts runs by the clock on the engine {engine}; schedules run on "
            f"{', '.join(SCHEDULERS)}: agile stack local"
        )
    return SCHEDULERS[engine]


def _apply_here(_: StackFile, wanted: Wanted) -> list[Change]:
    return schedules.apply(wanted.schedules, variables=wanted.variables, dry_run=wanted.dry_run)


def _remove_here(_: StackFile, name: str) -> None:
    schedules.remove(name)


def _apply_on_kubernetes(stack: StackFile, wanted: Wanted) -> list[Change]:
    from agile_classifier.ops.scheduling import kubernetes as kubernetes_schedules

    return kubernetes_schedules.apply(
        stack, wanted.schedules, load_pipeline=wanted.load_pipeline, dry_run=wanted.dry_run
    )


def _rows_on_kubernetes(stack: StackFile) -> Iterator[str]:
    from agile_classifier.ops.scheduling import kubernetes as kubernetes_schedules

    yield from schedule_table.table(kubernetes_schedules.cells(stack))
    yield from kubernetes_schedules.problems(stack)
    if schedules.applied():
        yield "this machine has schedules of its own: agile stack local && agile schedule list"


def _remove_on_kubernetes(stack: StackFile, name: str) -> None:
    from agile_classifier.ops.scheduling import kubernetes as kubernetes_schedules

    kubernetes_schedules.remove(stack, name)


def _refuse_kubeflow(stack: StackFile, *_: Any) -> Any:
    raise InputError(
        f"stack {stack.name}: schedules are made in Kubeflow's UI, as recurring runs of a file that is uploaded there:"
        " agile compile CONFIG --engine kubeflow --output pipeline.yaml"
    )


HERE = Scheduler(_apply_here, lambda _: schedule_table.rows(), _remove_here)
SCHEDULERS: Mapping[str, Scheduler] = {
    "local": HERE,
    "local_docker": HERE,
    "kubernetes": Scheduler(_apply_on_kubernetes, _rows_on_kubernetes, _remove_on_kubernetes),
    "kubeflow": Scheduler(_refuse_kubeflow, _refuse_kubeflow, _refuse_kubeflow),
}
"""By the flavor of the stack's orchestrator."""
