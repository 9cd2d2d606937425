"""Process group: the same work done by several processes of this machine, which train together and end together.

Processes are spawned, never forked: a forked child inherits locks and CUDA contexts that it cannot use. They meet
through a file, so that no port must be free. The first one may call back into the process that started them; the
others' calls do nothing. However that process ends, killed or interrupted, its children end with it.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch

from agile_classifier.errors import InputError, one_line
from agile_classifier.models.hardware import Devices

BACKENDS = {"cuda": "nccl", "cpu": "gloo"}
PATIENCE = 30
"""Seconds that a process which has done its work may take to end."""
MOMENT = 0.1
"""Seconds between a process's losing its connections and its being seen as dead, at most."""

Work = Callable[..., None]
Call = Callable[..., Any]


class WorkerError(RuntimeError):
    """A process of the group failed; its own traceback is a note of the cause."""


@dataclass(frozen=True)
class _Member:
    rank: int
    process: BaseProcess
    connection: Connection


def run_together(work: Work, calls: Sequence[Call], *, devices: Devices) -> None:
    """Do `work(*calls)` in `devices.n` processes joined by torch.distributed; one device needs none but this.

    Parameters
    ----------
    work : callable
        Can be pickled; every process gets its copy.
    calls : sequence of callable
        Run here, in the process that calls this; their arguments and results can be pickled.

    Raises
    ------
    InputError, torch.OutOfMemoryError
        As some process raised it.
    WorkerError
        Any other failure of a process, or its death.
    """
    if devices.n == 1:
        work(*calls)
        return
    with (
        tempfile.TemporaryDirectory(prefix="agile-") as scratch,
        _started(work, len(calls), devices, meeting=Path(scratch) / "meeting") as members,
    ):
        _serve(members, calls)


def rank() -> int:
    """Place of this process in its group; 0 without one."""
    return torch.distributed.get_rank() if torch.distributed.is_initialized() else 0


@contextmanager
def _started(work: Work, n_calls: int, devices: Devices, *, meeting: Path) -> Iterator[list[_Member]]:
    spawning = multiprocessing.get_context("spawn")
    n_threads = max(1, torch.get_num_threads() // devices.n)
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # read on import: DDP warns wherever it found nothing unused
    members: list[_Member] = []
    try:
        for number in range(devices.n):
            ours, theirs = spawning.Pipe()
            process = spawning.Process(
                target=_take_part, args=(number, devices, meeting, n_threads, work, n_calls, theirs),
                name=f"fine_tune-{number}",
            )  # fmt: skip
            process.start()
            theirs.close()  # its end is the child's alone now: the child's death closes it
            members.append(_Member(number, process, ours))
        yield members
        for member in members:
            member.process.join(PATIENCE)
    finally:
        for member in members:
            member.process.kill()
            member.process.join()
            member.connection.close()


def _serve(members: Sequence[_Member], calls: Sequence[Call]) -> None:
    """Answer the first process's calls until every process has done its work."""
    working = {member.connection: member for member in members}
    while working:
        ready = wait(list(working))
        for member in [member for connection, member in working.items() if connection in ready]:
            try:
                message, content = member.connection.recv()
            except EOFError:
                raise _died(member, len(members)) from None
            if message == "call":
                number, arguments = content
                member.connection.send(calls[number](*arguments))
            elif message == "failed":
                _raise_first({member.rank: content}, list(working.values()), of=len(members))
            else:
                del working[member.connection]


def _raise_first(failures: dict[int, tuple[float, BaseException]], working: Sequence[_Member], *, of: int) -> None:
    """Raise what failed first; where one process ends, the others fail because of it, and later.

    Parameters
    ----------
    failures : dict of rank to time and error
        The one that was heard of.
    """
    for member in working:
        if member.rank not in failures and member.connection.poll(MOMENT):
            try:
                message, content = member.connection.recv()
            except EOFError:
                raise _died(member, of) from None
            if message == "failed":
                failures[member.rank] = content
    number = min(failures, key=lambda number: failures[number][0])
    error = failures[number][1]
    if isinstance(error, (InputError, torch.OutOfMemoryError)):
        raise error
    name = "" if isinstance(error, WorkerError) else f"{type(error).__name__}: "
    raise WorkerError(f"process {number + 1} of {of}: {name}{one_line(error)}") from error


def _died(member: _Member, n_members: int) -> WorkerError:
    member.process.join(PATIENCE)
    code = member.process.exitcode or 0
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended early with exit code {code}"
    hint = "; was memory short?" if code == -signal.SIGKILL else ""
    return WorkerError(f"process {member.rank + 1} of {n_members} {how}{hint}")


def _take_part(
    number: int, devices: Devices, meeting: Path, n_threads: int, work: Work, n_calls: int, connection: Connection
) -> None:
    """A child's life."""
    _end_with_parent()
    try:
        _join(number, devices, meeting, n_threads)
        work(*[_Remote(connection, place) if number == 0 else _ignore for place in range(n_calls)])
        torch.distributed.destroy_process_group()
        connection.send(("done", None))
    except BaseException as error:  # handed on: the parent raises it
        connection.send(("failed", (time.monotonic(), _portable(error))))


@dataclass(frozen=True)
class _Remote:
    """One of the parent's functions, as its first child calls it."""

    connection: Connection
    place: int

    def __call__(self, *arguments: Any) -> Any:
        self.connection.send(("call", (self.place, arguments)))
        return self.connection.recv()


def _ignore(*_: Any) -> None:
    return None


def _join(number: int, devices: Devices, meeting: Path, n_threads: int) -> None:
    """Meet the others; accelerate reads from the environment where it is."""
    os.environ |= {
        "RANK": str(number), "LOCAL_RANK": str(number), "WORLD_SIZE": str(devices.n),
        "LOCAL_WORLD_SIZE": str(devices.n),
        "OMP_NUM_THREADS": str(n_threads),
    }  # fmt: skip
    if Path("/sys/class/net/lo").exists():  # a container without a network has this one alone
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.set_num_threads(n_threads)
    if devices.kind == "cuda":
        torch.cuda.set_device(number)
    torch.distributed.init_process_group(
        BACKENDS[devices.kind], init_method=meeting.as_uri(), rank=number, world_size=devices.n
    )


def _end_with_parent() -> None:
    """Die with the process that started this one, whatever this one is waiting for; leave interrupts to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:  # it is, in a process that was spawned
            wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True, name="watch-parent").start()


def _portable(error: BaseException) -> BaseException:
    """The error with its traceback as a note, or its words where it cannot be pickled."""
    told = "".join(traceback.format_exception(error))
    try:
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301  (our own bytes)
    except (pickle.PicklingError, TypeError, AttributeError, ValueError):
        copy = WorkerError(f"{type(error).__name__}: {error}")
    copy.add_note(f"in the process where it was raised:\n{told}")
    return copy  # type: ignore[no-any-return]
