"""Temporary files go with their process, however it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

WORK = """
import sys, tempfile
from agile_classifier.ops.state.temporary import use_own_folder
use_own_folder()
with tempfile.TemporaryDirectory() as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


def start(folder: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process with a temporary folder, which lasts until its standard input is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(folder)},
    )  # fmt: skip
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_what_a_killed_process_left_goes_with_the_next_and_what_another_uses_stays(tmp_path: Path) -> None:
    killed, left = start(tmp_path)
    going, used = start(tmp_path)
    assert left.parent.parent == used.parent.parent == tmp_path
    killed.kill()
    killed.wait()
    assert left.is_dir()
    third, _ = start(tmp_path)
    assert not left.exists()
    assert used.is_dir()
    for process in (going, third):
        process.communicate()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kept", ["agile-process-of-somebody", "agile-old"])
def test_a_folder_that_somebody_holds_or_that_is_no_process_s_stays(tmp_path: Path, kept: str) -> None:
    import fcntl

    from agile_classifier.ops.state.temporary import remove_abandoned

    (tmp_path / kept).mkdir()
    descriptor = os.open(tmp_path / kept, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    remove_abandoned(tmp_path)
    os.close(descriptor)
    assert (tmp_path / kept).is_dir()
