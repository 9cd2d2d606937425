"""gather_parts: outcomes of every shard, shards → scored_parts. Never reused: its manifest lies outside the store."""

from typing import Annotated, Any

from zenml import log_metadata, step

from agile_classifier.ops.scoring.parts.gather import gather
from agile_classifier.ops.scoring.parts.job import Task
from agile_classifier.ops.scoring.parts.score import Outcome


@step(enable_cache=False)
def gather_parts(
    outcomes: list[list[dict[str, Any]]], shards: list[dict[str, Any]]
) -> Annotated[dict[str, Any], "scored_parts"]:
    """Write the manifest of a place whose parts are all scored; the artifact states what it sums up."""
    task = Task.model_validate(shards[0])
    found = [Outcome.model_validate(outcome) for shard in outcomes for outcome in shard]
    facts = gather(task.job, found, begun=task.begun)
    log_metadata(facts)
    return facts
