"""Served predictions: written to the store by a thread of their own, so that no request waits; removed when old."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from agile_classifier.errors import InputError, one_line, redact
from agile_classifier.ops.feedback.store import PREDICTIONS, VERDICTS, FeedbackStore

SECONDS = 1.0
"""Pause between two writes, in seconds: so much is lost where the process is killed."""
WRITTEN_AT_ONCE = 5_000
MOST_WAITING = 100_000
"""Rows that wait for a store that does not answer; of more, the oldest are lost, and counted."""

Count = Callable[[str, int], None]
"""Told what became of rows: `stored` or `lost`, and how many."""


class ServedLog:
    """Log of what one server has answered."""

    def __init__(
        self,
        store: FeedbackStore,
        *,
        count: Count,
        say: Callable[[str], Any] = lambda line: print(line, file=sys.stderr, flush=True),
    ) -> None:
        self.store, self._count, self._say = store, count, say
        self._waiting: deque[Mapping[str, Any]] = deque()
        self._held = threading.Lock()
        self._is_failing = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="served log", daemon=True)
        self._thread.start()

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take rows of the table of predictions, to be written soon."""
        with self._held:
            self._waiting.extend(rows)
            n_lost = max(0, len(self._waiting) - MOST_WAITING)
            for _ in range(n_lost):
                self._waiting.popleft()
        if n_lost:
            self._count("lost", n_lost)

    def close(self) -> None:
        """Write what waits, and end."""
        self._stop.set()
        self._thread.join()
        if self._waiting:
            self._say(f"agile serve: {len(self._waiting)} predictions could not be logged")
            self._count("lost", len(self._waiting))
        self.store.close()

    def _run(self) -> None:
        while not self._stop.wait(SECONDS):
            self._write()
        self._write()

    def _write(self) -> None:
        while rows := self._take():
            try:
                self.store.add(PREDICTIONS, rows)
            except (SQLAlchemyError, InputError) as error:  # the server answers on, and tries again
                with self._held:
                    self._waiting.extendleft(reversed(rows))
                if not self._is_failing:
                    self._say(f"agile serve: predictions wait to be logged: {redact(one_line(error, longest=200))}")
                self._is_failing = True
                return
            self._is_failing = False
            self._count("stored", len(rows))

    def _take(self) -> list[Mapping[str, Any]]:
        with self._held:
            return [self._waiting.popleft() for _ in range(min(WRITTEN_AT_ONCE, len(self._waiting)))]


class OldPredictions:
    """Served predictions from before a time, in seconds since 1970, that nobody gave a verdict on."""

    def __init__(self, store: FeedbackStore, *, before: int) -> None:
        table = PREDICTIONS.c
        self._store = store
        self._where = (table.made < before, table.number.not_in(select(VERDICTS.c.number)))
        size = func.coalesce(func.sum(func.length(table.scores) + func.coalesce(func.length(table.text), 0)), 0)
        found = next(store.read(select(func.count(), size).where(*self._where)), (0, 0))
        self.n, self.n_bytes = int(found[0]), int(found[1])
        """How many there are, and the bytes of their scores and texts."""

    def remove(self) -> None:
        """Remove them."""
        self._store.remove(PREDICTIONS, *self._where)
