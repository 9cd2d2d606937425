"""Runs of the project's pipelines on the active stack, each under an announced name and told of where it fails.

Before one begins, those whose process was killed are settled.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from zenml.models import PipelineRunResponse

from agile_classifier.errors import InputError
from agile_classifier.ops.engines import equal_training, stacks
from agile_classifier.ops.engines.require import require_engine
from agile_classifier.ops.notifications import failure_told
from agile_classifier.ops.project import load_pipeline
from agile_classifier.ops.runs import liveness


@contextmanager
def on_active_stack(pipeline: str, **options: Any) -> Iterator[tuple[Any, str]]:
    """The named pipeline, ready to be called on the active stack, and the name of the run that the call starts.

    Raises
    ------
    InputError
        The engine of the stack cannot take a run.
    """
    liveness.settle_dead_runs()
    stack = stacks.active_stack()
    require_engine(stack)
    with liveness.announced_run(pipeline) as run_name, failure_told(run_name):
        try:
            yield load_pipeline(pipeline).with_options(run_name=run_name, **options, **stack.run), run_name
        finally:
            equal_training.release_locks()


def run_here(pipeline: str, **arguments: Any) -> PipelineRunResponse:
    """Run the named pipeline, whose steps read and write files of this machine, in this process; returns its record.

    Raises
    ------
    InputError
        The active stack runs steps elsewhere, where the files are not.
    """
    liveness.settle_dead_runs()
    stack = stacks.active_stack()
    if stack.flavor("orchestrator") != "local":
        raise InputError(
            f"stack {stack.name}: its steps would not find the files of this machine; select one that runs here: "
            "agile stack local"
        )
    with liveness.announced_run(pipeline) as run_name, failure_told(run_name):
        run: PipelineRunResponse = load_pipeline(pipeline).with_options(run_name=run_name)(**arguments)
    return run
