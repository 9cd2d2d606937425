"""plan_samples: tasks → tasks, as an artifact: only what a step has made can be mapped over."""

from typing import Annotated, Any

from zenml import step


@step(enable_cache=False)
def plan_samples(tasks: list[dict[str, Any]]) -> Annotated[list[dict[str, Any]], "tasks"]:
    """Each task is of parts that one `sample_part` reads, one after the other."""
    return tasks
