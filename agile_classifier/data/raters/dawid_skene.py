"""Dawid-Skene: the right answer to each text and the errors of each rater, learnt from one another by EM.

Dawid and Skene (1979), "Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm", Applied
Statistics 28. Steps and numbers are those of crowd-kit's `DawidSkene` (tests/data/raters), which brings nltk and
transformers along and takes some twenty times as long.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agile_classifier.data.raters.answers import Answers, Booleans, Floats, Ints

N_ITERATIONS = 200
TOLERANCE = 1e-6
"""Average change of a probability at which the iteration ends."""
LEAST = 1e-10
"""Least count of an answer that was given, and least share of a class."""


@dataclass(frozen=True)
class DawidSkene:
    """What was learnt about texts and raters; the classes are the answers that differ, in ascending order."""

    probability: Floats
    """Probability of each class for each text, of shape (n_texts, n_classes); that of the class at large without an
    answer."""
    prior: Floats
    """Share of each class, of shape (n_classes,)."""
    errors: Floats
    """Probability that a rater gives an answer to a text of a class, of shape (n_raters, n_answers, n_classes)."""


def fit_dawid_skene(answers: Answers, *, n_iterations: int = N_ITERATIONS, tolerance: float = TOLERANCE) -> DawidSkene:
    """Learn from the answers alone, beginning with the share of each answer to a text; a rater must have a name."""
    domain = answers.domain
    code = np.searchsorted(domain, answers.value)
    n_raters, n_classes = len(answers.raters), len(domain)
    cell = np.asarray(answers.rater * n_classes + code, dtype=np.int64)  # of the rater's answer in his table of errors
    was_given = np.bincount(cell, minlength=n_raters * n_classes) > 0
    answered = answers.n_per_text > 0
    probability = np.column_stack([answers.sums((code == each).astype(np.float64)) for each in range(n_classes)])
    probability[answered] /= answers.n_per_text[answered, None]
    for _ in range(n_iterations):
        prior, errors = _learn_errors(probability, answers, cell, was_given, answered)
        before, probability = probability, _weigh(prior, errors, answers, cell, answered)
        if np.abs(probability - before).mean() < tolerance:
            break
    prior, errors = _learn_errors(probability, answers, cell, was_given, answered)
    probability[~answered] = prior
    return DawidSkene(probability, prior, errors.reshape(n_raters, n_classes, n_classes))


def _learn_errors(
    probability: Floats, answers: Answers, cell: Ints, was_given: Booleans, answered: Booleans
) -> tuple[Floats, Floats]:
    """The M step: shares of the classes, and errors of shape (n_raters * n_answers, n_classes)."""
    n_classes = probability.shape[1]
    counts = np.column_stack([
        np.bincount(cell, weights=column[answers.text], minlength=len(was_given)) for column in probability.T
    ])  # fmt: skip
    counts = np.where(was_given[:, None], np.maximum(counts, LEAST), 0.0).reshape(-1, n_classes, n_classes)
    errors = counts / counts.sum(axis=1, keepdims=True)
    return probability[answered].mean(axis=0), errors.reshape(-1, n_classes)


def _weigh(prior: Floats, errors: Floats, answers: Answers, cell: Ints, answered: Booleans) -> Floats:
    """The E step: probability of each class for each text that has an answer, of shape (n_texts, n_classes)."""
    with np.errstate(divide="ignore"):  # an answer that a rater never gave is never looked up
        logs = np.log(errors)
    likelihood = np.column_stack([answers.sums(column[cell]) for column in logs.T]) + np.log(np.maximum(prior, LEAST))
    likelihood -= likelihood.max(axis=1, keepdims=True)
    probability = np.exp(likelihood)
    probability /= probability.sum(axis=1, keepdims=True)
    probability[~answered] = 0
    return np.asarray(probability)
