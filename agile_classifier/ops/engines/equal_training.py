"""Equal trainings: of two runs that would train the same at once, one trains; the other waits and reuses its result.

A lock of the state folder for each training key keeps a second process from the checkpoints and the MLflow run of the
first. It is held until the run is over, not until the step is: only then does ZenML record the step as one to be
reused, and what follows it is reused too.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from zenml import get_step_context, log_metadata
from zenml.models import StepRunResponse
from zenml.orchestrators.cache_utils import get_cached_step_run
from zenml.orchestrators.utils import is_setting_enabled

from agile_classifier.ops.runs.materializers import Folder
from agile_classifier.ops.state import locks
from agile_classifier.ops.state.locks import HeldLock

_held: dict[str, dict[str, HeldLock]] = {}
"""Run of this process → the locks that it holds, by training key."""


@dataclass(frozen=True)
class Trained:
    """What another run has trained: the outputs of its step `fine_tune`."""

    adapter: Folder
    mlflow_run_id: str


def wait_for_equal(key: str) -> Trained | None:
    """Become the only process of this state folder that trains with this key, until the run of this step is over.

    Where another process does so already, say who, and wait. Returns what it has trained, or None where this step is to
    train: nobody else did, the other left nothing, or the run is to reuse nothing.
    """
    run = get_step_context().pipeline_run.name
    release_locks(besides=run)
    if key in _held.get(run, {}):  # a step that is tried again
        return None
    waited: list[str] = []

    def say(holder: str) -> None:
        waited.append(holder)
        _say(f"the same training is under way: {holder}; waiting for the end of that run")

    _held.setdefault(run, {})[key] = locks.acquire(lock_name(key), holder=f"run {run}", on_wait=say)
    equal = _find_equal() if waited else None
    if equal is None:
        if waited:
            _say("the wait is over, and this run trains by itself")
        return None
    _say("the wait is over, and the result of that run is reused")
    log_metadata(dict(equal.run_metadata))
    outputs = equal.outputs
    return Trained(outputs["adapter"][0].load(), outputs["mlflow_run_id"][0].load())


def release_locks(*, besides: str | None = None) -> None:
    """Free the locks of this process's runs that are over: all, or all but those of the run that is named."""
    for run in _held.keys() - {besides}:
        for lock in _held.pop(run).values():
            lock.release()


def lock_name(key: str) -> str:
    """Name of the lock of a training key."""
    return f"training {key}"


def _find_equal() -> StepRunResponse | None:
    """Step run with this one's inputs, settings and code that has ended well; None if this run is to reuse nothing."""
    context = get_step_context()
    enabled = is_setting_enabled(
        is_enabled_on_step=context.step_run.config.enable_cache,
        is_enabled_on_pipeline=context.pipeline_run.config.enable_cache,
    )
    key = context.step_run.cache_key
    return get_cached_step_run(key) if enabled and key else None


def _say(line: str) -> None:
    print(f"fine_tune: {line}", file=sys.stderr, flush=True)
