"""MACE: the right answer to each text, and how often each rater knows it rather than answers by habit.

Hovy, Berg-Kirkpatrick, Vaswani and Hovy (2013), "Learning Whom to Trust with MACE", by variational Bayes as there. From
one start the numbers are those of crowd-kit's `MACE` (tests/data/raters), whose restarts all begin alike, which mixes
up classes that are not met in order, and whose products vanish where a text has some hundred answers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma

from agile_classifier.data.raters.answers import Answers, Floats, Ints

N_RESTARTS = 3
N_ITERATIONS = 50
SEED = 0
KNOWING_PRIOR = 0.5
"""Both parameters of the beta distribution of how often a rater knows."""
HABIT_PRIOR = 10.0
"""Parameter of the Dirichlet distribution of what a rater answers by habit."""
NOISE = 0.5
"""How far beginnings lie apart."""


@dataclass(frozen=True)
class Beginning:
    """Where an optimisation begins, or ends."""

    habit: Floats
    """Weights of answering by habit and of knowing, of shape (n_raters, 2)."""
    answer: Floats
    """Weights of each answer given by habit, of shape (n_raters, n_classes)."""


@dataclass(frozen=True)
class Mace:
    """What was learnt about texts and raters; the classes are the answers that differ, in ascending order."""

    probability: Floats
    """Probability of each class for each text, of shape (n_texts, n_classes); equal ones without an answer."""
    competence: Floats
    """Probability that a rater knows, of shape (n_raters,)."""
    likelihood: float
    """Logarithm of the likelihood of all answers."""


def fit_mace(answers: Answers, *, n_restarts: int = N_RESTARTS, seed: int = SEED) -> Mace:
    """Learn from the answers alone, from several beginnings, of which the likeliest end counts; raters have names."""
    rng = np.random.default_rng(seed)
    n_raters, n_classes = len(answers.raters), len(answers.domain)
    fits = (fit_from(_begin(rng, n_raters, n_classes), answers) for _ in range(n_restarts))
    return max(fits, key=lambda fit: fit.likelihood)


def fit_from(beginning: Beginning, answers: Answers, *, n_iterations: int = N_ITERATIONS) -> Mace:
    """Learn from one beginning."""
    code = np.searchsorted(answers.domain, answers.value)
    weights = _normalised(beginning)
    found = _expect(weights, answers, code)
    for _ in range(n_iterations):
        weights = _learn(found)
        found = _expect(weights, answers, code)
    knows = weights.habit[:, 1] / weights.habit.sum(axis=1)
    return Mace(found.probability, knows, found.likelihood)


@dataclass(frozen=True)
class _Expected:
    probability: Floats
    likelihood: float
    habits: Floats
    """Expected number of answers by habit, of shape (n_raters, n_classes)."""
    known: Floats
    """Expected number of answers by knowing, of shape (n_raters,)."""


def _begin(rng: np.random.Generator, n_raters: int, n_classes: int) -> Beginning:
    return Beginning(
        rng.uniform(1, 2 + NOISE, size=(n_raters, 2)), rng.uniform(1, 2 + NOISE, size=(n_raters, n_classes))
    )


def _normalised(weights: Beginning) -> Beginning:
    return Beginning(
        weights.habit / weights.habit.sum(axis=1, keepdims=True),
        weights.answer / weights.answer.sum(axis=1, keepdims=True),
    )


def _expect(weights: Beginning, answers: Answers, code: Ints) -> _Expected:
    """The E step."""
    n_raters, n_classes = weights.answer.shape
    cell = np.asarray(
        answers.rater * n_classes + code, dtype=np.int64
    )  # the rater's answer, in tables of all raters' answers
    by_habit = (weights.habit[:, :1] * weights.answer).ravel()
    if_right = by_habit + np.repeat(weights.habit[:, 1], n_classes)
    gains, place = np.log(if_right / by_habit)[cell], answers.text * n_classes + code
    right = np.bincount(place, weights=gains, minlength=answers.n_texts * n_classes).reshape(-1, n_classes)
    logs = right + answers.sums(np.log(by_habit)[cell])[:, None] - np.log(n_classes)
    largest = logs.max(axis=1)
    weight = np.exp(logs - largest[:, None])
    total = weight.sum(axis=1)
    probability = weight / total[:, None]
    is_right = probability[answers.text, code]
    guessed = 1 - is_right + is_right * (by_habit / if_right)[cell]
    habits = _add_up(cell, guessed, n_raters * n_classes).reshape(n_raters, n_classes)
    known = _add_up(answers.rater, is_right * (1 - by_habit / if_right)[cell], n_raters)
    return _Expected(probability, float((np.log(total) + largest).sum()), habits, known)


def _add_up(place: Ints, weight: Floats, n: int) -> Floats:
    return np.bincount(place, weights=weight, minlength=n).astype(np.float64)


def _learn(expected: _Expected) -> Beginning:
    """The variational M step."""
    knowing = np.column_stack([expected.habits.sum(axis=1), expected.known]) + KNOWING_PRIOR
    answer = expected.habits + HABIT_PRIOR
    return Beginning(
        np.exp(digamma(knowing) - digamma(knowing.sum(axis=1, keepdims=True))),
        np.exp(digamma(answer) - digamma(answer.sum(axis=1, keepdims=True))),
    )
