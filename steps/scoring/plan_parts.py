"""plan_parts: job → shards. Never reused: places change."""

import time
from typing import Annotated, Any

from zenml import get_step_context, log_metadata, step

from agile_classifier.ops.scoring.parts.job import Job, Task
from agile_classifier.ops.scoring.parts.plan import begin, plan_job


@step(enable_cache=False)
def plan_parts(job: Job, n_shards: int | None, n_processes: int) -> Annotated[list[dict[str, Any]], "shards"]:
    """Part the missing parts among `n_shards`, or give each a shard of its own; note the run that begins."""
    plan, begun = plan_job(job), time.time()
    run_id = begin(job, str(get_step_context().pipeline_run.id))
    log_metadata({"n_parts": len(plan.parts), "n_missing": len(plan.missing), "run_id": run_id})
    shards = plan.shards(n_shards)
    tasks = [Task(job=job, run_id=run_id, begun=begun, n_processes=n_processes, parts=tuple(each)) for each in shards]
    return [task.model_dump(mode="json") for task in tasks]
