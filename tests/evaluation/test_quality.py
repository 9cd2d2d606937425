"""Quality in service: figures by verdicts and by probabilities, when they have decayed, and the page that shows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from agile_classifier.evaluation.drift import Drift
from agile_classifier.evaluation.quality import (
    Answered,
    Figure,
    Judged,
    Period,
    Quality,
    compare_weights,
    find_decayed,
    find_latest,
    measure_figures,
)
from agile_classifier.evaluation.reports.quality import render

NAMES = ("civil", "toxic")
DRIFT = Drift(
    drift=False, sentence="No drift", model_name="toy", model_version="1", source="served", n_rows=0, n_reference=0, findings=()
)  # fmt: skip


def judged(*rows: tuple[int, Any, float]) -> Judged:
    """Of (predicted class, class or share of class 1, weight)."""
    shares = [[1 - truth, truth] for _, truth, _ in rows]
    return Judged(np.array([row[0] for row in rows]), np.array(shares, dtype=float), np.array([row[2] for row in rows]))


def by_title(figures: tuple[Figure, ...]) -> dict[str, Figure]:
    return {figure.title: figure for figure in figures}


def test_verdicts_count_by_the_inverse_of_their_chance() -> None:
    rows = [*[(1, 1, 1.0)] * 8, *[(1, 0, 1.0)] * 2, *[(0, 0, 50.0)] * 9, (0, 1, 50.0)]
    found = by_title(
        measure_figures(NAMES, judged=judged(*rows), answered=None, test={"precision": 0.9, "recall": 0.9})
    )
    assert found["precision of 'toxic'"].value == pytest.approx(0.8)
    assert found["recall of 'toxic'"].value == pytest.approx(8 / (8 + 50))
    assert found["recall of 'toxic'"].test == 0.9
    assert found["recall of 'toxic'"].expected is None


def test_people_who_disagree_share_a_prediction() -> None:
    found = by_title(measure_figures(NAMES, judged=judged((1, 0.5, 1.0), (0, 0, 1.0)), answered=None, test={}))
    assert found["precision of 'toxic'"].value == pytest.approx(0.5)


def test_recall_is_unknown_where_only_flagged_texts_were_shown() -> None:
    found = by_title(measure_figures(NAMES, judged=judged(*[(1, 1, 1.0)] * 40), answered=None, test={}))
    recall = found["recall of 'toxic'"]
    assert (recall.value, recall.low, recall.high) == (None, 0.0, 1.0)
    assert found["precision of 'toxic'"].low > 0.9


def test_probabilities_alone_lead_to_expect_precision_and_recall() -> None:
    scores = np.array([0.9, 0.7, 0.4, 0.0])
    answered = Answered(np.array([1, 1, 0, 0]), np.stack([1 - scores, scores], axis=1))
    found = by_title(measure_figures(NAMES, judged=None, answered=answered, test={}))
    assert found["precision of 'toxic'"].expected == pytest.approx(0.8)
    assert found["recall of 'toxic'"].expected == pytest.approx(1.6 / 2.0)
    assert found["precision of 'toxic'"].value is None


def test_of_many_classes_accuracy_is_held_against_the_test_and_each_class_is_told() -> None:
    shares = np.eye(3)[[0, 1, 1, 2]]
    found = measure_figures(
        "abc",
        judged=Judged(np.array([0, 1, 2, 2]), shares, np.ones(4)),
        answered=None,
        test={"accuracy": 0.9, "recall": 0.9},
    )
    assert (found[0].title, found[0].value, found[0].test) == ("accuracy", 0.75, 0.9)
    assert [figure.title for figure in found[1:3]] == ["precision of 'a'", "recall of 'a'"]
    assert {figure.test for figure in found[1:]} == {None}


@pytest.mark.parametrize(
    ("high", "test", "decay", "is_decayed"),
    [(0.7, 0.8, 0.0, True), (0.8, 0.8, 0.0, False), (0.7, 0.8, 0.2, False), (0.7, None, 0.0, False)],
)
def test_decay_is_an_interval_wholly_below_the_test_figure(
    high: float, test: float | None, decay: float, is_decayed: bool
) -> None:
    figure = Figure(metric="recall", class_name="toxic", value=0.6, low=0.5, high=high, test=test)
    assert find_decayed([figure], decay=decay) == ([figure] if is_decayed else [])
    assert find_decayed([figure.model_copy(update={"value": None})], decay=decay) == []


def test_the_latest_period_with_enough_verdicts_is_judged() -> None:
    periods = [
        period(week, n_judged=n, version=version)
        for week, n, version in ((3, 10, "2"), (2, 60, "2"), (1, 90, "2"), (3, 99, "1"))
    ]
    found = find_latest(periods, version="2", min_verdicts=50)
    assert found is periods[1]
    assert find_latest(periods, version="3", min_verdicts=50) is None


def test_weights_that_stand_for_other_numbers_than_were_served_are_noted() -> None:
    rows = judged(*[(1, 1, 1.0)] * 100, *[(0, 0, 10.0)] * 90)
    assert compare_weights(rows, {1: 100, 0: 900}) == ""
    assert compare_weights(rows, {1: 100, 0: 870}) == ""
    assert "stand for 900 predictions of a class of which 9,000 were served" in compare_weights(
        rows, {1: 100, 0: 9_000}
    )
    assert "stand for 100 predictions of a class of which 300 were served" in compare_weights(rows, {1: 300, 0: 900})


def period(week: int, *, n_judged: int = 60, version: str = "1", name: str = "toxic") -> Period:
    begins = datetime(2026, 11, 2, tzinfo=UTC) + timedelta(weeks=week)
    figures = (
        Figure(metric="precision", class_name=name, value=0.7, low=0.6, high=0.8, expected=0.75, test=0.9),
        Figure(metric="recall", class_name=name, test=0.8),
    )
    return Period(
        begins=begins, ends=begins + timedelta(weeks=1), version=version, n_served=1000, n_judged=n_judged, n_unweighted=3, figures=figures
    )  # fmt: skip


def page(*periods: Period, decay: bool = False) -> str:
    quality = Quality(
        model_name="toy", model_version="1", decay=decay, sentence="Decay: <b>", calibration="probabilities as they are", periods=periods
    )  # fmt: skip
    return render(quality, DRIFT)


def test_the_page_says_the_verdict_first_escapes_names_and_fetches_nothing() -> None:
    shown = page(period(2, name="<script>alert(1)</script>"), period(1), decay=True)
    assert shown.index("Decay: &lt;b&gt;") < shown.index("<table>")
    assert 'class="verdict bad"' in shown
    assert "<script" not in shown
    assert "default-src 'none'" in shown
    assert "0.600 to 0.800" in shown
    assert "60 judged, 3 left out" in shown
    assert shown == page(period(2, name="<script>alert(1)</script>"), period(1), decay=True)


def test_a_page_without_any_verdict_or_prediction_is_whole() -> None:
    assert 'class="verdict unclear"' in page()
    assert "No drift" in page()
