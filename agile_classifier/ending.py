"""Ending: what becomes of a command that is told to stop, by SIGTERM or Ctrl-C, at whatever moment.

A signal raises an exception in what the main thread does just then, most often the import of a library. Libraries make
another error of it (a base model that cannot be read, say), and Python drops one that is raised where nobody can catch
it, as when an object is removed. So what is raised here is no `Exception`, is raised again where it was dropped, and
whatever comes of it is told as what it was: one line, and the exit code of a shell, 128 and the signal's number.

Nor does Python hear of a signal while the main thread waits in the system, if another thread got it or if it came a
moment before the wait began: a question on the terminal would wait on. The system's own handler wakes a thread here,
which sends the signal again until Python has heard it.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

FIRST_CODE = 128
NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
PATIENCE = 20.0
"""Seconds that a command may take to end; then it is told again, for somebody has swallowed the exception."""
SOON = 0.02
"""Seconds after which a signal is sent again that nobody has heard, or whose exception was dropped."""
_RAISED, _POSTPONED, _DROPPED, _DONE = b"r", b"p", b"d", b"q"
"""What the watch is told, besides a signal's number, which the system writes."""


class Ended(SystemExit):
    """The end of a command by a signal."""


class _State:
    """What the handlers of this process know."""

    number: int | None = None
    """The signal that was received."""
    n_postponed = 0
    """Blocks that the main thread is in and that are not to be cut short."""
    watch: int | None = None
    """The end of the pipe into which the watch is told."""


_state = _State()


def is_told() -> bool:
    """Whether this command was told to stop, so that what fails from here on fails for that."""
    return _state.number is not None


@contextmanager
def told(*, patience: float = PATIENCE) -> Iterator[None]:
    """Context of a whole command: one that is told to stop ends in one line and with exit code 130 or 143.

    A signal that is handled or ignored already, as by whoever started the process, stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with _listening(patience):
        try:
            yield
        except BaseException:  # whatever a library has made of it
            if not is_told():
                raise
        number = _state.number
    if number is not None:
        _say_and_exit(number)


@contextmanager
def postponed() -> Iterator[None]:
    """Context of work that would be left half done: a signal is heeded at its end."""
    _state.n_postponed += 1
    try:
        yield
    finally:
        _state.n_postponed -= 1
    if _state.number is not None and not _state.n_postponed:
        _raise(_state.number)


@contextmanager
def as_exit() -> Iterator[None]:
    """Context in which Ctrl-C raises `Ended` too, for who takes a KeyboardInterrupt for something else."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _handle_as_exit) for number in NAMES}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _listening(patience: float) -> Iterator[None]:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    _state.number, _state.watch = None, writer
    watch = threading.Thread(target=_watch, args=(reader, patience), daemon=True, name="watch-ending")
    before = {number: signal.getsignal(number) for number in NAMES}
    hook = sys.unraisablehook

    def tell_of_dropped(dropped: Any) -> None:
        if is_told() and issubclass(dropped.exc_type, (Ended, KeyboardInterrupt)):
            _tell(_DROPPED)
        else:
            hook(dropped)

    ours = [number for number in NAMES if before[number] in (signal.SIG_DFL, signal.default_int_handler)]
    watch.start()
    sys.unraisablehook = tell_of_dropped
    for number in ours:
        signal.signal(number, _handle)
    wakened = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakened)
        for number in ours:
            signal.signal(number, before[number])
        sys.unraisablehook = hook
        _tell(_DONE)
        _state.watch = None
        watch.join()
        os.close(reader)
        os.close(writer)


def _handle(number: int, _frame: object) -> None:
    _state.number = number
    if _state.n_postponed:
        _tell(_POSTPONED)
    else:
        _raise(number)


def _handle_as_exit(number: int, _frame: object) -> None:
    _state.number = number
    _tell(_RAISED)
    raise Ended(FIRST_CODE + number)


def _tell(word: bytes) -> None:
    if _state.watch is not None:
        os.write(_state.watch, word)


def _watch(reader: int, patience: float) -> None:
    """Send a signal again that Python has not heard, or whose exception was dropped or ended nothing; until done."""
    waits = {_RAISED: patience, _DROPPED: SOON, _POSTPONED: None}
    number: int = signal.SIGTERM
    wait: float | None = None
    while True:
        if not select.select([reader], [], [], wait)[0]:
            signal.pthread_kill(threading.main_thread().ident or 0, number)
            wait = min(2 * wait, patience) if wait else None
            continue
        word = os.read(reader, 1)
        if word == _DONE:
            return
        if word in waits:
            wait = waits[word]
        elif signal.getsignal(word[0]) in (_handle, _handle_as_exit):  # else it is a library's to hear
            number, wait = word[0], wait or SOON


def _forget_watch() -> None:
    """In a child by fork: what it is told is not for its parent to hear of."""
    if _state.watch is not None:
        _state.watch = None
        signal.set_wakeup_fd(-1)


os.register_at_fork(after_in_child=_forget_watch)


def _raise(number: int) -> NoReturn:
    _tell(_RAISED)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Ended(FIRST_CODE + number)


def _say_and_exit(number: int) -> NoReturn:
    name = NAMES[signal.Signals(number)]
    print(f"agile: stopped by {name}; the same command, given again, goes on or begins anew", file=sys.stderr)
    others = [each for each in threading.enumerate() if each is not threading.main_thread() and not each.daemon]
    if not others:
        sys.exit(FIRST_CODE + number)
    atexit._run_exitfuncs()  # Python would wait for the others first, each of which may work for hours
    sys.stdout.flush()
    os._exit(FIRST_CODE + number)
