"""Local runs: pipelines whose steps read and write files of this machine, run in this process."""

from __future__ import annotations

from typing import Any

from zenml.models import PipelineRunResponse

from agile_classifier.errors import InputError
from agile_classifier.ops.engines import stacks
from agile_classifier.ops.notifications import failure_told
from agile_classifier.ops.runs import liveness


def run_here(pipeline: Any, **arguments: Any) -> PipelineRunResponse:
    """Run a pipeline under an announced name, and return its record.

    Raises
    ------
    InputError
        The active stack runs steps elsewhere, where the files are not.
    """
    stack = stacks.active_stack()
    if stack.flavor("orchestrator") != "local":
        raise InputError(
            f"stack {stack.name}: its steps would not find the files of this machine; select one that runs here: agile stack local"
        )
    with liveness.announced_run(pipeline.name) as run_name, failure_told(run_name):
        run: PipelineRunResponse = pipeline.with_options(run_name=run_name)(**arguments)
    return run


def output_of(run: PipelineRunResponse, step: str, artifact: str) -> Any:
    """What a step of a run has made."""
    return run.steps[step].outputs[artifact][0].load()
