"""Approval: a promotion that waits for a person's yes or no, given on ZenML's dashboard or at a terminal.

The question belongs to a run of `pipelines.promotion`. It outlives that run's process: a run whose time to wait is over
is paused, and whoever says yes later goes on with it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from zenml.client import Client
from zenml.enums import ExecutionStatus, RunWaitConditionResolution, RunWaitConditionStatus
from zenml.execution.pipeline.dynamic.runner import RunPaused
from zenml.models import ArtifactVersionResponse, PipelineRunResponse, PipelineRunUpdate, RunWaitConditionResponse
from zenml.stack import Stack

from agile_classifier.config.evaluation import PromotionConfig
from agile_classifier.ending import Ended, as_exit
from agile_classifier.errors import InputError
from agile_classifier.ops.notifications import PERSON_ASKED, Notice, changes_told, failure_told, tell
from agile_classifier.ops.promotion import champions
from agile_classifier.ops.promotion import compare as promotion
from agile_classifier.ops.promotion.gate import PromotionDecision
from agile_classifier.ops.promotion.limits.hurt import describe_hurt
from agile_classifier.ops.registry import history
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.registry.history import Event
from agile_classifier.ops.runs import liveness
from agile_classifier.ops.runs.outputs import find_output
from agile_classifier.ops.scoring import monitoring

PIPELINE = "promotion"
QUESTION = "approval"
"""Name of ZenML's wait condition."""
ANSWER_WITHIN = 20.0
"""Time in which a waiting process picks up an answer, in seconds."""


@dataclass(frozen=True)
class Judged:
    """What a training run left for a promotion: the evaluation and the scored test rows."""

    evaluation: ArtifactVersionResponse
    test_scores: ArtifactVersionResponse


def find_judged(model_name: str, version: str) -> Judged:
    """Find the scored test rows and the evaluation of the run that made a version.

    Raises
    ------
    InputError
        ZenML no longer holds that run, or an earlier project made it.
    """
    run_id = registry.read_tags(model_name, version).get(monitoring.ZENML_RUN, "")
    try:
        run = Client().get_pipeline_run(run_id, allow_name_prefix_match=False)
    except (KeyError, ValueError):
        raise InputError(
            f"model {model_name}: the run that made version {version} is gone from ZenML, and its test rows with it;"
            f" train again, or `agile promote {version} --force`"
        ) from None
    try:
        return Judged(find_output(run, "evaluate", "evaluation"), find_output(run, "evaluate", "test_scores"))
    except InputError as error:
        raise InputError(f"{error}, or `agile promote {version} --force`") from None


def find_settings(model_name: str, version: str) -> PromotionConfig:
    """Find the promotion policy of the run that made a version; the defaults if it is not known."""
    try:
        return monitoring.training_config(model_name, version).promotion
    except InputError:
        return PromotionConfig()


def is_open(model_name: str, version: str) -> bool:
    """Whether a version is not in service and nobody has been asked about it yet, or the run that asked is over."""
    champions.settle(model_name)
    tags = registry.read_tags(model_name, version)
    if registry.read_champion(model_name) == version or tags.get(champions.PROMOTION) == history.REJECTED:
        return False
    return tags.get(champions.PROMOTION) != history.ASKED or is_over(tags.get(champions.PROMOTION_RUN, ""))


def is_over(run_name: str) -> bool:
    """Whether a promotion run can no longer be answered: it ended, as when its process was killed, or was deleted."""
    try:
        return Client().get_pipeline_run(run_name, allow_name_prefix_match=False).status.is_finished
    except (KeyError, ValueError):
        return True


