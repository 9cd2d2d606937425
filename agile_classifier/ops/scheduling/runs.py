"""Scheduled runs: one at a time for each schedule, with a bounded log and an outcome for `agile schedule list`."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel

from agile_classifier.environment import SCHEDULE, home
from agile_classifier.files import parse_own, read_end, write_whole
from agile_classifier.ops import project
from agile_classifier.ops.scheduling import local as schedules
from agile_classifier.ops.scheduling.local import Applied
from agile_classifier.ops.scheduling.schedule import Schedule, due, next_time

LARGEST_LOG = 5_000_000
"""Largest log, in bytes; a longer one is put aside before the next run, replacing the one before."""

HEAD = "--- "
"""Beginning of the line of a log above what a run says."""
LONGEST_LINE = 1000
"""Largest part of a log's end that a notice quotes, in bytes."""


LONGEST_FINDING = 160
"""Longest finding that a table shows, in characters."""
FINDING = "found.txt"
"""End of the name of the file in which a run leaves what it found."""


class LastRun(BaseModel, frozen=True):
    """The last run that a schedule started."""

    moment: datetime
    """Time for which the run was started."""
    started: datetime
    begun: bool = True
    """Whether its process was started; if not, because what starts it was killed, the moment is due again."""
    ended: datetime | None = None
    exit_code: int | None = None
    found: str = ""
    """What the run found, in a few words; where it failed, its last words."""


def run_if_due(name: str, *, now: datetime) -> str:
    """Start the run that is due and wait for its end; a sentence says what was done.

    A run that still goes holds the lock, even one whose waker was killed: the kernel frees it when the last of its
    processes ends.

    Raises
    ------
    InputError
        No schedule of that name was applied.
    RuntimeError
        The run failed; its log says why.
    """
    record = schedules.find(name)[name]
    if not record.schedule.enabled:
        return f"schedule {name}: disabled"
    with _held(name) as lock:
        if lock is None:
            return _still_goes(name)
        moment = _due_moment(name, record, now)
        if moment is None:
            return f"schedule {name}: nothing is due before {describe_next(record.schedule, now)}"
        return _run(name, record.schedule, moment, lock)


def run_now(name: str, *, now: datetime) -> str:
    """Start a schedule's run as if it were due, a disabled one's too, and wait for its end; as `run_if_due`.

    What the schedule waits for in its data, it waits for all the same.
    """
    record = schedules.find(name)[name]
    with _held(name) as lock:
        return _still_goes(name) if lock is None else _run(name, record.schedule, now, lock)


def note_finding(sentence: str) -> None:
    """Keep what this run found for `agile schedule list`, where a schedule has started it."""
    if name := os.environ.get(SCHEDULE):
        _place(name, FINDING).parent.mkdir(parents=True, exist_ok=True)
        write_whole(_place(name, FINDING), sentence)


def may_start(name: str, record: Applied, now: datetime) -> bool:
    """Whether a run is due and none is going."""
    if not record.schedule.enabled or _due_moment(name, record, now) is None:
        return False
    with _held(name) as lock:
        return lock is not None


def last_run(name: str) -> LastRun | None:
    """Read the last run of a schedule; None before the first."""
    path = _place(name, "last.json")
    if not path.is_file():
        return None
    return parse_own(
        path, LastRun.model_validate_json, way_on="remove it, and the schedule counts as one that never ran"
    )


def describe_last(name: str) -> str:
    """When the last run began and what became of it."""
    last = last_run(name)
    if last is None:
        return "never"
    began = f"{last.started.astimezone():%Y-%m-%d %H:%M}"
    if last.ended is not None:
        outcome = "done" if last.exit_code == 0 else f"failed, exit code {last.exit_code}"
        return f"{began} {outcome}{f': {shorten(last.found)}' if last.found else ''}"
    with _held(name) as lock:
        return f"{began} {'still going' if lock is None else 'cut short'}"


def shorten(found: str) -> str:
    """What a run found, as a table has room for it."""
    return found if len(found) <= LONGEST_FINDING else f"{found[: LONGEST_FINDING - 1]}…"


