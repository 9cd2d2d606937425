"""Study cells: shards of cells, each cell in a process of its own, so that its memory is its own and a crash ends nothing else.

A shard runs here, in a thread, or elsewhere, in a pod. So it carries all that its cells need, and returns all that came of them.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agile_classifier.config.sources import require_sources
from agile_classifier.studies import cells
from agile_classifier.studies.file import Cell, describe
from agile_classifier.studies.plan import Plan, in_minutes

SAID = 400
"""Characters of a failed cell's last words."""
Given = dict[str, Any]
"""A cell as plain values: its place, its config, where it is kept and what made it."""
Outcome = dict[str, Any]
"""`name`, `place`, `found` (as `results/cells` holds it; None where the cell failed) and `error`."""


def to_shards(planned: Plan, *, jobs: int, command: str, commit: str) -> list[list[Given]]:
    """The missing cells in at most `jobs` shards, as `Plan.shards`.

    Raises
    ------
    InputError
        A source of theirs is not there.
    """
    for cell in planned.missing:
        require_sources(cell.config, planned.file.parent, Path.cwd(), name=f"contender {cell.contender}")
    return [[_given(cell, command, commit, planned) for cell in shard] for shard in planned.shards(jobs)]


def run_shard(shard: Sequence[Given], *, command: Sequence[str]) -> list[Outcome]:
    """Run cells one after the other, with a line for each and the time left.

    Parameters
    ----------
    command : sequence of str
        What runs `agile_classifier.studies.run_cell` in a process of its own.
    """
    began, outcomes = time.monotonic(), list[Outcome]()
    for given in shard:
        outcomes.append(_run_apart(given, command))
        left = (time.monotonic() - began) / len(outcomes) * (len(shard) - len(outcomes))
        said = f"{len(outcomes)}/{len(shard)} {given['name']}: {_said(outcomes[-1], given['metric'])}"
        print(f"{said}; {in_minutes(left)} left", file=sys.stderr, flush=True)
    return outcomes


def keep(outcomes: Sequence[Outcome], *, folder: Path) -> None:
    """Put what cells elsewhere came to beside those that ran here."""
    for outcome in outcomes:
        if outcome["found"] is not None:
            cells.keep(outcome["found"], folder=folder)


def _given(cell: Cell, command: str, commit: str, planned: Plan) -> Given:
    return {
        **describe(cell), "baseline": cell.baseline, "name": cell.name, "metric": planned.study.metric,
        "parameters": cell.config.model_dump(mode="json", exclude_defaults=True),
        "command": command, "commit": commit, "folder": str(planned.folder),
    }  # fmt: skip


def _run_apart(given: Mapping[str, Any], command: Sequence[str]) -> Outcome:
    with tempfile.TemporaryDirectory() as elsewhere:  # a pod has no folder of the project's
        folder = given["folder"] if Path(given["folder"]).parent.is_dir() else elsewhere
        done = subprocess.run(
            command,
            input=json.dumps({**given, "folder": folder}),
            text=True,
            capture_output=True,
            check=False,
        )
        place = {name: given[name] for name in ("contender", "size", "split", "seed")}
        if done.returncode:
            return {"name": given["name"], "place": place, "found": None, "error": _last_words(done)}
        found = json.loads(Path(done.stdout.strip().splitlines()[-1]).read_text(encoding="utf-8"))
        return {"name": given["name"], "place": place, "found": found, "error": ""}


def _last_words(done: subprocess.CompletedProcess[str]) -> str:
    """Why a cell failed: the signal that ended it, else the last line that it wrote."""
    said = done.stderr.strip().splitlines()[-1:]
    if done.returncode < 0:
        said = [f"ended by signal {signal.Signals(-done.returncode).name}", *said]
    return "; ".join(said or [f"exit status {done.returncode}"])[:SAID]


def _said(outcome: Outcome, metric: str) -> str:
    if outcome["found"] is None:
        return f"failed: {outcome['error']}"
    return f"{metric} {outcome['found']['metrics'][metric]:.3f} in {outcome['found']['seconds']:.0f} s"
