"""Many classes: what a page shows of two hundred, and that it neither loses an error nor grows with their square."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agile_classifier.evaluation.many_classes import (
    MOST_SHOWN,
    choose_worst,
    fold_others,
    name_classes,
    worst_classes,
)
from agile_classifier.evaluation.reports.evaluation import render_report
from agile_classifier.evaluation.reports.figures import draw_confusion, draw_roc
from agile_classifier.evaluation.review import Suspects
from agile_classifier.metrics.metrics import confusion
from tests.evaluation.reports.test_evaluation import make_report

N_CLASSES = 200
NAMES = [f"intent {number}" for number in range(N_CLASSES)]
LARGEST_PAGE = 1_000_000
"""Bytes of a report of two hundred classes."""


def counts_of(*errors: tuple[int, int, int]) -> Any:
    """Ten texts a class, all right but for `errors`: truth, prediction, number."""
    counts = np.diag(np.full(N_CLASSES, 10))
    for truth, predicted, number in errors:
        counts[truth, predicted] += number
        counts[truth, truth] -= number
    return counts


def test_the_classes_of_most_errors_are_shown_and_the_others_folded_without_losing_a_text() -> None:
    counts = counts_of((7, 150, 4), (3, 7, 2), (199, 0, 9))
    assert choose_worst(counts, most=4) == [0, 7, 150, 199]
    folded, names = fold_others(counts, NAMES, most=4)
    assert names == ["intent 0", "intent 7", "intent 150", "intent 199", "196 other classes"]
    assert folded.sum() == counts.sum()
    assert folded[1].tolist() == [0, 6, 4, 0, 0]
    assert folded[4].tolist() == [0, 2, 0, 0, 1958]


def test_few_classes_are_shown_as_they_are() -> None:
    counts, names = fold_others(np.array([[3, 1], [0, 4]]), ["no", "yes"])
    assert (counts.tolist(), names) == ([[3, 1], [0, 4]], ["no", "yes"])


def test_the_worst_classes_stand_first_with_what_they_are_taken_for() -> None:
    rows = worst_classes(counts_of((7, 150, 4), (199, 0, 9)), NAMES, n_train=[30] * N_CLASSES)
    assert [row.name for row in rows[:2]] == ["intent 199", "intent 0"]
    assert (rows[0].recall, rows[0].precision, rows[0].n_test, rows[0].n_train) == (0.1, 1.0, 10, 30)
    assert [row.confused_with for row in rows[:3]] == ["intent 0", "", "intent 150"]
    assert len(rows) == MOST_SHOWN


def test_a_sentence_names_the_first_of_many_classes() -> None:
    assert name_classes(["no", "yes"]) == "no / yes"
    assert name_classes(NAMES).endswith("/ intent 11 and 188 more")


def test_figures_of_two_hundred_classes_hold_no_more_than_of_twenty() -> None:
    counts = counts_of((7, 150, 4))
    (axes,) = draw_confusion(counts=counts, class_names=NAMES).axes
    assert len(axes.patches) == (MOST_SHOWN + 1) ** 2
    y_true = np.arange(2 * N_CLASSES) % N_CLASSES
    y_score = np.random.default_rng(0).dirichlet(np.ones(N_CLASSES), len(y_true))
    (axes,) = draw_roc(y_true=y_true, models={"first": y_score}, class_names=NAMES).axes
    assert len(axes.lines) == MOST_SHOWN + 1  # and the line of guessing
    assert confusion(y_true=y_true, y_pred=y_true, n_classes=N_CLASSES).sum() == len(y_true)


@pytest.mark.parametrize("n_classes", [3, N_CLASSES])
def test_the_report_of_many_classes_names_the_worst_and_stays_readable(n_classes: int) -> None:
    report = make_report(tuple(NAMES[:n_classes]), n=3 * n_classes)
    review = replace(report.review, suspects=Suspects(0, 0, ()), neighbours={})
    page = render_report(replace(report, review=review))
    assert len(page.encode()) < LARGEST_PAGE
    assert "most often called instead" in page
    assert ("Of 200 classes the table shows the 20 that are found worst" in page) == (n_classes == N_CLASSES)
    assert ("classes held" in page) == (n_classes == N_CLASSES)
