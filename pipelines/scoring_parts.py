"""scoring_parts: a folder, or a prefix in a store of objects, in; a scored file for each of its files out.

Shards of files are scored side by side: in processes here, in pods of their own on a cluster.
"""

from zenml import pipeline
from zenml.enums import StepRuntime

from agile_classifier.ops.scoring.parts.job import Job
from steps.scoring.gather_parts import gather_parts
from steps.scoring.plan_parts import plan_parts
from steps.scoring.score_parts import score_parts


@pipeline(dynamic=True, enable_cache=False)
def scoring_parts(job: Job, n_shards: int | None, n_processes: int, in_pods: bool) -> None:
    """A part that is refused is an outcome, and no failure of its step; then no manifest is written.

    Parameters
    ----------
    n_shards : int or None
        Steps that score at the same time; None for one for each part that is missing.
    n_processes : int
        Processes of this machine that score at the same time.
    in_pods : bool
        Whether each step that scores gets a pod of its own, beside that of the run.
    """
    score = score_parts.with_options(runtime=StepRuntime.ISOLATED) if in_pods else score_parts
    shards = plan_parts(job, n_shards, n_processes)
    gather_parts(score.map(shards), shards)
