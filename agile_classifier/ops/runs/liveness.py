"""Liveness: whether the process that works on a ZenML run still lives.

A killed process leaves its run `running` for ever, and ZenML cannot tell. So a process announces its run by a locked
file, which the kernel unlocks whenever the process ends, however it ends: a file that is there and can be locked is
the trace of a dead one (`agile_classifier.ops.runs.settling` sees to it). The folder of these files is locked while
one is made or looked at, so that none is seen before its process has locked it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from agile_classifier.environment import home
from agile_classifier.ops.state.locks import is_locked

ALIVE = "alive"
"""Folder of the announcements in the state folder."""


@contextmanager
def announced_run(pipeline: str) -> Iterator[str]:
    """Name a new run, and announce it by a locked file while this process works on it; a finished run leaves no file.

    An interrupted run leaves its file, since ZenML may not know that it ended.
    """
    run_name = f"{pipeline}-{datetime.now(UTC):%Y_%m_%d-%H_%M_%S}-{secrets.token_hex(2)}"
    path = _announcement(run_name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _folder_held(path.parent):
        file = path.open("w", encoding="utf-8")
        fcntl.flock(file, fcntl.LOCK_EX)
    with file:
        yield run_name
    path.unlink(missing_ok=True)


def is_known_dead(run_name: str) -> bool:
    """Whether the process of an announced run is gone; False if that cannot be known."""
    return _is_abandoned(_announcement(run_name))


def is_known_alive(run_name: str) -> bool:
    """Whether a process that announced the run is working on it; False if that cannot be known."""
    path = _announcement(run_name)
    return path.exists() and not _is_abandoned(path)


def is_any_alive() -> bool:
    """Whether any process is working on a run of this state folder."""
    return any(not _is_abandoned(path) for path in home().glob("alive/*.lock"))


def list_dead() -> list[str]:
    """Names of the announced runs whose process is gone."""
    return [path.stem for path in sorted(home().glob("alive/*.lock")) if _is_abandoned(path)]


def settle_dead_runs() -> dict[str, str]:
    """Mark the announced runs whose process is dead as ended; gives by name what ZenML says of each now.

    `failed`; a promotion that has asked a person is `paused` instead, and goes on once it is answered. Where none is
    dead, neither ZenML nor MLflow is imported, which takes seconds.
    """
    dead = list_dead()
    if not dead:
        return {}
    from agile_classifier.ops.runs.settling import settle

    settled = {run_name: settle(run_name) for run_name in dead}
    return {run_name: status for run_name, status in settled.items() if status}


def forget(run_name: str) -> None:
    """Remove the announcement of a run whose process is dead."""
    _announcement(run_name).unlink(missing_ok=True)


def forget_dead() -> None:
    """Remove the announcements of dead processes."""
    for run_name in list_dead():
        forget(run_name)


def announce_as_dead(run_names: Iterable[str], folder: Path) -> None:
    """Leave in a state folder the traces of runs that no process works on there, as those of a restored backup."""
    for run_name in run_names:
        (folder / ALIVE).mkdir(exist_ok=True)
        (folder / ALIVE / _announcement(run_name).name).touch()


def _is_abandoned(path: Path) -> bool:
    try:
        with _folder_held(path.parent):
            return not is_locked(path)
    except FileNotFoundError:
        return False


@contextmanager
def _folder_held(folder: Path) -> Iterator[None]:
    """Context in which no other process makes an announcement, or looks at one."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _announcement(run_name: str) -> Path:
    return home() / ALIVE / f"{run_name.replace('/', '_')}.lock"
