"""File locks of the state folder: one holder at a time, who says in the lock's file, as filelock's cannot, who it is.

The kernel frees a lock when its holder ends, however it ends, so none outlives a killed process. It holds among the
processes of one machine, its containers included, which share the state folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO

from agile_classifier.environment import home


class HeldLock:
    """A lock of the state folder that this process holds until `release`, or until it ends.

    As a context, `with acquire(…):`, it is held as long as the block lasts.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def __enter__(self) -> None:
        """Hold the lock, which was acquired already."""

    def __exit__(self, *_: object) -> None:
        """Free the lock."""
        self.release()

    def release(self) -> None:
        """Free the lock; whoever waits has it next."""
        with suppress(ValueError):  # released before
            self._file.truncate(0)
            self._file.close()


def acquire(name: str, *, holder: str, on_wait: Callable[[str], object] = lambda _: None) -> HeldLock:
    """Wait for a lock of the state folder, and hold it.

    Parameters
    ----------
    name : str
        What is locked, of any characters: `training 0123456789abcdef`.
    holder : str
        Who holds it, for those who wait: `run training-2026_11_30-ab12`.
    on_wait : function
        Called once, before the wait, where another holds the lock, with who that is and since when.
    """
    path = _path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+", encoding="utf-8")
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            on_wait(file.read() or "another process")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(f"{holder} (process {os.getpid()}) since {datetime.now().astimezone():%Y-%m-%d %H:%M:%S}")
        file.flush()
    except BaseException:
        file.close()
        raise
    return HeldLock(file)


def is_held(name: str) -> bool:
    """Whether any process, this one included, holds a lock of the state folder."""
    path = _path(name)
    return path.exists() and is_locked(path)


def is_locked(path: Path) -> bool:
    """Whether any process, this one included, holds the lock of a file or folder for itself.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _path(name: str) -> Path:
    """File of a lock; it is never removed, for then two processes could hold a lock of its name."""
    return home() / "locks" / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.lock"
