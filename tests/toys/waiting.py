"""Waiting until something holds, and not for seconds: a busy machine takes its time, and a quiet one keeps nobody waiting."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import requests

T = TypeVar("T")

LONGEST = 600
"""Seconds after which a wait is given up: far more than anything here takes on a busy machine, less than a test may take."""
PAUSE = 0.05
"""Seconds between two looks."""
PATIENCE = 120
"""Seconds after which a person must have been told: far more than it takes here, less than what tries on without end."""


def until(condition: Callable[[], T], what: str | Callable[[], Any]) -> T:
    """The first answer of a condition that is true.

    Parameters
    ----------
    condition : callable
        Asked again and again; it may raise what cannot come true any more.
    what : str or callable
        What is waited for, or what tells of it, as a log: said by the AssertionError after `LONGEST` seconds.
    """
    deadline = time.monotonic() + LONGEST
    while not (answer := condition()):
        assert time.monotonic() < deadline, what if isinstance(what, str) else what()
        time.sleep(PAUSE)
    return answer


def until_said(words: str, process: subprocess.Popen[Any], said: Callable[[], str]) -> None:
    """Wait until a process has said words; an AssertionError with all that it said where it has ended instead."""

    def has_said() -> bool:
        has_ended, found = process.poll() is not None, said()
        assert words in found or not has_ended, found
        return words in found

    until(has_said, said)


def until_answered(address: str, process: subprocess.Popen[Any], said: Callable[[], str]) -> None:
    """Wait until a server answers at an address; an AssertionError with all that it said where it has ended instead."""

    def answers() -> bool:
        assert process.poll() is None, said()
        try:
            return requests.get(address, timeout=LONGEST).ok
        except requests.ConnectionError:
            return False

    until(answers, said)


@contextmanager
def before_a_person_gives_up() -> Iterator[None]:
    """Hold a block to `PATIENCE` seconds: an AssertionError where it ended later."""
    begun = time.monotonic()
    yield
    took = time.monotonic() - begun
    assert took < PATIENCE, f"told after {took:.0f} seconds"
