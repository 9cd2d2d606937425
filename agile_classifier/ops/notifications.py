"""Notifications: a failed run, another champion, a question and drift are told to a webhook and to the alerter of the active ZenML stack.

A notice that cannot be delivered is a warning, never the end of a run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict

from zenml import get_step_context
from zenml.client import Client

from agile_classifier.ops import webhook
from agile_classifier.ops.registry import history
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.runs.failures import explain, redact
from agile_classifier.ops.scheduling.runs import SCHEDULE
from agile_classifier.ops.webhook import Notice

RUN_FAILED, CHAMPION_CHANGED, PERSON_ASKED, DRIFT_FOUND = (
    "run.failed",
    "champion.changed",
    "promotion.asked",
    "drift.found",
)
CHANGES = (history.PROMOTED, history.ROLLED_BACK, history.MOVED, history.REMOVED)
LONGEST_REASON = 300
"""Characters of what went wrong."""


def tell(notice: Notice) -> dict[str, bool]:
    """Send a notice to whoever there is; returns who that is, and whether it arrived. Where it did not, a warning says why."""
    told = {}
    for name, send in {"webhook": webhook.send, "alerter": _alert}.items():
        try:
            is_there = send(notice)
        except Exception as error:  # whatever a receiver does must not end the run that is told of
            said = redact(" ".join(str(error).split()))[:LONGEST_REASON]
            print(
                f"agile: warning: {notice.kind} could not be told to the {name}: {type(error).__name__}: {said}",
                file=sys.stderr,
            )
            told[name] = False
        else:
            told |= {name: True} if is_there else {}
    return told


def require_delivered(told: Mapping[str, bool]) -> str:
    """Who was told, in words.

    Raises
    ------
    RuntimeError
        Somebody was not.
    """
    if missed := [name for name, arrived in told.items() if not arrived]:
        raise RuntimeError(f"not delivered to the {' and the '.join(missed)}")
    there = " and the ".join(told)
    return (
        f"told: the {there}" if told else f"told: nobody; {webhook.URL} is not set, and the active stack has no alerter"
    )


@contextmanager
def failure_told(run_name: str) -> Iterator[None]:
    """Tell of the error that ends a run. The receiver is looked up before the run begins.

    Raises
    ------
    InputError
        As `webhook.find_receiver`.
    """
    webhook.find_receiver()
    try:
        yield
    except Exception as error:
        if SCHEDULE not in os.environ:
            failure = explain(error)
            facts = {"run": run_name, "exit_code": failure.exit_code}
            tell(Notice(RUN_FAILED, f"run {run_name}: {failure.line}", facts))
        raise


def tell_of_scheduled_failure(error: BaseException) -> None:
    """ZenML's hook of a failed step: where a cluster has started the run, no process of ours but the step's own sees the failure."""
    context = get_step_context()
    if context.pipeline_run.schedule is not None:
        failure = explain(error)
        facts = {"run": context.pipeline_run.name, "step": context.step_run.name, "exit_code": failure.exit_code}
        tell(
            Notice(RUN_FAILED, f"run {context.pipeline_run.name}: step {context.step_run.name}: {failure.line}", facts)
        )


def scheduled_changes_told(model_name: str) -> AbstractContextManager[None]:
    """`changes_told` within a step of a run that a cluster has started; elsewhere the process that started it tells."""
    return nullcontext() if get_step_context().pipeline_run.schedule is None else changes_told(model_name)


@contextmanager
def changes_told(model_name: str) -> Iterator[None]:
    """Tell of every change of a model's champion that is recorded meanwhile, whoever made it; the model may be a new one.

    The registry is asked only where there is somebody to tell: a machine that submits runs to a cluster may not reach it.
    """
    if webhook.find_receiver() is None and Client().active_stack.alerter is None:
        yield
        return
    n_known = len(_events(model_name))
    yield
    for event in _events(model_name)[n_known:]:
        if event.kind in CHANGES:
            tell(
                Notice(CHAMPION_CHANGED, f"{model_name}: {event.sentence}", {"model_name": model_name, **asdict(event)})
            )


def _events(model_name: str) -> list[history.Event]:
    return history.read_events(model_name) if registry.is_known(model_name) else []


def _alert(notice: Notice) -> bool:
    alerter = Client().active_stack.alerter
    if alerter is None:
        return False
    if not alerter.post(f"{notice.kind}: {notice.sentence}"):
        raise RuntimeError(f"alerter {alerter.name} says that it could not")
    return True
