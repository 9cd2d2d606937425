"""Reading feedback: verdicts as they count, and served predictions, of a model over time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import func, select

from agile_classifier.evaluation.quality import Answered, Floats, Judged
from agile_classifier.ops.feedback.store import PREDICTIONS, VERDICTS, FeedbackStore

MOST_READ = 200_000
"""Served predictions of a period that are looked at; of more, a random part."""


@dataclass
class JudgedPrediction:
    """A prediction with the verdicts that count: of each person the last."""

    signer: int
    number: int
    made: int
    predicted: int
    sampling: float | None = None
    """Chance of being shown, of the last verdict that says one."""
    verdicts: dict[str, int] = field(default_factory=dict)
    """Person → class."""
    text: str | None = None

    def add(self, row: Any) -> None:
        """Take in a later verdict."""
        self.verdicts.pop(row.person, None)
        self.verdicts[row.person] = int(row.verdict)
        if row.sampling is not None:
            self.sampling = float(row.sampling)
        if row.text is not None:
            self.text = bytes(row.text).decode()


@dataclass(frozen=True)
class ServedPart:
    """Served predictions of a version in a period, or a random part of them."""

    answered: Answered
    lengths: Floats
    texts: tuple[str, ...]
    """Texts of those whose text was kept."""


def read_judged(store: FeedbackStore, signers: Mapping[int, Any], *, since: int = 0) -> Iterator[JudgedPrediction]:
    """Predictions with verdicts, in the order of their first verdict, since a time in seconds."""
    if not signers:
        return
    asked = select(VERDICTS).where(VERDICTS.c.signer.in_(list(signers)), VERDICTS.c.made >= since)
    found = dict[tuple[int, int], JudgedPrediction]()
    for row in store.read(asked.order_by(VERDICTS.c.id)):
        key = (int(row.signer), int(row.number))
        if key not in found:
            found[key] = JudgedPrediction(*key, int(row.made), int(row.predicted))
        found[key].add(row)
    yield from found.values()


def to_judged(predictions: list[JudgedPrediction], n_classes: int) -> Judged | None:
    """Judged predictions that were shown with a known chance, as arrays; None where there are none."""
    known = [each for each in predictions if each.sampling is not None]
    if not known:
        return None
    shares = np.zeros((len(known), n_classes))
    for place, each in enumerate(known):
        for verdict in each.verdicts.values():
            shares[place, verdict] += 1 / len(each.verdicts)
    weight = np.array([1 / each.sampling for each in known if each.sampling])
    return Judged(np.array([each.predicted for each in known]), shares, weight)


def count_served(
    store: FeedbackStore, signers: Mapping[int, Any], *, seconds: int, offset: int, since: int
) -> dict[tuple[int, int], dict[int, int]]:
    """Number of the signer and of the period → predicted class → predictions that were served since a time."""
    if not signers:
        return {}
    table = PREDICTIONS.c
    period = ((table.made - offset) // seconds).label("period")
    asked = (
        select(table.signer, period, table.predicted, func.count().label("n"))
        .where(table.signer.in_(list(signers)), table.made >= since)
        .group_by(table.signer, period, table.predicted)
    )
    counts: dict[tuple[int, int], dict[int, int]] = {}
    for row in store.read(asked):
        held = counts.setdefault((int(row.signer), int(row.period)), {})
        held[int(row.predicted)] = held.get(int(row.predicted), 0) + int(row.n)
    return counts


def read_served(
    store: FeedbackStore, signer: int, *, n_classes: int, begins: int, ends: int, n: int
) -> ServedPart | None:
    """Served predictions of a signer from one time to before another; None where there is none.

    Parameters
    ----------
    n : int
        How many there are; of more than `MOST_READ`, a part is read, which their numbers, drawn by chance, make even.
    """
    table = PREDICTIONS.c
    asked = select(table.predicted, table.scores, table.length, table.text).where(
        table.signer == signer, table.made >= begins, table.made < ends
    )
    if n > MOST_READ:
        asked = asked.where(table.number < int(2**64 * (MOST_READ / n) - 2**63))
    rows = [(int(row[0]), bytes(row[1]), int(row[2]), row[3]) for row in store.read(asked)]
    if not rows:
        return None
    scores = np.frombuffer(b"".join(row[1] for row in rows), dtype="<f4").reshape(len(rows), n_classes)
    answered = Answered(np.array([row[0] for row in rows]), scores.astype(np.float64))
    texts = tuple(bytes(row[3]).decode() for row in rows if row[3] is not None)
    return ServedPart(answered, np.array([row[2] for row in rows], dtype=np.float64), texts)


def read_texts(store: FeedbackStore, signers: Mapping[int, Any]) -> Iterator[tuple[tuple[int, int], str]]:
    """Number of signer and prediction → text, of the served predictions with a verdict whose text was kept."""
    if not signers:
        return
    judged = select(VERDICTS.c.number).where(VERDICTS.c.signer.in_(list(signers)))
    table = PREDICTIONS.c
    asked = select(table.signer, table.number, table.text).where(
        table.signer.in_(list(signers)), table.text.is_not(None), table.number.in_(judged)
    )
    for row in store.read(asked):
        yield (int(row.signer), int(row.number)), bytes(row.text).decode()
