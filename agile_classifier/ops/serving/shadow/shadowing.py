"""Shadowing: texts that a champion has answered go to the candidate too, by a thread that nobody waits for."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from agile_classifier.errors import InputError, one_line, redact
from agile_classifier.ops.feedback.store import FeedbackStore
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.scoring.answer_columns import MODEL_VERSION
from agile_classifier.ops.serving.metrics import ServingMetrics
from agile_classifier.ops.serving.several.fleet import Answered
from agile_classifier.ops.serving.shadow.choice import ShadowChoice, ShadowTarget
from agile_classifier.ops.serving.shadow.comparisons import SECONDS, Compared, Pair, find_pair, store_compared
from agile_classifier.ops.serving.shadow.process import CandidateFailed, CandidateGone, CandidateProcess

MOST_WAITING = 1_000
"""Texts that wait for the candidate; what comes beyond them is dropped, and counted."""
TOGETHER = 32
"""Texts that the candidate is asked for together."""
LONGEST_PAUSE = 300.0
"""Longest pause before a candidate that has ended is started again, in seconds."""


@dataclass(frozen=True)
class _Heard:
    """A text with the champion's answer."""

    text: str
    may_keep: bool
    row: dict[str, Any]
    is_suspect: bool = False
    """Whether the candidate's process has ended over it, perhaps for another text beside it."""

    @property
    def champion(self) -> str:
        return str(self.row[MODEL_VERSION])


