"""Schedules on Kubernetes: each is a schedule of ZenML's and so a CronJob of the cluster.

ZenML's server remembers what was applied.

The cluster starts the runs, so no machine need be on. What a CronJob runs is fixed when it is made: any change, also of
the config's content or of the stack's file, makes a new one and removes the old one. A time that passed before it was
made is not caught up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from uuid import UUID

from zenml.client import Client
from zenml.config.schedule import Schedule as ZenmlSchedule
from zenml.enums import MetadataResourceTypes, StackComponentType
from zenml.models import RunMetadataResource, ScheduleResponse

from agile_classifier.errors import InputError, did_you_mean
from agile_classifier.ops.engines import kubernetes as engine_kubernetes
from agile_classifier.ops.engines.stacks import StackFile
from agile_classifier.ops.scheduling.cluster import cron_jobs
from agile_classifier.ops.scheduling.cluster.night import Finding, read_finding, waiting_command
from agile_classifier.ops.scheduling.cluster.plans import PREFIX, Plan, make_plan, word
from agile_classifier.ops.scheduling.local import Change, differences
from agile_classifier.ops.scheduling.runs import shorten
from agile_classifier.ops.scheduling.schedule import Schedule, longest_lateness, without_seventh_day

FACTS = "agile_schedule"
"""Under which ZenML's schedule keeps what it was applied with."""
ENDED = 100
"""Largest number of schedules looked at."""


@dataclass(frozen=True)
class Found:
    """A schedule that ZenML knows, and its CronJob."""

    id: UUID
    zenml_name: str
    facts: Mapping[str, str]
    cron_job: Any | None
    finding: Finding | None = None
    """What its last night found, where it waits for new labels."""

    @property
    def name(self) -> str:
        """Name of the schedule in the schedules file."""
        return self.zenml_name.removeprefix(PREFIX).rpartition("-")[0]

    @property
    def job(self) -> str | None:
        """Name of the Job of a run that still goes; None if none does."""
        active = self.cron_job.status.active if self.cron_job is not None and self.cron_job.status else None
        return str(active[0].name) if active else None

    def problem(self) -> str | None:
        """Difference from what was applied, made by hand or by an interrupted command; None if there is none."""
        if self.cron_job is None:
            return "its CronJob is gone"
        if not self.facts:
            return "it was not applied to its end"
        spec = self.cron_job.spec
        actual = {"cron": spec.schedule, "time_zone": spec.time_zone, "enabled": word(not spec.suspend)}
        wanted = {**self.facts, "cron": without_seventh_day(self.facts["cron"])}
        edited = [f"{field} {value}" for field, value in actual.items() if value != wanted[field]]
        return f"its CronJob was edited ({', '.join(edited)})" if edited else None


def apply(
    stack: StackFile, wanted: Mapping[str, Schedule], *, load_pipeline: Callable[[], Any], dry_run: bool
) -> list[Change]:
    """Make exactly these the stack's schedules; returns what that changes, in order of names.

    Raises
    ------
    InputError
        The cluster cannot be used, a schedule is not for it, or a run of one that would change still goes: nothing has
        changed.
    """
    planned = {name: make_plan(schedule, stack) for name, schedule in wanted.items()}
    engine_kubernetes.require_kubernetes(stack, rights=engine_kubernetes.SCHEDULE_RIGHTS)
    before = _found(stack)
    changes = [_change(name, before.get(name, []), planned.get(name)) for name in sorted({*before, *planned})]
    if dry_run:
        return changes
    stale = {
        name: [found for found in before.get(name, []) if not _is_kept(found, planned.get(name))] for name in before
    }
    _require_idle(stack, [found for several in stale.values() for found in several])
    for change in changes:
        old = stale.get(change.name, [])
        if change.kind in ("added", "changed"):
            plan = planned[change.name]
            _delete(stack, [found for found in old if found.zenml_name == plan.zenml_name])
            _create(stack, plan, load_pipeline())
            old = [found for found in old if found.zenml_name != plan.zenml_name]
        _delete(stack, old)
    return changes


def remove(stack: StackFile, name: str) -> None:
    """Take one schedule off the cluster.

    Raises
    ------
    InputError
        None of that name was applied there, or a run of it still goes.
    """
    several = _find(stack, name, rights=engine_kubernetes.SCHEDULE_RIGHTS)
    _require_idle(stack, several)
    _delete(stack, several)


def run_now(stack: StackFile, name: str) -> str:
    """Start a schedule's run on the cluster as if it were due, a suspended one's too; returns a sentence.

    Raises
    ------
    InputError
        None of that name was applied there, its CronJob is gone, or a run of it still goes.
    """
    *_, found = _find(stack, name, rights=engine_kubernetes.RUN_RIGHTS)
    if found.cron_job is None:
        raise InputError(f"schedule {name}: {found.problem()}; agile schedule apply mends it")
    if found.job:
        return f"schedule {name}: the run before still goes (job {found.job}); none is started beside it"
    job = cron_jobs.start(stack, found.cron_job)
    return f"schedule {name}: job {job} is started on stack {stack.name}; agile schedule list says what it found"


def entries(stack: StackFile) -> Iterator[tuple[Schedule, str]]:
    """List each schedule with the outcome of its last run."""
    for several in _found(stack).values():
        facts = several[-1].facts
        if facts:
            entry: dict[str, Any] = {field: facts[field] for field in ("pipeline", "config", "cron", "time_zone")}
            name, is_enabled = several[-1].name, facts["enabled"] == word(True)
            when = json.loads(facts.get("when") or "null")
            schedule = Schedule.model_validate({**entry, "name": name, "enabled": is_enabled, "when": when})
            yield schedule, _last_run(several[-1])


