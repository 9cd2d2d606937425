"""Versions in service: one loaded version, and the thread that follows an alias and swaps in what it points to."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from agile_classifier.errors import one_line, redact
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.registry.scorer import Scorer
from agile_classifier.ops.registry.versions import find_champion
from agile_classifier.ops.scoring.answer_columns import MODEL_VERSION
from agile_classifier.ops.serving.batches import Answer
from agile_classifier.ops.serving.explanations.asking import Variant
from agile_classifier.ops.serving.metrics import ServingMetrics

LONGEST_PAUSE = 300.0
"""Longest pause between two tries to load a version that could not be read, in seconds."""


@dataclass(frozen=True)
class Target:
    """Version to be served, and the alias that is followed."""

    model_name: str
    version: str
    """Number of the version at present."""
    alias: str | None
    """Alias that is followed; None if the version was named by its number and stays."""


def find_target(model_name: str | None, wanted: str | None) -> Target:
    """Find the champion, or the version of a number or alias.

    Raises
    ------
    InputError
        There is no such model, version or alias, or several models and none was named.
    """
    if wanted is None:
        champion = find_champion(model_name)
        return Target(champion.model_name, champion.version, registry.CHAMPION)
    name = registry.only_model(model_name)
    is_alias = not wanted.isdigit()
    return Target(name, registry.find_version(name, wanted, is_alias=is_alias), wanted if is_alias else None)


Mark = Callable[[Sequence[str], Answer, Collection[int]], Answer]
"""Texts, their answers and the places of texts that are not kept, to the answers with what is added to each, as a
`prediction_id`."""
FindMark = Callable[[str, str, Sequence[str]], Mark]
"""Name and number of a version, and the columns of its answers, to what marks them."""


class LoadedVersion:
    """A registered version in memory, warm: it has scored a text.

    Parameters
    ----------
    find_mark : callable, optional
        Finds what marks its answers; without it they are not marked.
    """

    def __init__(self, model_name: str, version: str, *, find_mark: FindMark | None = None) -> None:
        self.model_name, self.version = model_name, version
        self.scorer = Scorer(model_name, version)
        self._mark: Mark | None = None
        self.score(["a first text"])
        if find_mark is not None:
            self._mark = find_mark(model_name, version, self.columns)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of its answers, `probability_NAME` of every class among them."""
        return self.scorer.columns

    @property
    def several(self) -> bool:
        """Whether a text may carry several labels."""
        return self.scorer.several

    def score(self, texts: Sequence[str], *, unkept: Collection[int] = ()) -> Answer:
        """`label`, `probability_NAME` of every class and `model_version`, for each text, and what it is marked with.

        Parameters
        ----------
        unkept : collection of int
            Places of texts that are not kept, whatever else is.
        """
        return self.answer(texts, self.scorer(texts), unkept=unkept)

    def answer(self, texts: Sequence[str], frame: pd.DataFrame, *, unkept: Collection[int] = ()) -> Answer:
        """Answers from what its scorer has given for the texts."""
        columns = {str(name): frame[name].tolist() for name in frame.columns}
        if any(len(values) != len(texts) for values in columns.values()):
            raise RuntimeError(
                f"model {self.model_name} version {self.version}: {len(texts)} texts, {len(frame)} answers"
            )
        columns[MODEL_VERSION] = [self.version] * len(texts)
        answer = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        return self._marked(texts, answer, unkept)

    def _marked(self, texts: Sequence[str], answer: Answer, unkept: Collection[int]) -> Answer:
        """Mark the answers that are predictions."""
        own = [place for place, text in enumerate(texts) if not isinstance(text, Variant)]
        if self._mark is None or not own:
            return answer
        hidden = {number for number, place in enumerate(own) if place in unkept}
        marked = self._mark([texts[place] for place in own], [answer[place] for place in own], hidden)
        by_place = dict(zip(own, marked, strict=True))
        return [by_place.get(place, row) for place, row in enumerate(answer)]


class InService:
    """Version of a model in service; an answer comes from one version, even if another takes over meanwhile."""

    def __init__(self, loaded: LoadedVersion, metrics: ServingMetrics) -> None:
        self._metrics = metrics
        self.swap(loaded)

    def swap(self, loaded: LoadedVersion) -> None:
        """Put a version into service; a batch under way ends with the version that it began with."""
        self.loaded = loaded
        self._metrics.model.labels(loaded.model_name).info({"version": loaded.version})

    @property
    def version(self) -> str:
        """Number of the version in service."""
        return self.loaded.version

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of its answers."""
        return self.loaded.columns

    @property
    def several(self) -> bool:
        """Whether a text may carry several labels."""
        return self.loaded.several


class Follower:
    """Asks the registry for the alias every so often, and loads what it points to beside the version in service."""

    def __init__(
        self,
        in_service: InService,
        *,
        target: Target,
        every: float,
        metrics: ServingMetrics,
        load: Callable[[str, str], LoadedVersion] = LoadedVersion,
        say: Callable[[str], Any] = lambda line: print(line, file=sys.stderr, flush=True),
    ) -> None:
        self._in_service, self._target, self._every, self._metrics = in_service, target, every, metrics
        self._load, self._say, self._said = load, say, ""
        self._failed, self._tries, self._not_before = "", 0, 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def start(self) -> None:
        """Begin, where an alias is followed."""
        if self._target.alias is not None:
            self._thread.start()

    def stop(self) -> None:
        """Stop asking; a load under way is abandoned."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            self.look()

    def look(self) -> None:
        """Take over the version that the alias points to, if it is another and can be loaded."""
        try:
            wanted = registry.find_version(self._target.model_name, str(self._target.alias), is_alias=True)
        except Exception as error:  # the registry is down, or the alias is gone: the version in service answers on
            self._say_once(f"{_in_words(error)}; version {self._in_service.loaded.version} stays in service")
            return
        if wanted == self._in_service.loaded.version or not self._is_due(wanted):
            return
        try:
            loaded = self._load(self._target.model_name, wanted)
        except Exception as error:  # whatever a stranger's version raises, the old one answers on
            self._note_failure(wanted, error)
            return
        old = self._in_service.loaded.version
        self._in_service.swap(loaded)
        self._metrics.swaps.labels("taken over").inc()
        self._say_once(f"{self._target.model_name}: version {wanted} has taken over from version {old}")
        give_memory_back()

    def _is_due(self, wanted: str) -> bool:
        return wanted != self._failed or time.monotonic() >= self._not_before

    def _note_failure(self, wanted: str, error: Exception) -> None:
        self._tries = self._tries + 1 if wanted == self._failed else 1
        self._failed = wanted
        self._not_before = time.monotonic() + min(LONGEST_PAUSE, self._every * 2**self._tries)
        self._metrics.swaps.labels("unreadable").inc()
        kept = self._in_service.loaded.version
        self._say_once(f"version {wanted} cannot be loaded ({_in_words(error)}); version {kept} stays in service")

    def _say_once(self, line: str) -> None:
        if line != self._said:
            self._said = line
            self._say(f"agile serve: {line}")


def give_memory_back() -> None:
    """Give the memory of what has left back to the system: it is held by circles of objects."""
    gc.collect()
    trim()


def trim() -> None:
    """Give free memory back to the system; glibc keeps what is free between its blocks, in an arena a thread."""
    if give_back := getattr(ctypes.CDLL(None), "malloc_trim", None):
        give_back(0)


def _in_words(error: Exception) -> str:
    return redact(f"{type(error).__name__}: {one_line(error)}")[:500]
