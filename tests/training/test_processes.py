"""A group of processes: its first one is heard, its first failure is the one that is told, and it leaves nothing behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch

from agile_classifier.errors import InputError
from agile_classifier.training.processes import WorkerError, run_together
from tests.toys.toy_work import TWO, Failing, add_up
from tests.toys.waiting import LONGEST

pytestmark = pytest.mark.slow
PROJECT = Path(__file__).parents[2]


def test_processes_meet_and_the_first_ones_calls_are_answered_here() -> None:
    told: list[tuple[str, float, int]] = []

    def tell(name: str, value: float) -> str:
        told.append((name, value, os.getpid()))
        return f"answer {len(told)}"

    run_together(add_up, [tell], devices=TWO)
    assert told == [("sum", 3.0, os.getpid()), ("after answer 1", 3.0, os.getpid())]
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(
    ("how", "kind", "told"),
    [
        ("bad input", InputError, "row 3: no text"),
        ("out of memory", torch.OutOfMemoryError, "toy device is full"),
        ("a defect", WorkerError, "process 2 of 2: KeyError: 'missing'"),
        ("a stubborn defect", WorkerError, "process 2 of 2: Stubborn: this and that"),
        ("killed", WorkerError, "process 2 of 2 was killed by SIGKILL; was memory short?"),
    ],
)
def test_what_failed_first_is_raised_here_in_one_line_and_no_process_is_left(
    how: str, kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind) as raised:
        run_together(Failing(how), [], devices=TWO)
    assert str(raised.value) == told
    assert multiprocessing.active_children() == []
    if how == "a defect":
        assert raised.value.__cause__ is not None
        assert "toy_work.py" in raised.value.__cause__.__notes__[0]


def test_a_failure_of_what_the_first_process_calls_ends_all() -> None:
    def tell(name: str, value: float) -> str:
        raise InputError("no room for the epoch's metrics")

    with pytest.raises(InputError, match="no room"):
        run_together(add_up, [tell], devices=TWO)
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_however_the_process_that_started_them_ends_they_end_with_it(end: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.toys.toy_work"], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        workers = [psutil.Process(int(process.stdout.readline())) for _ in range(2)]
        process.send_signal(end)
        assert process.wait(LONGEST) != 0
        _, alive = psutil.wait_procs(workers, timeout=LONGEST)
        assert alive == []