def problems(stack: StackFile) -> Iterator[str]:
    """List what `agile schedule apply` would mend."""
    for name, several in _found(stack).items():
        problem = several[-1].problem() or ("there are several of it" if len(several) > 1 else None)
        if problem:
            yield f"schedule {name}: {problem}; agile schedule apply mends it"


def _change(name: str, before: Sequence[Found], plan: Plan | None) -> Change:
    if plan is None:
        return Change("removed", name)
    if not before:
        return Change("added", name, f"training, {plan.schedule.cron} {plan.schedule.time_zone}")
    if any(_is_kept(found, plan) for found in before):
        return Change("unchanged", name)
    no_wait = {"when": ""}
    details = differences({**no_wait, **before[-1].facts}, {**no_wait, **plan.facts}) if before[-1].facts else ""
    return Change("changed", name, details or before[-1].problem() or "")


def _is_kept(found: Found, plan: Plan | None) -> bool:
    return plan is not None and found.zenml_name == plan.zenml_name and found.problem() is None


def _found(stack: StackFile) -> dict[str, list[Found]]:
    """Name → schedules of the stack, the one applied last at the end.

    More than one only after a command that was cut off.
    """
    orchestrator = Client().active_stack_model.components[StackComponentType.ORCHESTRATOR][0]
    known = Client().list_schedules(
        name=f"startswith:{PREFIX}", orchestrator_id=orchestrator.id, sort_by="created", size=ENDED, hydrate=True
    )
    jobs = cron_jobs.read(stack)
    found: dict[str, list[Found]] = {}
    for schedule in known.items:
        job, finding = jobs.get(schedule.name.removeprefix(PREFIX)), read_finding(schedule.run_metadata)
        there = Found(schedule.id, schedule.name, _facts(schedule), job, finding)
        found.setdefault(there.name, []).append(there)
    return found


def _facts(schedule: ScheduleResponse) -> dict[str, str]:
    kept: Any = schedule.run_metadata.get(FACTS) or {}
    return dict(kept)


def _find(stack: StackFile, name: str, *, rights: engine_kubernetes.Rights) -> list[Found]:
    """Schedules of one name, of which there must be one at least."""
    engine_kubernetes.require_kubernetes(stack, rights=rights)
    before = _found(stack)
    if name not in before:
        known = ", ".join(sorted(before)) or "none; agile schedule apply makes those of a file known"
        raise InputError(
            f"schedule {name}: not applied on stack {stack.name}; there are: {known}{did_you_mean(name, before)}"
        )
    return before[name]


def _require_idle(stack: StackFile, going: Sequence[Found]) -> None:
    """Refuse a change while a run goes: its token would end with its schedule, and its pods with it."""
    for found in going:
        if found.job:
            raise InputError(
                f"schedule {found.name}: its run still goes on stack {stack.name} (job {found.job}) and would be "
                "cut short; "
                "nothing was changed; wait for its end, or end it: zenml pipeline runs stop"
            )


def _create(stack: StackFile, plan: Plan, pipeline: Any) -> None:
    from agile_classifier.ops.engines import kubernetes_workarounds as zenml_workarounds

    zenml_workarounds.apply()
    schedule = plan.schedule
    options = json.loads(json.dumps(dict(stack.run)))
    options.setdefault("settings", {}).setdefault("orchestrator", {}).update(
        concurrency_policy="Forbid", starting_deadline_seconds=longest_lateness(schedule.cron)
    )
    with zenml_workarounds.cron_jobs_with(
        time_zone=schedule.time_zone,
        suspend=not schedule.enabled,
        labels={cron_jobs.LABEL: plan.zenml_name.removeprefix(PREFIX)},
        command=None if schedule.when is None else waiting_command(schedule.when),
    ):
        pipeline.with_options(
            schedule=ZenmlSchedule(name=plan.zenml_name, cron_expression=without_seventh_day(schedule.cron)),
            enable_cache=not plan.no_cache,
            **options,
        )(**{section: getattr(plan.config, section) for section in type(plan.config).model_fields})
    made = Client().get_schedule(plan.zenml_name, allow_name_prefix_match=False)
    resource = RunMetadataResource(id=made.id, type=MetadataResourceTypes.SCHEDULE)
    Client().create_run_metadata({FACTS: dict(plan.facts)}, [resource])
    if not schedule.enabled:
        Client().update_schedule(made.id, active=False)


def _delete(stack: StackFile, several: Sequence[Found]) -> None:
    """ZenML's schedule, its CronJob, and the secret with its token, which ZenML leaves."""
    for found in several:
        Client().delete_schedule(found.id)
        if found.cron_job is not None:
            cron_jobs.delete(stack, found.cron_job)


def _last_run(found: Found) -> str:
    """When a schedule's last run began and what became of it, or what its last night found in place of one."""
    runs = Client().list_pipeline_runs(schedule_id=found.id, sort_by="desc:created", size=1)
    last = [(run.created.replace(tzinfo=UTC), run.status.value) for run in runs.items]
    seen = found.finding
    if seen is None:
        return " ".join(f"{at.astimezone():%Y-%m-%d %H:%M} {status}" for at, status in last) or "never"
    started = [f"{status}: " for at, status in last if at >= seen.at]
    return f"{seen.at.astimezone():%Y-%m-%d %H:%M} {''.join(started) or 'done: '}{shorten(seen.reason)}"