def describe_next(schedule: Schedule, now: datetime) -> str:
    """Next time of a schedule in words, in its own zone."""
    if not schedule.enabled:
        return "-"
    from zoneinfo import ZoneInfo

    moment = next_time(schedule.cron, schedule.time_zone, now).astimezone(ZoneInfo(schedule.time_zone))
    return f"{moment:%Y-%m-%d %H:%M} {schedule.time_zone}"


def log_path(name: str) -> Path:
    """Path of the log of a schedule's runs."""
    return _place(name, "log.txt")


def _due_moment(name: str, record: Applied, now: datetime) -> datetime | None:
    last = last_run(name)
    dealt_with = max(record.since, last.moment) if last and last.begun else record.since
    return due(record.schedule.cron, record.schedule.time_zone, dealt_with, now)


def _still_goes(name: str) -> str:
    return f"schedule {name}: the run before still goes; none is started beside it"


def _run(name: str, schedule: Schedule, moment: datetime, lock: int) -> str:
    """Run, wait for the end, and keep the outcome; returns a sentence."""
    started = datetime.now(UTC)
    _place(name, FINDING).unlink(missing_ok=True)
    _write_last(name, LastRun(moment=moment, started=started, begun=False))
    log = log_path(name)
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".old.txt"))
    carried = schedules.folder() / "environment.json"
    variables = parse_own(carried, json.loads, way_on="agile schedule apply writes it anew")
    environment = {**os.environ, **variables, "AGILE_HOME": str(home()), SCHEDULE: name}
    with log.open("ab") as file:
        file.write(f"{HEAD}{started:%Y-%m-%d %H:%M:%S} UTC, for {moment:%Y-%m-%d %H:%M} UTC\n".encode())
        file.flush()
        process = subprocess.Popen(
            schedules.command(schedule), cwd=project.root(), env=environment, stdin=subprocess.DEVNULL, stdout=file,
            stderr=file, pass_fds=(lock,),
        )  # fmt: skip
        _write_last(name, LastRun(moment=moment, started=started))
    exit_code = process.wait()  # a waker that is told to stop leaves the run alone, which holds the lock
    found = _last_line(log) if exit_code else _read_finding(name)
    ended = datetime.now(UTC)
    _write_last(name, LastRun(moment=moment, started=started, ended=ended, exit_code=exit_code, found=found))
    if exit_code:
        _tell_failure(name, exit_code, environment)
        raise RuntimeError(f"schedule {name}: the run ended with exit code {exit_code}; {log} says why")
    return f"schedule {name}: done{f': {found}' if found else ''}; its output is in {log}"


def _read_finding(name: str) -> str:
    path = _place(name, FINDING)
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _tell_failure(name: str, exit_code: int, environment: Mapping[str, str]) -> None:
    """Tell of a run that may have had no time to tell of itself."""
    sentence = f"schedule {name}: exit code {exit_code}: {_last_line(log_path(name)) or 'it said nothing'}"
    command = [*project.COMMAND, "notify", sentence, "--kind", "run.failed"]
    with log_path(name).open("ab") as file:
        subprocess.run(
            command,
            cwd=project.root(),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            check=False,
        )


def _last_line(log: Path) -> str:
    """Last line of a run's log; empty where the run said nothing."""
    lines = read_end(log, n_bytes=LONGEST_LINE).splitlines()
    said = next((line.strip() for line in reversed(lines) if line.strip()), HEAD)
    return "" if said.startswith(HEAD) else said


def _write_last(name: str, last: LastRun) -> None:
    write_whole(_place(name, "last.json"), last.model_dump_json())


@contextmanager
def _held(name: str) -> Iterator[int | None]:
    """Hold a schedule's lock; yields its descriptor, or None if another process holds it.

    Closing this descriptor frees the lock only where no child has it as well.
    """
    path = _place(name, "lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield descriptor
    finally:
        os.close(descriptor)


def _place(name: str, suffix: str) -> Path:
    return schedules.folder() / f"{name}.{suffix}"
