"""score_parts: shard → outcomes. Never reused: a part that is done is in no shard."""

from typing import Annotated, Any

from zenml import log_metadata, step

from agile_classifier.ops.scoring.parts.job import Task
from agile_classifier.ops.scoring.parts.score import score_shard
from agile_classifier.ops.scoring.parts.work import score_apart


@step(enable_cache=False)
def score_parts(shard: dict[str, Any]) -> Annotated[list[dict[str, Any]], "outcomes"]:
    """Score the parts of a shard, in a process of its own where this machine scores several shards at once."""
    task = Task.model_validate(shard)
    outcomes = score_apart(task) if task.n_processes > 1 else score_shard(task)
    log_metadata({"n_parts": len(outcomes), "failed": [outcome.name for outcome in outcomes if outcome.error]})
    return [outcome.model_dump() for outcome in outcomes]
