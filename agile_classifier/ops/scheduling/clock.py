"""Clock: what the one line of the crontab calls every minute, and what calls itself where there is no cron.

A tick decides what is due in each schedule's own time zone, from its last run. So a run that was missed is caught up
once, clocks that change do no harm, and no cron is asked to know zones.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agile_classifier.errors import InputError
from agile_classifier.ops.project import COMMAND, root
from agile_classifier.ops.scheduling import crontab, local, runs

LONGEST_SILENCE = timedelta(minutes=3)
"""Time without a tick after which the clock is taken to have stopped."""
IN_FOREGROUND = "keep agile schedule run-forever running"


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
    if not local.is_any_enabled(local.applied()) or _is_recent(_mark(), now):
        return None
    silence = _describe_silence()
    if not crontab.is_available():
        return Problem(f"there is no crontab command here ({silence})", IN_FOREGROUND)
    try:
        gone = None if crontab.holds_line() else "the crontab has lost its line"
        gone = gone or crontab.find_gone()
    except InputError as error:
        return Problem(f"{error} ({silence})", f"ask for the right to a crontab, or {IN_FOREGROUND}")
    if gone:
        return Problem(f"{gone} ({silence})", "agile schedule apply brings it back")
    if missing := find_missing_clock(now):
        return missing
    if _is_recent(local.records_path(), now):  # cron looks once a minute
        return None
    return Problem(f"nothing ticks, though the crontab says so ({silence})", f"{crontab.output()} may say why")


def find_missing_clock(now: datetime) -> Problem | None:
    """Why nothing on this machine ticks, whatever schedules there are; None where ticks come or a cron could."""
    if _is_recent(_mark(), now):
        return None
    if not crontab.is_available():
        return Problem(f"there is no crontab command here ({_describe_silence()})", IN_FOREGROUND)
    if crontab.is_daemon_missing():
        return Problem(f"no cron daemon runs ({_describe_silence()})", f"start one, or {IN_FOREGROUND}")
    return None


def _describe_silence() -> str:
    last = _written(_mark())
    return f"last tick {last.astimezone():%Y-%m-%d %H:%M}" if last else "no tick yet"


def _is_recent(mark: Path, now: datetime) -> bool:
    written = _written(mark)
    return written is not None and now - written < LONGEST_SILENCE


def _written(mark: Path) -> datetime | None:
    """When a file was written; None where there is none."""
    return datetime.fromtimestamp(mark.stat().st_mtime, UTC) if mark.exists() else None


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
