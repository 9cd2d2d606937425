"""study: a grid of trainings and baselines in; a table and a page of what they say out.

As many shards of cells run side by side as are asked for: in threads here, in pods of their own on a cluster.
"""

from typing import Any

from zenml import pipeline

from steps.study.gather_cells import gather_cells
from steps.study.plan_cells import plan_cells
from steps.study.run_cells import run_cells


@pipeline(dynamic=True, enable_cache=False)
def study(
    shards: list[list[dict[str, Any]]], file: str, definition: dict[str, Any], store: dict[str, Any], command: str
) -> None:
    """A cell that fails is an outcome, and no failure of the run."""
    outcomes = run_cells.map(plan_cells(shards))
    gather_cells(outcomes, file, definition, store, command)
