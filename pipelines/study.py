"""study: a grid of trainings and baselines in; a table and a page of what they say out.

As many shards of cells run side by side as are asked for: in threads here, in pods of their own on a cluster.
"""

from typing import Any

from zenml import pipeline

from agile_classifier.ops.engines import require as engines
from agile_classifier.ops.engines import stacks
from agile_classifier.ops.notifications import failure_told
from agile_classifier.ops.runs import liveness
from agile_classifier.studies.plan import Plan
from agile_classifier.studies.run import to_shards
from steps.study.gather_cells import gather_cells
from steps.study.plan_cells import plan_cells
from steps.study.run_cells import run_cells


@pipeline(dynamic=True, enable_cache=False)
def study(shards: list[list[dict[str, Any]]], file: str, definition: dict[str, Any], folder: str, command: str) -> None:
    """A cell that fails is an outcome, and no failure of the run."""
    outcomes = run_cells.map(plan_cells(shards))
    gather_cells(outcomes, file, definition, folder, command)


def run_study(planned: Plan, *, jobs: int, command: str) -> list[dict[str, Any]]:
    """Run the missing cells on the active stack; returns their outcomes, none where the stack has only taken the run on."""
    stack = stacks.active_stack()
    engines.require_engine(stack)
    shards = to_shards(planned, jobs=jobs, command=command)
    with liveness.announced_run("study") as run_name, failure_told(run_name):
        run = study.with_options(run_name=run_name, **stack.run)(
            shards=shards,
            file=str(planned.file),
            definition=planned.study.model_dump(mode="json"),
            folder=str(planned.folder),
            command=command,
        )
    if run is None:
        return []
    outcomes: list[dict[str, Any]] = run.steps["gather_cells"].outputs["study_outcomes"][0].load()
    return outcomes
