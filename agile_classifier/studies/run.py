"""Run cells: shards of them, each cell in a process of its own, so that its memory is its own and a crash ends just it.

Such a process runs this module with a task on its standard input. A shard runs here, in a thread, or elsewhere, in a
pod, so it carries and returns all as plain values.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agile_classifier.children import run_child
from agile_classifier.config.section import Section
from agile_classifier.config.sources import require_sources
from agile_classifier.errors import GateRefused, InputError
from agile_classifier.studies.cells import CellStore, FinishedCell, Made
from agile_classifier.studies.grid import Cell, Place
from agile_classifier.studies.plan import Plan, in_minutes

LONGEST_ERROR = 400
"""Longest last line of a failed cell that is shown, in characters."""


class Task(Section):
    """A cell to run."""

    cell: Cell
    metric: str
    """What the line about the finished cell states."""
    command: str
    commit: str
    store: CellStore
    """Where the finished cell is kept, where that is on this machine."""


class Outcome(Section):
    """What came of a task: a finished cell, or why it failed."""

    place: Place
    cell: FinishedCell | None = None
    error: str = ""


def to_shards(planned: Plan, *, jobs: int, command: str, commit: str) -> list[list[dict[str, Any]]]:
    """The missing cells in at most `jobs` shards, as `Plan.shards`; plain values of `Task`.

    Raises
    ------
    InputError
        A source of theirs is not there.
    """
    for cell in planned.missing:
        require_sources(cell.config, planned.file.parent, Path.cwd(), name=f"contender {cell.place.contender}")
    made = {"metric": planned.study.metric, "command": command, "commit": commit, "store": planned.store}
    tasks = [[Task(cell=cell, **made) for cell in shard] for shard in planned.shards(jobs)]
    return [[task.model_dump(mode="json", exclude_defaults=True) for task in shard] for shard in tasks]


def run_shard(shard: Sequence[dict[str, Any]], *, command: Sequence[str]) -> list[Outcome]:
    """Run cells one after the other, and print a line for each with the time left.

    Parameters
    ----------
    shard : sequence of dict
        Plain values of `Task`.
    command : sequence of str
        What runs this module in a process of its own.
    """
    began, outcomes = time.monotonic(), list[Outcome]()
    for task in map(Task.model_validate, shard):
        outcomes.append(_run_apart(task, command))
        left = (time.monotonic() - began) / len(outcomes) * (len(shard) - len(outcomes))
        line = f"{len(outcomes)}/{len(shard)} {task.cell.place.name}: {_in_words(outcomes[-1], task.metric)}"
        print(f"{line}; {in_minutes(left)} left", file=sys.stderr, flush=True)
    return outcomes


def main() -> None:
    """Run the task on standard input, keep the finished cell, and print its file."""
    from agile_classifier.studies.trial import run_trial  # torch takes seconds to import; who only plans needs none

    task = Task.model_validate_json(sys.stdin.read())
    trial = run_trial(task.cell.config, baseline=task.cell.baseline, external=task.cell.external)
    made = Made(command=task.command, commit=task.commit, time=datetime.now(UTC).isoformat(timespec="seconds"))
    cell = task.cell
    print(task.store.add(FinishedCell(**trial.model_dump(), key=cell.key, decides=cell.decides, made=made)))


def _run_apart(task: Task, command: Sequence[str]) -> Outcome:
    with tempfile.TemporaryDirectory() as elsewhere:  # a pod has no state folder of the one who started the study
        here = task.store.loose.parent.is_dir()
        store = task.store if here else task.store.model_copy(update={"loose": Path(elsewhere)})
        told = task.model_copy(update={"store": store}).model_dump_json(exclude_defaults=True)
        done = run_child(command, told=told)
        if done.returncode:
            return Outcome(place=task.cell.place, error=_last_words(done))
        written = Path(done.stdout.strip().splitlines()[-1])
        return Outcome(place=task.cell.place, cell=FinishedCell.model_validate_json(written.read_bytes()))


def _last_words(done: subprocess.CompletedProcess[str]) -> str:
    """Why a cell failed: the signal that ended it, else the last line that it wrote."""
    words = done.stderr.strip().splitlines()[-1:]
    if done.returncode < 0:
        words = [f"ended by signal {signal.Signals(-done.returncode).name}", *words]
    return "; ".join(words or [f"exit status {done.returncode}"])[:LONGEST_ERROR]


def _in_words(outcome: Outcome, metric: str) -> str:
    if outcome.cell is None:
        return f"failed: {outcome.error}"
    return f"{metric} {outcome.cell.metrics[metric]:.3f} in {outcome.cell.seconds:.0f} s"


if __name__ == "__main__":
    try:
        main()
    except (InputError, GateRefused) as error:  # the study tells of it as of any other cell that fails
        sys.exit(str(error))
