"""Clock: what the one line of the crontab calls every minute, and what calls itself where there is no cron.

A tick decides what is due in each schedule's own time zone, from its last run. So a run that was missed is caught up
once, clocks that change do no harm, and no cron is asked to know zones.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agile_classifier.ops.project import COMMAND, root
from agile_classifier.ops.scheduling import crontab, local, runs

LONGEST_SILENCE = timedelta(minutes=3)
"""Time without a tick after which the clock is taken to have stopped."""


@dataclass(frozen=True)
class Problem:
    """Why no run would start by the clock."""

    found: str
    remedy: str


def tick(now: datetime) -> list[str]:
    """Start what is due, each run in a process of its own, and wait for none; returns the names of those schedules."""
    if not local.folder().is_dir():
        return []
    _mark().touch()
    due = [name for name, record in sorted(local.applied().items()) if runs.may_start(name, record, now)]
    for name in due:
        _start(name)
    return due


def tick_forever(report: Callable[[str], object]) -> None:
    """Tick now and at the beginning of every minute, and report the name of each schedule whose run was started."""
    while True:
        for name in tick(datetime.now(UTC)):
            report(name)
        time.sleep(60 - time.time() % 60)


def find_problem(now: datetime) -> Problem | None:
    """Why no run would start though schedules are enabled here; None where ticks come."""
    if not local.is_any_enabled(local.applied()):
        return None
    has_cron = crontab.is_available()
    last = _latest([_mark(), local.records_path()] if has_cron else [_mark()])  # cron looks once a minute
    if last is not None and now - last < LONGEST_SILENCE:
        return None
    silence = f"last tick {last.astimezone():%Y-%m-%d %H:%M}" if last else "no tick yet"
    if not has_cron:
        return Problem(f"there is no crontab command here ({silence})", "keep agile schedule run-forever running")
    if not crontab.holds_line():
        return Problem(f"the crontab has lost its line ({silence})", "agile schedule apply brings it back")
    return Problem(f"no cron daemon runs ({silence})", "start one, or keep agile schedule run-forever running")


def _latest(marks: Iterable[Path]) -> datetime | None:
    """When the last of some files was written; None where there is none."""
    return max((datetime.fromtimestamp(mark.stat().st_mtime, UTC) for mark in marks if mark.exists()), default=None)


def _start(name: str) -> None:
    """`agile schedule run`, in a session of its own, so that it outlives whoever ticks."""
    with (local.folder() / f"{name}.waking.txt").open("wb") as output:
        subprocess.Popen(
            [*COMMAND, "schedule", "run", name],
            cwd=root(), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip


def _mark() -> Path:
    """Touched by every tick."""
    return local.folder() / "ticked"
