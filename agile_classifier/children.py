"""Children: processes that work for this one and end with it, with all that they have started, however it ends.

A child that is not watched works on for minutes where whoever started it was killed, and what it makes is thrown away.
So a child leads a process group of its own, and a guard, which nobody else knows, reads a pipe of which this process
has the other end: the system closes it where this process ends, and the guard kills the group.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

GUARD = """
import os, signal, sys
told = sys.stdin.read().split()
if len(told) == 1:
    try:
        os.killpg(int(told[0]), signal.SIGKILL)
    except ProcessLookupError:
        pass
"""
"""What a guard runs: told of a group and not of its end, it ends the group."""


def run_child(command: Sequence[str], *, told: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, and give its exit status and what it wrote.

    Parameters
    ----------
    told : str
        Its standard input.
    **options
        Of `subprocess.Popen`, such as `env` and `cwd`; with `stderr=None` its errors are written where ours are.
    """
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    with _guard() as guard, subprocess.Popen(command, start_new_session=True, **pipes) as child:
        try:
            _tell(guard, child.pid)
            output, errors = child.communicate(told)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, child.returncode, output, errors)


@contextmanager
def _guard() -> Iterator[subprocess.Popen[str]]:
    """A process that outlives this one by a moment; it is told a group's number, and then that the group has ended."""
    command = [sys.executable, "-I", "-S", "-c", GUARD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True) as guard:
        try:
            yield guard
        finally:
            _tell(guard, "ended")


def _tell(guard: subprocess.Popen[str], word: object) -> None:
    if guard.stdin is not None:  # it is: a pipe was asked for
        print(word, file=guard.stdin, flush=True)
