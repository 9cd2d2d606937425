"""Temporary files: in a folder of this process's own, which a process that was killed cannot leave behind for good.

The folder is locked for as long as its process lives; whoever comes next removes those that nobody holds.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from agile_classifier.ops.state.locks import is_locked

PREFIX = "agile-process-"


@cache
def use_own_folder() -> Path:
    """Let this process make its temporary files in a folder of its own, and remove those of dead processes; once."""
    remove_abandoned(Path(tempfile.gettempdir()))
    made = Path(tempfile.mkdtemp(prefix="agile-"))
    fcntl.flock(os.open(made, os.O_RDONLY), fcntl.LOCK_EX)
    folder = made.rename(made.with_name(made.name.replace("agile-", PREFIX)))  # from now on it is looked at: locked
    tempfile.tempdir = str(folder)
    atexit.register(_remove_own, folder, os.getpid())
    return folder


def remove_abandoned(above: Path) -> None:
    """Remove the folders of this user's processes that are dead."""
    for folder in above.glob(f"{PREFIX}*"):
        if folder.stat().st_uid == os.getuid() and not is_locked(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _remove_own(folder: Path, process: int) -> None:
    if os.getpid() == process:  # not in a fork of it
        shutil.rmtree(folder, ignore_errors=True)
