"""Run: the scoring of a place as a ZenML run, here or on a cluster, once all that can be refused has been."""

from __future__ import annotations

import sys
from typing import Any

from agile_classifier.config.reading import ReadingOptions
from agile_classifier.data.fetch.places import Place
from agile_classifier.errors import InputError
from agile_classifier.ops.engines.run import on_active_stack
from agile_classifier.ops.engines.stacks import IN_PODS, StackFile, used_stack
from agile_classifier.ops.runs import liveness
from agile_classifier.ops.runs.outputs import output_of
from agile_classifier.ops.scoring.batch import find_scorer
from agile_classifier.ops.scoring.parts import gather
from agile_classifier.ops.scoring.parts.job import Job
from agile_classifier.ops.scoring.parts.listing import list_parts, read_first, require_same_columns, require_target
from agile_classifier.ops.scoring.parts.plan import Plan, plan_job


def make_job(
    source: str, output: str, *, options: ReadingOptions, prefix: str | None, model_name: str | None,
    version: str | None, strict: bool, suffix: str,
) -> Job:  # fmt: skip
    """The job of scoring a place; the fields are those of `Job`.

    Raises
    ------
    InputError
        There is no part, they do not belong together, they cannot be read as the version asks for, no version that
        scores, or an output that cannot be one.
    """
    target, place = require_target(output), Place(source)
    parts = list_parts(place, target, suffix=suffix)
    name, number = find_scorer(model_name, version)
    reading = read_first(place, parts[0], options, model_name=name, version=number)
    require_same_columns(place, parts, reading)
    for note in reading.notes:
        print(f"{place.address_of(parts[0].name)}: {note}", file=sys.stderr, flush=True)
    return Job(
        input=_absolute(place), output=_absolute(target), model_name=name, model_version=number, options=options,
        prefix=prefix, strict=strict, suffix=suffix,
    )  # fmt: skip


def score_job(job: Job, *, n_at_once: int | None, stack: str | None) -> str:
    """Score what a job lacks, and say in a line what came of it.

    Parameters
    ----------
    n_at_once : int or None
        Parts that are scored at the same time; by default one here, and all of them, a pod each, on a cluster.
    stack : str or None
        The stack that runs it; by default the active one.

    Raises
    ------
    InputError
        The stack cannot take it, or a part could not be scored.
    """
    with used_stack(stack) as chosen:
        require_reachable(chosen, job.source, job.target)
        plan = plan_job(job)
        _say_plan(job, plan)
        if plan.is_whole and not plan.missing and not plan.n_left_over:
            liveness.settle_dead_runs()  # one that was cut short behind its last part
            gather.clear(job)
            return f"{job.output}: all {len(plan.parts)} parts are scored already; nothing to do"
        facts = _run(job, n_at_once=n_at_once, in_pods=chosen.flavor("orchestrator") in IN_PODS)
    return gather.in_words(facts) if facts else f"{job.input}: the run has been submitted to stack {chosen.name}"


def require_reachable(stack: StackFile, *places: Place) -> None:
    """Raise InputError where the steps of a stack would not find a place, or Kubeflow is to run them."""
    if stack.flavor("orchestrator") == "kubeflow":
        raise InputError(
            f"stack {stack.name}: what is compiled for Kubeflow trains; parts are scored and monitored on the stack"
            " kubernetes, or here: --stack local"
        )
    local = next((place for place in places if place.is_local), None)
    if stack.flavor("orchestrator") != "local" and local is not None:
        raise InputError(
            f"stack {stack.name}: its steps would not find {local.address} of this machine; name a prefix in a store of"
            " objects (s3://…), or score here: --stack local"
        )


def _run(job: Job, *, n_at_once: int | None, in_pods: bool) -> dict[str, Any] | None:
    """Facts of the run; None where the stack has only taken it on."""
    here = 1 if in_pods else n_at_once or 1
    with on_active_stack("scoring_parts") as (pipeline, _):
        run = pipeline(job=job, n_shards=n_at_once if in_pods else here, n_processes=here, in_pods=in_pods)
    if run is None:
        return None
    if not run.status.is_successful:  # an engine that runs steps elsewhere tells of it by the status alone
        raise RuntimeError(
            f"run {run.name}: {run.status.value}; the logs of the engine say why, and the same command goes on"
        )
    facts: dict[str, Any] = output_of(run, "gather_parts", "scored_parts")
    return facts


def _absolute(place: Place) -> str:
    """Address of a place for a step, whose process may stand in another folder."""
    if not place.is_local:
        return place.address
    return place.path if place.is_matched or place.is_file else place.base


def _say_plan(job: Job, plan: Plan) -> None:
    done = len(plan.records)
    said = f"{job.input}: {len(plan.parts)} parts, {len(plan.missing)} to score"
    print(f"{said}{f', {done} scored already' if done else ''}", file=sys.stderr, flush=True)
    if plan.n_left_over:
        print(
            f"agile: warning: {job.output}: {plan.n_left_over} scored parts have no input any more; their rows stay,"
            " and the manifest does not name them",
            file=sys.stderr,
            flush=True,
        )
