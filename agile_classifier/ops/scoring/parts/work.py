"""Work: a shard in a process of its own, where several are scored on this machine at the same time.

Such a process runs this module, is told a task on its standard input, and prints what came of each part. Its memory is
its own, and so are its share of the cores and its end.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from agile_classifier.children import run_child
from agile_classifier.ops.project import module_command
from agile_classifier.ops.scoring.parts.job import Task
from agile_classifier.ops.scoring.parts.score import Outcome, score_shard

THREADS = "OMP_NUM_THREADS"


def score_apart(task: Task) -> list[Outcome]:
    """Score a shard in a process of its own, which takes its share of the cores.

    Raises
    ------
    RuntimeError
        The process did not live to say what came of its parts.
    """
    environment = {THREADS: str(max(1, _count_cores() // task.n_processes)), **os.environ}
    done = run_child(module_command(__name__), told=task.model_dump_json(), env=environment, stderr=None)
    if done.returncode or not done.stdout:
        raise RuntimeError(
            f"a process that scored {len(task.parts)} parts of {task.job.input} ended by {_end(done.returncode)};"
            " the same command goes on"
        )
    return [Outcome.model_validate(outcome) for outcome in json.loads(done.stdout.splitlines()[-1])]


def main() -> None:
    """Score the shard of the task on standard input."""
    from agile_classifier.ops.state.home import prepare_state

    task = Task.model_validate_json(sys.stdin.read())
    prepare_state()
    print(json.dumps([outcome.model_dump() for outcome in score_shard(task)]))


def _count_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _end(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


if __name__ == "__main__":
    main()
