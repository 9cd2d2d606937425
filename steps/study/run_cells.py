"""run_cells: shard → outcomes. Never reused: a finished cell lies in the study's store, and is not asked for again."""

from typing import Annotated, Any

from zenml import log_metadata, step

from agile_classifier.ops.project import module_command
from agile_classifier.studies.run import run_shard


@step(enable_cache=False)
def run_cells(shard: list[dict[str, Any]]) -> Annotated[list[dict[str, Any]], "outcomes"]:
    """Run the cells of a shard, each in a process of its own; one that fails is told of, and the rest goes on."""
    outcomes = run_shard(shard, command=module_command("agile_classifier.studies.run"))
    log_metadata({"n_cells": len(outcomes), "failed": [outcome.place.name for outcome in outcomes if outcome.error]})
    return [outcome.model_dump(mode="json") for outcome in outcomes]
