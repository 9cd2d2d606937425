"""Fleet: the models in service; one thread scores the texts of all, adapters on one base model in one pass."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from agile_classifier.errors import one_line, redact
from agile_classifier.ops.registry.scorer import MixedScorer
from agile_classifier.ops.serving.batches import Answer
from agile_classifier.ops.serving.explanations.asking import Variant
from agile_classifier.ops.serving.metrics import ServingMetrics
from agile_classifier.ops.serving.versions import InService, LoadedVersion, trim

TRIM_SECONDS = 5.0
"""Seconds between two batches after which free memory is given back to the system, which takes some milliseconds."""


class AskedText(NamedTuple):
    """A text to score."""

    model: str
    """Name of the model that is asked."""
    text: str
    may_keep: bool = True
    """False where whoever asks forbids that the text is kept."""


class Answered(NamedTuple):
    """Texts that a version has answered together."""

    model: str
    asked: Sequence[AskedText]
    rows: Answer
    seconds: float
    """Time that the answer to one text took, together with the others."""


Hear = Callable[[Answered], None]
"""Told of every answer, by the thread that scores: it must neither wait nor raise."""


class Fleet:
    """Models in service by their names; called by one thread alone.

    Parameters
    ----------
    hear : callable, optional
        Told of every answer.
    """

    def __init__(
        self,
        services: Mapping[str, InService],
        metrics: ServingMetrics,
        *,
        hear: Hear = lambda _: None,
        say: Callable[[str], Any] = lambda line: print(line, file=sys.stderr, flush=True),
    ) -> None:
        self._services, self._metrics, self._hear, self._say = services, metrics, hear, say
        self._trimmed = time.monotonic()
        self._mixed: dict[Hashable, tuple[list[LoadedVersion], MixedScorer | None]] = {}

    def score(self, asked: Sequence[AskedText]) -> Answer:
        """Answers in the order of the texts; each comes from the version that is in service when the batch begins."""
        places: dict[str, list[int]] = {}
        for place, each in enumerate(asked):
            places.setdefault(each.model, []).append(place)
        rows: Answer = [{} for _ in asked]
        answered = list(self._answer({name: [asked[place] for place in where] for name, where in places.items()}))
        for found in answered:
            for place, row in zip(places[found.model], found.rows, strict=True):
                rows[place] = row
            self._metrics.model_rows.labels(found.model).inc(len(found.rows))
        self._metrics.batch_rows.observe(len(asked))
        self._metrics.rows.inc(len(asked))
        for found in answered:
            self._hear(_predictions_of(found))
        if time.monotonic() - self._trimmed > TRIM_SECONDS:
            trim()
            self._trimmed = time.monotonic()
        return rows

    def _answer(self, parts: Mapping[str, Sequence[AskedText]]) -> Iterator[Answered]:
        """Answers of each model that is asked: those that can be mixed first, the others in turns."""
        present = {name: service.loaded for name, service in self._services.items()}
        self._mixed = {key: kept for key, kept in self._mixed.items() if _are_present(kept[0], present)}
        by_key: dict[Hashable, list[str]] = {}
        for name in parts:
            key = present[name].scorer.mixing_key
            by_key.setdefault(name if key is None else (key,), []).append(name)
        for key, names in by_key.items():
            mixed = self._find_mixed(key, present) if len(names) > 1 else None
            if mixed is not None:
                yield from _answer_together(mixed, {name: parts[name] for name in names}, present)
            else:
                yield from (_answer_alone(present[name], parts[name]) for name in names)

    def _find_mixed(self, key: Hashable, present: Mapping[str, LoadedVersion]) -> tuple[list[str], MixedScorer] | None:
        """Names and scorer of all models of a mixing key, made anew where another version is in service."""
        names = [name for name, loaded in present.items() if (loaded.scorer.mixing_key,) == key]
        members = [present[name] for name in names]
        if key not in self._mixed or self._mixed[key][0] != members:
            self._mixed[key] = members, self._mix(members)
        mixed = self._mixed[key][1]
        return None if mixed is None else (names, mixed)

    def _mix(self, members: Sequence[LoadedVersion]) -> MixedScorer | None:
        try:
            return MixedScorer([loaded.scorer for loaded in members])
        except RuntimeError as error:
            names = ", ".join(loaded.model_name for loaded in members)
            self._say(f"agile serve: {names} are scored one after the other: {redact(one_line(error, longest=200))}")
            return None


def _are_present(members: Sequence[LoadedVersion], present: Mapping[str, LoadedVersion]) -> bool:
    """Whether all of the versions are in service still."""
    return all(present.get(loaded.model_name) is loaded for loaded in members)


def _answer_together(
    mixed: tuple[list[str], MixedScorer], parts: Mapping[str, Sequence[AskedText]], present: Mapping[str, LoadedVersion]
) -> Iterator[Answered]:
    names, scorer = mixed
    began = time.perf_counter()
    frames = scorer([(names.index(name), _texts(asked)) for name, asked in parts.items()])
    seconds = (time.perf_counter() - began) / sum(map(len, parts.values()))
    for (name, asked), frame in zip(parts.items(), frames, strict=True):
        yield Answered(name, asked, present[name].answer(_texts(asked), frame, unkept=_unkept(asked)), seconds)


def _answer_alone(loaded: LoadedVersion, asked: Sequence[AskedText]) -> Answered:
    began = time.perf_counter()
    rows = loaded.score(_texts(asked), unkept=_unkept(asked))
    return Answered(loaded.model_name, asked, rows, (time.perf_counter() - began) / len(asked))


def _predictions_of(answered: Answered) -> Answered:
    """Answers without those to variants of a text, which are asked for an explanation alone."""
    own = [place for place, each in enumerate(answered.asked) if not isinstance(each.text, Variant)]
    return answered._replace(
        asked=[answered.asked[place] for place in own], rows=[answered.rows[place] for place in own]
    )


def _texts(asked: Sequence[AskedText]) -> list[str]:
    return [each.text for each in asked]


def _unkept(asked: Sequence[AskedText]) -> frozenset[int]:
    return frozenset(place for place, each in enumerate(asked) if not each.may_keep)