def ask(decision: PromotionDecision, *, model_name: str, run: str) -> None:
    """Where the policy would promote, record that a person is asked and send a notice."""
    if decision.promote:
        candidate, champion = decision.evidence.candidate, decision.evidence.champion
        event = Event(history.ASKED, candidate, champion, history.BY_POLICY, decision.reason, run=run)
        champions.note(event, model_name=model_name)
        print(
            f"a person is asked: agile approve {run}, agile reject {run}, or its card on ZenML's dashboard (agile ui)"
        )
        sentence = f"{question(decision, model_name=model_name)} On ZenML's dashboard, or by `agile approve {run}`."
        facts = {name: value for name, value in asdict(event).items() if name != "untold"}
        tell(Notice(PERSON_ASKED, sentence, {"model_name": model_name, **facts}, about=run))


@contextmanager
def left_open() -> Iterator[None]:
    """Context of the wait for an answer: whoever stops the process leaves the question open, and the run paused.

    ZenML takes Ctrl-C for a no, and the history would say that somebody on the dashboard has rejected the version.
    """
    with as_exit():
        try:
            yield
        except Ended:
            raise RunPaused from None


def question(decision: PromotionDecision, *, model_name: str) -> str:
    """Question on the approval card."""
    evidence = decision.evidence
    instead = f" in place of version {evidence.champion}" if evidence.champion else ", its first"
    return (
        f"Shall version {evidence.candidate} of {model_name} become champion{instead}? {decision.reason}"
        " Continue promotes it, Abort leaves things as they are."
    )


def evidence_in_short(decision: PromotionDecision) -> dict[str, Any]:
    """Numbers shown beside the question, by name, of types that ZenML shows."""
    evidence = decision.evidence
    intervals = {
        f"difference with {name}": f"{found.difference:+.4f} {found.metric} [{found.low:+.4f}, {found.high:+.4f}]"
        for name, found in evidence.differences.items()
    }
    facts = evidence.model_dump(include={"candidate", "champion", "n_rows", "test_digest"})
    new = {} if evidence.n_new is None else {"rows new since the champion": evidence.n_new}
    apart = {f"{name} rows": f"{found.n_rows}: {found.words}" for name, found in evidence.apart.items()}
    hurt = {fact.name: fact.value for fact in describe_hurt(evidence)}
    return {**{name: value for name, value in facts.items() if value}, **new, **intervals, **apart, **hurt}


def conclude(decision: PromotionDecision, *, model_name: str, run: PipelineRunResponse) -> PromotionDecision:
    """Carry out an approved decision unless the champion changed meanwhile; returns the decision as it turned out."""
    by = _answered_by(run) if decision.promote else history.BY_POLICY
    if promotion.carry_out(decision, model_name=model_name, run=run.name, by=by):
        return decision
    candidate, compared_with = decision.evidence.candidate, decision.evidence.champion
    champion = registry.read_champion(model_name)
    reason = (
        f"Candidate {candidate} is not promoted and champion {champion} stays: {compared_with or 'none'} was champion"
        f" when they were compared; `agile promote {candidate}` compares anew."
    )
    evidence = decision.evidence.model_copy(update={"champion": champion})
    overtaken = decision.model_copy(update={"promote": False, "reason": reason, "evidence": evidence})
    promotion.carry_out(overtaken, model_name=model_name, run=run.name, by=by)
    return overtaken


def _answered_by(run: PipelineRunResponse) -> str:
    """Name of the person who approved."""
    found = Client().list_run_wait_conditions(pipeline_run=run.id, name=QUESTION, hydrate=True).items
    who = found[0].get_body().resolved_by_user_id if found else None
    name = Client().get_user(who).name if who else "default"
    return champions.person() if name == "default" else name


def approve(wanted: str) -> PipelineRunResponse:
    """Approve a promotion; its run continues in the waiting process or, if there is none, in this one.

    Raises
    ------
    InputError
        There is no such run, or it does not wait for an answer.
    """
    run = _find_run(wanted)
    asked = _question_of(run)
    waits = _is_awaited(asked, run)
    if asked.status == RunWaitConditionStatus.PENDING:
        Client().resolve_run_wait_condition(asked.id, RunWaitConditionResolution.CONTINUE)
    deadline = time.monotonic() + (ANSWER_WITHIN if waits else 0)
    while time.monotonic() < deadline and not _read(run).status.is_finished:
        time.sleep(0.5)
    if not _read(run).status.is_finished and not waits:
        _go_on(run)
    return _read(run)


