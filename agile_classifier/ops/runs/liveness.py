"""Liveness: whether the process that works on a ZenML run still lives.

A killed process leaves its run `running` for ever, and ZenML cannot tell. So a process announces its run by a locked
file, which the kernel unlocks whenever the process ends, however it ends: a file that is there and can be locked is
the trace of a dead one.
"""

from __future__ import annotations

import fcntl
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from agile_classifier.environment import home


@contextmanager
def announced_run(pipeline: str) -> Iterator[str]:
    """Name a new run, and announce it by a locked file while this process works on it; a finished run leaves no file.

    An interrupted run leaves its file, since ZenML may not know that it ended.
    """
    run_name = f"{pipeline}-{datetime.now(UTC):%Y_%m_%d-%H_%M_%S}-{secrets.token_hex(2)}"
    path = _announcement(run_name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield run_name
    path.unlink(missing_ok=True)


def is_known_dead(run_name: str) -> bool:
    """Whether the process of an announced run is gone; False if that cannot be known."""
    return _is_abandoned(_announcement(run_name))


def is_any_alive() -> bool:
    """Whether any process is working on a run of this state folder."""
    return any(not _is_abandoned(path) for path in home().glob("alive/*.lock"))


def forget_dead() -> None:
    """Remove the announcements of dead processes."""
    for path in home().glob("alive/*.lock"):
        if _is_abandoned(path):
            path.unlink(missing_ok=True)


def is_locked(path: Path) -> bool:
    """Whether a living process holds the lock of a file.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    """
    with path.open("r+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _is_abandoned(path: Path) -> bool:
    try:
        return not is_locked(path)
    except FileNotFoundError:
        return False


def _announcement(run_name: str) -> Path:
    return home() / "alive" / f"{run_name.replace('/', '_')}.lock"