class Shadow:
    """Candidate in the shadow of one model; an alias is looked up anew, and every promotion followed.

    Parameters
    ----------
    store : FeedbackStore
        Where comparisons are added.
    every : float
        Seconds between two looks at where the alias points.
    pause : float
        Seconds before a candidate whose process has ended is started again, doubled each time that it ends at once.
    """

    def __init__(
        self,
        target: ShadowTarget,
        choice: ShadowChoice,
        *,
        store: FeedbackStore,
        metrics: ServingMetrics,
        every: float,
        pause: float = 1.0,
        open_process: Callable[[str, str], CandidateProcess] = CandidateProcess,
        say: Callable[[str], Any] = lambda line: print(line, file=sys.stderr, flush=True),
    ) -> None:
        self._target, self._choice, self._store, self._metrics, self._every = target, choice, store, metrics, every
        self._open_process, self._say, self._said = open_process, say, ""
        self._waiting: deque[_Heard] = deque()
        self._changed, self._owning = threading.Condition(), threading.Lock()
        self._is_stopped = False
        self._process: CandidateProcess | None = None
        self._version, self._looked = target.version, time.monotonic()
        self._pause, self._tries, self._not_before = pause, 0, 0.0
        self._pairs: dict[tuple[str, str], Pair | None] = {}
        self._chance = random.Random()  # noqa: S311  (a sample, no secret)
        self._thread = threading.Thread(target=self._run, name=f"shadow of {target.model_name}", daemon=True)

    def start(self) -> None:
        """Begin to compare."""
        self._thread.start()

    def stop(self) -> None:
        """Compare no more; what waits is dropped, and the candidate's process ends."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify()
        with self._owning:
            if self._process is not None:
                self._process.kill()
        self._thread.join()

    def hear(self, answered: Answered) -> None:
        """Take answers of the champion, each by the chance that was chosen; what finds no place is dropped."""
        share = self._choice.share
        heard = [
            _Heard(asked.text, asked.may_keep, {**row, SECONDS: answered.seconds})
            for asked, row in zip(answered.asked, answered.rows, strict=True)
            if share >= 1 or self._chance.random() < share
        ]
        with self._changed:
            room = max(0, MOST_WAITING - len(self._waiting))
            self._waiting.extend(heard[:room])
            self._changed.notify()
        self._count("dropped", len(heard[room:]))

    def _run(self) -> None:
        while not self._is_stopped:
            self._follow()
            if batch := self._take():
                self._compare(batch)
        self._end_process()

    def _take(self) -> list[_Heard]:
        """Texts of one version of the champion, a suspect alone; none where nothing comes for a while."""
        with self._changed:
            self._changed.wait_for(self._can_go_on, self._longest_wait())
            if self._is_stopped or not self._can_go_on():
                return []
            first, taken = self._waiting[0], list[_Heard]()
            most = 1 if first.is_suspect else TOGETHER
            while self._waiting and len(taken) < most and _are_alike(first, self._waiting[0]):
                taken.append(self._waiting.popleft())
            return taken

    def _longest_wait(self) -> float:
        pause = self._not_before - time.monotonic()
        return min(self._every, pause) if pause > 0 else self._every

    def _can_go_on(self) -> bool:
        return self._is_stopped or (bool(self._waiting) and time.monotonic() >= self._not_before)

    def _follow(self) -> None:
        """Look up the alias every so often; another candidate takes the place of the one before."""
        if self._target.alias is None or time.monotonic() - self._looked < self._every:
            return
        self._looked = time.monotonic()
        try:
            found = registry.find_version(self._target.model_name, self._target.alias, is_alias=True)
        except (InputError, MlflowException) as error:  # the registry is down, or the alias is gone
            self._say_once(f"{_in_words(error)}; version {self._version} stays in the shadow")
            return
        if found != self._version:
            self._version, self._tries, self._not_before = found, 0, 0.0
            self._end_process()
            self._say_once(f"version {found} stands in the shadow now")

    def _compare(self, batch: list[_Heard]) -> None:
        """Ask the candidate, and store what both have said; its failures are rows as well."""
        try:
            pair = self._find_pair(batch[0].champion)
            if pair is None:
                self._count("skipped", len(batch))
                return
            process = self._require_process()
        except MlflowException as error:  # the registry is down: whose files these are is not known
            self._say_once(_in_words(error))
            self._count("lost", len(batch))
            return
        except CandidateGone as error:
            self._note_end(error, batch)
            return
        try:
            compared = self._ask(process, batch)
            self._tries = 0
        except CandidateGone as error:
            if len(batch) > 1 or not batch[0].is_suspect:
                self._note_end(error, [replace(each, is_suspect=True) for each in batch])
                return
            self._note_end(error, [])
            compared = [_failed(batch[0])]
        self._store_compared(pair, compared)

    def _find_pair(self, champion: str) -> Pair | None:
        """The pair of the present candidate and a champion; None where they are one version, or of different tasks."""
        named = champion, self._version
        if named not in self._pairs:
            reason = "it is the champion itself" if champion == self._version else self._differs(champion)
            self._pairs[named] = None if reason else find_pair(self._target.model_name, champion, self._version)
            if reason:
                self._say_once(f"version {self._version} is not compared with champion {champion}: {reason}")
        return self._pairs[named]

    def _differs(self, champion: str) -> str | None:
        try:
            return self._choice.differs(self._target.model_name, champion, self._version)
        except Exception as error:  # whatever a stranger's version raises; only it is left out then
            return _in_words(error)

    def _require_process(self) -> CandidateProcess:
        """The candidate's process, ready to be asked."""
        with self._owning:  # and not what `hear` waits for: to start a process takes a while
            if self._is_stopped:
                raise CandidateGone("the server is stopping")
            if self._process is None:
                self._process = self._open_process(self._target.model_name, self._version)
            process = self._process
        process.require_ready()
        return process

    def _ask(self, process: CandidateProcess, batch: list[_Heard]) -> list[Compared]:
        """Both answers to each text; a batch over which the candidate fails is asked text by text."""
        try:
            rows, seconds = process.score([each.text for each in batch])
        except CandidateFailed as error:
            if len(batch) > 1:
                return [compared for each in batch for compared in self._ask(process, [each])]
            self._say_once(f"version {self._version} fails over a text: {error}")
            return [_failed(batch[0])]
        return [
            Compared(each.text, each.may_keep, each.row, {**row, SECONDS: seconds})
            for each, row in zip(batch, rows, strict=True)
        ]

    def _store_compared(self, pair: Pair, compared: list[Compared]) -> None:
        try:
            store_compared(self._store, pair, compared, keeps_texts=self._choice.keep_texts)
        except (SQLAlchemyError, InputError) as error:  # the server answers on
            self._say_once(f"comparisons are lost: {_in_words(error)}")
            self._count("lost", len(compared))
            return
        n_failed = sum(each.candidate is None for each in compared)
        n_flipped = sum(each.is_flip for each in compared) - n_failed
        self._count("failed", n_failed)
        self._count("flipped", n_flipped)
        self._count("same", len(compared) - n_failed - n_flipped)

    def _note_end(self, error: CandidateGone, batch: list[_Heard]) -> None:
        """Note that the candidate's process has ended; the texts wait for the next one, before all others."""
        self._end_process()
        if self._is_stopped:
            return
        with self._changed:
            self._waiting.extendleft(reversed(batch))
        self._tries += 1
        self._not_before = time.monotonic() + min(LONGEST_PAUSE, self._pause * 2.0 ** min(self._tries - 1, 10))
        self._say_once(f"version {self._version}: {error}; it is started again")

    def _end_process(self) -> None:
        with self._owning:
            process, self._process = self._process, None
        if process is not None:
            process.close()

    def _count(self, result: str, n: int) -> None:
        if n:
            self._metrics.shadow.labels(self._target.model_name, result).inc(n)

    def _say_once(self, line: str) -> None:
        if line != self._said:
            self._said = line
            self._say(f"agile serve: shadow of {self._target.model_name}: {line}")


class Shadows:
    """Candidates in the shadow of the served models, each beside its own champion."""

    def __init__(
        self, targets: Sequence[ShadowTarget], choice: ShadowChoice, *, store: FeedbackStore, **how: Any
    ) -> None:
        self._store = store
        self._shadows = {each.model_name: Shadow(each, choice, store=store, **how) for each in targets}

    def start(self) -> None:
        """Begin to compare."""
        for shadow in self._shadows.values():
            shadow.start()

    def stop(self) -> None:
        """Compare no more."""
        for shadow in self._shadows.values():
            shadow.stop()
        self._store.close()

    def hear(self, answered: Answered) -> None:
        """Take answers of a champion, for the candidate in its shadow, if there is one."""
        if shadow := self._shadows.get(answered.model):
            shadow.hear(answered)


def _are_alike(first: _Heard, other: _Heard) -> bool:
    """Whether two texts can be asked of the candidate together."""
    return first.champion == other.champion and first.is_suspect == other.is_suspect


def _failed(heard: _Heard) -> Compared:
    return Compared(heard.text, heard.may_keep, heard.row, None)


def _in_words(error: Exception) -> str:
    return redact(f"{type(error).__name__}: {one_line(error)}")[:500]
