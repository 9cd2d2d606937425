"""Comparisons: what a champion and the candidate in its shadow have answered to live texts, stored and summed up."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import binomtest
from sqlalchemy import func, select

from agile_classifier.data.text import text_digest
from agile_classifier.models.digests import DIGEST
from agile_classifier.ops.feedback.store import SHADOWED, FeedbackStore, now
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.scoring.answer_columns import LABEL, MODEL_VERSION, PREDICTION_ID, REVIEW

DECISION = "decision"
"""Column of an answer that says what becomes of a text, where a version decides in three bands."""
FAILED = "no answer"
"""What stands in place of the label of a candidate that failed."""
SECONDS = "seconds"
UNCOMPARED = frozenset({MODEL_VERSION, PREDICTION_ID, REVIEW})
"""Columns of an answer that say nothing of its text."""


@dataclass(frozen=True)
class Pair:
    """A champion and the candidate in its shadow."""

    model_name: str
    champion: str
    candidate: str
    """Numbers of the versions."""
    key: str
    """SHA-256 that names the very files of both: a number is given anew where a model was deleted."""


def find_pair(model_name: str, champion: str, candidate: str) -> Pair:
    """The pair of two registered versions; an MlflowException where one is gone."""
    files = [registry.read_tags(model_name, version).get(DIGEST, "") for version in (champion, candidate)]
    named = json.dumps([model_name, champion, candidate, *files])
    return Pair(model_name, champion, candidate, hashlib.sha256(named.encode()).hexdigest())


@dataclass(frozen=True)
class Compared:
    """A text, and what both have answered."""

    text: str
    may_keep: bool
    champion: Mapping[str, Any]
    """Answer of the champion, and in `seconds` the time that one text took."""
    candidate: Mapping[str, Any] | None
    """The same of the candidate; None where it failed."""

    @property
    def is_flip(self) -> bool:
        """Whether the candidate gives another label, or none."""
        return self.candidate is None or self.candidate[LABEL] != self.champion[LABEL]


def store_compared(store: FeedbackStore, pair: Pair, compared: Sequence[Compared], *, keeps_texts: bool) -> None:
    """Add comparisons, all or none."""
    made = now()
    rows = [
        {
            "pair": pair.key, "model": pair.model_name, "champion": pair.champion, "candidate": pair.candidate,
            "made": made, "digest": text_digest(each.text), "champion_answer": _written(each.champion),
            "candidate_answer": None if each.candidate is None else _written(each.candidate),
            "text": each.text.encode() if keeps_texts and each.may_keep else None,
        }
        for each in compared
    ]  # fmt: skip
    store.add(SHADOWED, rows)


@dataclass
class Figures:
    """What the comparisons of a pair add up to; a text counts once, however often it came."""

    n_answers: int = 0
    """Answers that were compared."""
    n_texts: int = 0
    """Different texts among them."""
    n_flips: int = 0
    """Texts to which the candidate gave another label, or none, at least once."""
    n_failed: int = 0
    """Texts over which the candidate failed at least once."""
    flips: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Texts by the label of the champion and that of the candidate, where they differ."""
    bands: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Texts by the decision of the champion and that of the candidate, where both decide in bands and differ."""
    n_decided: int = 0
    """Texts on which both decide in bands."""
    milliseconds: tuple[float, float] | None = None
    """Median time of one text for champion and candidate; None without an answer of both."""
    since: int = 0
    until: int = 0
    """First and last answer, in seconds since 1970."""

    @property
    def share(self) -> float:
        """Share of the texts that flip; 0 without texts."""
        return self.n_flips / self.n_texts if self.n_texts else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of that share (Wilson); 0 to 1 without texts."""
        if not self.n_texts:
            return 0.0, 1.0
        found = binomtest(self.n_flips, self.n_texts).proportion_ci(method="wilson")
        return float(found.low), float(found.high)


def sum_up(store: FeedbackStore, pair: str) -> Figures:
    """Add up the comparisons of a pair's key; nothing but zeros where there are none."""
    worst: dict[str, tuple[int, str, str]] = {}
    decided: dict[str, tuple[str, str]] = {}
    seconds: list[tuple[float, float]] = []
    figures = Figures()
    for digest, made, champion, candidate in _read(store, pair):
        figures.n_answers += 1
        figures.since, figures.until = figures.since or made, made
        label = str(champion[LABEL])
        answered = FAILED if candidate is None else str(candidate[LABEL])
        rank = 2 if candidate is None else int(answered != label)
        worst[digest] = max(worst.get(digest, (rank, label, answered)), (rank, label, answered))
        if candidate is not None:
            seconds.append((champion[SECONDS], candidate[SECONDS]))
            if DECISION in champion and DECISION in candidate:
                decided[digest] = str(champion[DECISION]), str(candidate[DECISION])
    figures.n_texts = len(worst)
    figures.flips = Counter((label, answered) for rank, label, answered in worst.values() if rank)
    figures.n_flips = figures.flips.total()
    figures.n_failed = sum(rank == 2 for rank, _, _ in worst.values())
    figures.n_decided = len(decided)
    figures.bands = Counter(both for both in decided.values() if both[0] != both[1])
    if seconds:
        medians = 1000 * np.median(np.asarray(seconds), axis=0)
        figures.milliseconds = float(medians[0]), float(medians[1])
    return figures


def list_pairs(store: FeedbackStore, model_name: str) -> Iterator[Pair]:
    """Pairs of a model that were compared, the one compared last at the end."""
    table = SHADOWED.c
    columns = (table.champion, table.candidate, table.pair)
    asked = select(*columns).where(table.model == model_name).group_by(*columns).order_by(func.max(table.id))
    return (Pair(model_name, *row) for row in store.read(asked))


def _read(store: FeedbackStore, pair: str) -> Iterator[tuple[str, int, dict[str, Any], dict[str, Any] | None]]:
    table = SHADOWED.c
    asked = select(table.digest, table.made, table.champion_answer, table.candidate_answer)
    for digest, made, champion, candidate in store.read(asked.where(table.pair == pair).order_by(table.id)):
        yield digest, int(made), json.loads(champion), None if candidate is None else json.loads(candidate)


def _written(answer: Mapping[str, Any]) -> bytes:
    compared = {name: value for name, value in answer.items() if name not in UNCOMPARED}
    return json.dumps(compared, ensure_ascii=False).encode()