def reject(wanted: str, *, reason: str) -> PipelineRunResponse:
    """Reject a promotion; its run ends.

    Raises
    ------
    InputError
        As `approve`; or it was answered already.
    """
    run = _find_run(wanted)
    asked = _question_of(run)
    if asked.status != RunWaitConditionStatus.PENDING:
        raise InputError(f"run {run.name}: was answered with yes already; `agile approve {run.name}` goes on with it")
    model_name, version = (_parameters(run)[name] for name in ("model_name", "version"))
    registry.tag_version(model_name, version, {champions.REFUSED_BY: champions.person(), champions.REFUSED_FOR: reason})
    Client().resolve_run_wait_condition(asked.id, RunWaitConditionResolution.ABORT)
    champions.settle(model_name)
    return _read(run)


def _find_run(wanted: str) -> PipelineRunResponse:
    try:
        run = Client().get_pipeline_run(wanted, allow_name_prefix_match=False)
    except (KeyError, ValueError):
        waiting = ", ".join(run.name for run in _waiting()) or "none"
        raise InputError(f"no run {wanted!r}; runs that wait for a person: {waiting}") from None
    if run.pipeline is None or run.pipeline.name != PIPELINE:
        raise InputError(f"run {run.name}: is no promotion, and waits for nobody")
    return run


def _waiting() -> list[PipelineRunResponse]:
    runs = Client().list_pipeline_runs(pipeline=PIPELINE, size=100, sort_by="desc:created").items
    return [run for run in runs if not run.status.is_finished]


def _question_of(run: PipelineRunResponse) -> RunWaitConditionResponse:
    found = Client().list_run_wait_conditions(pipeline_run=run.id, name=QUESTION, hydrate=True).items
    if run.status.is_finished or not found:
        raise InputError(f"run {run.name}: is {run.status.value} and waits for nobody")
    return found[0]


def _is_awaited(asked: RunWaitConditionResponse, run: PipelineRunResponse) -> bool:
    """Whether a process is waiting for the answer."""
    until = asked.get_body().poller_lease_expires_at
    if until is None or run.status == ExecutionStatus.PAUSED or liveness.is_known_dead(run.name):
        return False
    return (until if until.tzinfo else until.replace(tzinfo=UTC)) > datetime.now(UTC)


def _go_on(run: PipelineRunResponse) -> None:
    """Resume a paused run in this process, on the stack that it was started on."""
    snapshot = run.snapshot
    if snapshot is None or snapshot.stack is None:
        raise InputError(f"run {run.name}: ZenML no longer knows its stack; start a new one with `agile promote`")
    if _read(run).status != ExecutionStatus.PAUSED:  # its process was killed, and ZenML has not heard of it
        Client().zen_store.update_run(run.id, PipelineRunUpdate(status=ExecutionStatus.PAUSED))
    Client().zen_store.update_run(run.id, PipelineRunUpdate(status=ExecutionStatus.RESUMING))
    stack = Stack.from_model(snapshot.stack)
    try:
        with failure_told(run.name), changes_told(_parameters(run)["model_name"]):
            stack.orchestrator.resume_run(snapshot=snapshot, run=_read(run), stack=stack)
    except BaseException:
        if not _read(run).status.is_finished:
            Client().zen_store.update_run(run.id, PipelineRunUpdate(status=ExecutionStatus.PAUSED))
        raise


def _parameters(run: PipelineRunResponse) -> dict[str, Any]:
    return run.config.parameters or {}


def _read(run: PipelineRunResponse) -> PipelineRunResponse:
    return Client().get_pipeline_run(run.id)
