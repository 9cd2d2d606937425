"""run_cells: shard → outcomes. Never reused: what is known of a cell lies under `results/cells`, and is not asked for again."""

from typing import Annotated, Any

from zenml import log_metadata, step

from agile_classifier.ops.project import module_command
from agile_classifier.studies import run as study_cells


@step(enable_cache=False)
def run_cells(shard: list[dict[str, Any]]) -> Annotated[list[dict[str, Any]], "outcomes"]:
    """Run the cells of a shard, each in a process of its own; one that fails is told of, and the rest goes on."""
    outcomes = study_cells.run_shard(shard, command=module_command("agile_classifier.studies.run_cell"))
    log_metadata({"n_cells": len(outcomes), "failed": [found["name"] for found in outcomes if found["error"]]})
    return outcomes
