"""File locks of the state folder: one holder at a time, told to those who wait, free once the holder is dead."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from agile_classifier.ops.state import locks
from tests.toys import waiting

HOLDER = """
import time
from agile_classifier.ops.state import locks
lock = locks.acquire("a name / of any kind", holder="run first", on_wait=print)
print("held", flush=True)
time.sleep(600)
"""
NAME = "a name / of any kind"


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AGILE_HOME", str(tmp_path))


def test_who_waits_is_told_for_whom_and_goes_on_when_the_holder_is_killed() -> None:
    told: list[str] = []
    waits, got = threading.Event(), threading.Event()

    def wait() -> None:
        locks.acquire(NAME, holder="run second", on_wait=lambda holder: (told.append(holder), waits.set())).release()
        got.set()

    with subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert locks.is_held(NAME)
        waiter = threading.Thread(target=wait)
        waiter.start()
        assert waits.wait(waiting.LONGEST)
        assert not got.is_set()
        holder.kill()
        waiter.join(waiting.LONGEST)
    assert got.is_set()
    assert told[0].startswith(f"run first (process {holder.pid}) since 20")
    assert not locks.is_held(NAME)


def test_a_lock_that_is_free_is_had_without_a_word_and_another_name_is_another_lock() -> None:
    first = locks.acquire("training a", holder="one", on_wait=pytest.fail)
    second = locks.acquire("training b", holder="one", on_wait=pytest.fail)
    assert locks.is_held("training a")
    first.release()
    first.release()
    assert not locks.is_held("training a")
    assert locks.is_held("training b")
    second.release()
    locks.acquire("training a", holder="two", on_wait=pytest.fail).release()
