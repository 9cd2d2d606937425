"""Work for a group of processes, which each of them imports: it trains nothing."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from agile_classifier.errors import InputError
from agile_classifier.models.hardware import Devices
from agile_classifier.training.processes import rank, run_together
from tests.toys.waiting import LONGEST

TWO = Devices("cpu", 2)


class Stubborn(Exception):
    """Cannot be pickled and made anew."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} and {other}")


def add_up(tell: Callable[[str, float], str]) -> None:
    """The sum of everybody's number; the first process tells it twice, the others are not heard."""
    total = torch.tensor(float(rank() + 1))
    torch.distributed.all_reduce(total)
    answer = tell("sum", total.item())
    tell(f"after {answer}", total.item() if rank() == 0 else -1)


@dataclass(frozen=True)
class Failing:
    """The second process fails while the first waits for it."""

    how: str

    def __call__(self) -> None:
        if rank() == 1:
            if self.how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            raise {
                "bad input": InputError("row 3: no text"),
                "out of memory": torch.OutOfMemoryError("toy device is full"),
                "a defect": KeyError("missing"),
                "a stubborn defect": Stubborn("this", "that"),
            }[self.how]
        torch.distributed.barrier()


def wait_for_ever(tell: Callable[[int], None]) -> None:
    """Everybody waits in a barrier that is never complete."""
    ids = [torch.zeros((), dtype=torch.int64) for _ in range(2)]
    torch.distributed.all_gather(ids, torch.tensor(os.getpid()))
    for process_id in ids:
        tell(int(process_id))
    if rank() == 0:
        torch.distributed.barrier()
    time.sleep(LONGEST)


if __name__ == "__main__":
    run_together(wait_for_ever, [lambda process_id: print(process_id, flush=True)], devices=TWO)
    sys.exit("the work of waiting ended")
