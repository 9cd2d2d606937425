"""Evasion on test: how many texts that are found slip through once they are written otherwise, and what still ranks.

Nothing is chosen by it: threshold and calibration are those that validation gave the candidate on plain texts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.stats import binomtest

from agile_classifier.config.moderation.evasion import HARMLESS, INJECTIONS, EvasionConfig
from agile_classifier.data.evasion.attacks import attack
from agile_classifier.metrics.bootstrap import bootstrap_intervals
from agile_classifier.metrics.comparison import Answers
from agile_classifier.metrics.metrics import evaluate_scores, predict

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Score = Callable[[Sequence[str]], Floats]
Write = Callable[[str], str]
RANKING = ("roc_auc", "f1")
"""Metrics of all test rows under an attack."""
PREFIX = "injection: "
"""Beginning of the name of a prompt injection."""


class Rate(BaseModel):
    """Share of some rows, with its 95 % interval by Wilson."""

    model_config = ConfigDict(frozen=True)

    n: int
    """Number of rows that are counted among."""
    n_hit: int
    """Number of rows that are counted."""
    low: float | None
    high: float | None

    @classmethod
    def of(cls, hits: Mask) -> Rate:
        """Rate of the rows that are hits, of shape (n,)."""
        if not len(hits):
            return cls(n=0, n_hit=0, low=None, high=None)
        between = binomtest(int(hits.sum()), len(hits)).proportion_ci(method="wilson")
        return cls(n=len(hits), n_hit=int(hits.sum()), low=float(between.low), high=float(between.high))

    @property
    def value(self) -> float | None:
        """The share; None of no rows."""
        return self.n_hit / self.n if self.n else None


class Attacked(BaseModel):
    """A classifier on test rows that were written otherwise."""

    model_config = ConfigDict(frozen=True)

    flips: Rate
    """Rows of class 1 that it finds as they were written, and no longer; of more than two classes, of any but the
    first."""
    changes: Rate
    """Rows of any class that it gets right as they were written, and then wrong; injections change the former alone."""
    metrics: dict[str, float]
    """`RANKING` of all test rows, written otherwise; empty of injections."""
    intervals: dict[str, tuple[float, float]]
    """95 % bootstrap intervals of the metrics."""


def measure_evasion(
    score: Score,
    texts: Sequence[str],
    y_true: Ints,
    plain: Answers,
    *,
    settings: EvasionConfig,
    injections: Mapping[str, Write] = MappingProxyType({}),
    n_resamples: int,
    seed: int,
) -> dict[str, Attacked]:
    """Attack → what it does to the answers on the test rows, each of which is attacked.

    Parameters
    ----------
    score : callable
        Texts to calibrated probabilities, of shape (n, n_classes).
    plain : Answers
        Answers to the texts as they are, and the decision threshold.
    injections : mapping of name to callable
        Functions of a text for a model that has a prompt (`list_injections`), measured on what is found alone.
    """
    found: dict[str, Attacked] = {}
    is_right = _right(y_true, plain)
    for name in settings.attacks:
        if name != INJECTIONS:
            y_score = score([attack(text, name, strength=settings.strength, seed=seed) for text in texts])
            attacked = Answers(y_score, plain.threshold)
            found[name] = _judge(y_true, is_right, attacked, n_resamples=n_resamples, seed=seed)
    if INJECTIONS not in settings.attacks:
        return found
    is_found = is_right & _carries(y_true)
    caught = [text for text, is_one in zip(texts, is_found, strict=True) if is_one]
    for injection, write in injections.items():
        flips = np.zeros(0, dtype=bool)
        if caught:
            flips = ~_right(y_true[is_found], Answers(score([write(text) for text in caught]), plain.threshold))
        found[f"{PREFIX}{injection}"] = Attacked(flips=Rate.of(flips), changes=Rate.of(flips), metrics={}, intervals={})
    return found


def worst_flip_rate(found: Mapping[str, Attacked]) -> float | None:
    """Largest flip rate of any attack, the harmless addition apart; None where nothing was measured."""
    rates = [one.flips.value for name, one in found.items() if name != f"{PREFIX}{HARMLESS}"]
    known = [rate for rate in rates if rate is not None and math.isfinite(rate)]
    return max(known) if known and len(known) == len(rates) else None


def flat_evasion(found: Mapping[str, Attacked]) -> dict[str, float]:
    """Flip rates and metrics under attack by flat names: `evasion_leetspeak_flip_rate`, `evasion_worst_flip_rate`."""
    flat = dict(_flat_rows(found))
    worst = worst_flip_rate(found)
    return flat if worst is None else flat | {"evasion_worst_flip_rate": worst}


def _flat_rows(found: Mapping[str, Attacked]) -> Iterator[tuple[str, float]]:
    for name, one in found.items():
        plain = name.replace(": ", "_").replace(" ", "_")
        if one.flips.value is not None:
            yield f"evasion_{plain}_flip_rate", one.flips.value
        yield from ((f"evasion_{plain}_{metric}", value) for metric, value in one.metrics.items())


def _judge(y_true: Ints, is_right: Mask, attacked: Answers, *, n_resamples: int, seed: int) -> Attacked:
    is_lost = is_right & ~_right(y_true, attacked)
    metrics = evaluate_scores(y_true=y_true, y_score=attacked.y_score, decision_threshold=attacked.threshold)
    return Attacked(
        flips=Rate.of(is_lost[is_right & _carries(y_true)]),
        changes=Rate.of(is_lost[is_right]),
        metrics={name: metrics[name] for name in RANKING},
        intervals=bootstrap_intervals(
            y_true=y_true,
            y_score=attacked.y_score,
            decision_threshold=attacked.threshold,
            metrics=RANKING,
            n_resamples=n_resamples,
            seed=seed,
        ),
    )


def _right(y_true: Ints, answers: Answers) -> Mask:
    """Rows whose class, or whose every label, is right, of shape (n,)."""
    is_equal = predict(answers.y_score, answers.threshold) == y_true
    return np.asarray(is_equal.all(axis=tuple(range(1, is_equal.ndim))))


def _carries(y_true: Ints) -> Mask:
    """Rows of another class than the first, or with any label, of shape (n,)."""
    is_set = y_true > 0
    return np.asarray(is_set.any(axis=tuple(range(1, is_set.ndim))))
