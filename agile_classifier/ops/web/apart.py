"""Work apart: a function that reads what strangers bring, in a process of its own that may take only so much.

A file that unpacks to far more than it is, or is read for ever, ends that process and nothing else. The process is a
fork of one that has imported the libraries, and knows no secret of a request.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from multiprocessing import util
from multiprocessing.connection import Connection
from typing import Any

import psutil

from agile_classifier.errors import GateRefused, InputError, one_line

PRELOADED = ("agile_classifier.ops.web.guesses",)
"""Modules that the process which is forked has imported; with them the libraries."""


@dataclass(frozen=True)
class Allowance:
    """What a function may take."""

    seconds: float = 300.0
    """Longest time, in seconds."""
    n_bytes: int = 4_000_000_000
    """Most memory beyond that of the libraries, and largest temporary file, in bytes."""


def call_apart(function: Callable[..., Any], *arguments: Any, allowance: Allowance = Allowance()) -> Any:
    """Call a function of a module in a process of its own; arguments and answer are pickled.

    Raises
    ------
    InputError
        As the function; or it took more time or memory than it may.
    RuntimeError
        The function failed.
    """
    ours, theirs = multiprocessing.Pipe(duplex=False)
    surroundings = (dict(os.environ), tempfile.gettempdir())
    process = _context().Process(target=_work, args=(theirs, surroundings, allowance, function, arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(allowance.seconds):
            raise InputError(f"it took more than {allowance.seconds:g} s to read: bring fewer rows")
        refusal, answer = ours.recv()
    except EOFError:  # it ended without a word
        process.join()
        if process.exitcode == 1:
            raise RuntimeError(f"{function.__name__}: failed; the log of the launcher says why") from None
        raise InputError(_too_much(allowance)) from None
    finally:
        process.kill()
        process.join()
        ours.close()
    if refusal:
        raise InputError(refusal)
    return answer


@cache
def _context() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    own, tempfile.tempdir = tempfile.tempdir, None
    try:
        util.get_temp_dir()  # of its socket; within our own, which may go first, it would complain at the end
    finally:
        tempfile.tempdir = own
    return context


def _work(
    theirs: Connection,
    surroundings: tuple[Mapping[str, str], str],
    allowance: Allowance,
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
) -> None:
    """Call the function, and send the line in which it refused, if it did, and its answer."""
    environment, tempfile.tempdir = surroundings
    os.environ.update(environment)
    _restrict(allowance)
    try:
        told = ("", function(*arguments))
    except (InputError, GateRefused) as error:
        told = (one_line(error), None)
    except MemoryError:
        told = (_too_much(allowance), None)
    theirs.send(told)


def _restrict(allowance: Allowance) -> None:
    now = psutil.Process().memory_info().vms
    for kind, most in ((resource.RLIMIT_AS, now + allowance.n_bytes), (resource.RLIMIT_FSIZE, allowance.n_bytes)):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _too_much(allowance: Allowance) -> str:
    return f"it takes more than {allowance.n_bytes / 1e9:g} GB of memory to read: bring fewer rows"
