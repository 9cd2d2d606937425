"""Children: what they say is given whole, and they end with the process that they work for, with all that they started."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from agile_classifier.children import run_child
from tests.toys.waiting import LONGEST, until

CHILD = f"""
import os, pathlib, subprocess, sys, time
mine = subprocess.Popen([sys.executable, "-c", "import time; time.sleep({LONGEST})"])
place = pathlib.Path(sys.argv[1])
place.with_suffix(".new").write_text(f"{{os.getpid()}} {{mine.pid}}")
place.with_suffix(".new").replace(place)
time.sleep({LONGEST})
"""
"""Starts a process of its own, writes both numbers into a file, and works on."""
PARENT = """
import sys
from agile_classifier.children import run_child
run_child([sys.executable, "-c", *sys.argv[1:]])
"""
IN_A_THREAD = """
import os, pathlib, sys, threading, time
from agile_classifier.children import run_child
place = pathlib.Path(sys.argv[2])
threading.Thread(target=run_child, args=([sys.executable, "-c", *sys.argv[1:]],)).start()
while not place.exists():
    time.sleep(0.05)
os._exit(3)
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The file in which a child tells who it is."""
    return tmp_path / "told"


@pytest.fixture
def parent(place: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """A process whose child is at work."""
    with subprocess.Popen([sys.executable, "-c", request.param, CHILD, str(place)], text=True) as process:
        until(place.exists, "no child has started")
        yield process


def all_end(place: Path) -> None:
    numbers = [int(word) for word in place.read_text().split()]
    assert len(numbers) == 2
    until(lambda: not any(map(_is_alive, numbers)), f"one of {numbers} works on")


def _is_alive(number: int) -> bool:
    return psutil.pid_exists(number) and psutil.Process(number).status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("parent", [PARENT], indirect=True)
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_however_the_process_ends_its_child_ends_with_all_that_it_started(
    parent: subprocess.Popen[str], place: Path, end: signal.Signals
) -> None:
    parent.send_signal(end)
    assert parent.wait(LONGEST) != 0
    all_end(place)


@pytest.mark.parametrize("parent", [IN_A_THREAD], indirect=True)
def test_a_child_of_a_thread_ends_where_the_process_leaves_without_a_word(
    parent: subprocess.Popen[str], place: Path
) -> None:
    assert parent.wait(LONGEST) == 3
    all_end(place)


def test_what_a_child_is_told_and_says_is_given_whole() -> None:
    code = "import sys; print(sys.stdin.read() * 2); print('aside', file=sys.stderr); sys.exit(7)"
    done = run_child([sys.executable, "-c", code], told="a word " * 100_000)
    assert (done.returncode, done.stdout, done.stderr) == (7, "a word " * 200_000 + "\n", "aside\n")


def test_the_signal_that_ended_a_child_is_told() -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert run_child([sys.executable, "-c", code]).returncode == -signal.SIGKILL


def test_what_a_child_that_has_ended_left_at_work_is_not_its_caller_s_to_end(tmp_path: Path) -> None:
    code = CHILD.replace(f"time.sleep({LONGEST})\n", "")
    place = tmp_path / "told"
    assert run_child([sys.executable, "-c", code, str(place)], stdout=None, stderr=None).returncode == 0
    _, left = (int(word) for word in place.read_text().split())
    assert _is_alive(left)
    psutil.Process(left).kill()


def test_a_command_that_is_not_there_is_the_system_s_error() -> None:
    with pytest.raises(FileNotFoundError):
        run_child(["no-such-command"])
