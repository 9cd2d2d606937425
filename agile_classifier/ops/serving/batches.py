"""Batches: texts of requests that wait together are scored together, by one thread.

A network takes eight short texts in little more time than one; and one thread that scores never fights another for the
cores. The queue is bounded: what cannot wait is refused at once, and costs nothing.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

Answer = list[dict[str, Any]]
"""A dictionary a text, in the order of the texts."""
Asked = TypeVar("Asked")
"""A text, with what else must be known to score it."""


class QueueFull(Exception):
    """The queue is full: as many texts wait as are allowed."""


class Closed(Exception):
    """No text is scored any more."""


@dataclass(frozen=True)
class _Waiting(Generic[Asked]):
    texts: list[Asked]
    answer: Future[Answer] = field(default_factory=Future)


class Batches(Generic[Asked]):
    """Queue of requests, and the thread that scores them in batches.

    Parameters
    ----------
    score : callable
        Called by one thread alone, with the texts of one or more whole requests.
    batch_rows : int
        Texts that are scored together; one request with more is scored by itself, in one piece.
    max_waiting : int
        Texts that may wait.
    """

    def __init__(self, score: Callable[[Sequence[Asked]], Answer], *, batch_rows: int, max_waiting: int) -> None:
        self._score, self._batch_rows, self._max_waiting = score, batch_rows, max_waiting
        self._queue: deque[_Waiting[Asked]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self.waiting_rows = 0
        self._thread = threading.Thread(target=self._run, name="scoring", daemon=True)
        self._thread.start()

    def submit(self, texts: list[Asked]) -> Future[Answer]:
        """Queue a request's texts; a cancelled future is not scored.

        Raises
        ------
        QueueFull
            Its texts would be more than may wait.
        Closed
            After `close`.
        """
        request = _Waiting(texts)
        with self._changed:
            if self._closed:
                raise Closed
            if self.waiting_rows + len(texts) > self._max_waiting:
                raise QueueFull
            self._queue.append(request)
            self.waiting_rows += len(texts)
            self._changed.notify()
        return request.answer

    def close(self) -> None:
        """Score what waits, take no more, end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while requests := self._take():
            running = [request for request in requests if request.answer.set_running_or_notify_cancel()]
            if running:
                self._answer(running)

    def _take(self) -> list[_Waiting[Asked]]:
        """Take the requests of the next batch; empty once the queue is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closed)
            taken: list[_Waiting[Asked]] = []
            rows = 0
            while self._queue and (not taken or rows + len(self._queue[0].texts) <= self._batch_rows):
                taken.append(self._queue.popleft())
                rows += len(taken[-1].texts)
            self.waiting_rows -= rows
            return taken

    def _answer(self, requests: list[_Waiting[Asked]]) -> None:
        """Answer each request; if the batch fails, score each request alone, so that only the culprit fails."""
        try:
            rows = self._score([text for request in requests for text in request.texts])
        except Exception as error:  # it belongs to whoever waits for the answer
            if len(requests) == 1:
                requests[0].answer.set_exception(error)
            else:
                for request in requests:
                    self._answer([request])
            return
        start = 0
        for request in requests:
            request.answer.set_result(rows[start : start + len(request.texts)])
            start += len(request.texts)
