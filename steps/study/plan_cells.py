"""plan_cells: shards → shards, as an artifact: only what a step has made can be mapped over."""

from typing import Annotated, Any

from zenml import step


@step(enable_cache=False)
def plan_cells(shards: list[list[dict[str, Any]]]) -> Annotated[list[list[dict[str, Any]]], "shards"]:
    """Each shard is a list of cells that one `run_cells` runs one after the other."""
    return shards
