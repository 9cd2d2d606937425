"""Figures of the groups, from scores made so that one group is hurt; the report and the card that show them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.evaluation.bias.figures import GroupReport, find_positive, measure_groups
from agile_classifier.evaluation.reports.evaluation import render_report
from agile_classifier.evaluation.reports.groups import describe_groups, draw_groups
from agile_classifier.metrics.comparison import Answers
from tests.evaluation.reports.test_evaluation import make_report

HOSTILE = "<b>women</b> | {{ 7*7 }}"


def measure(n: int = 400, *, n_classes: int = 2, positive: int = 1, seed: int = 0) -> GroupReport:
    """Half of the texts name `HOSTILE`, whose negative ones are scored as if positive; five name `few`."""
    rng = np.random.default_rng(seed)
    y_true, member = rng.integers(0, n_classes, n), np.arange(n) < n // 2
    y_score = 0.5 * np.eye(n_classes)[y_true] + 0.5 * rng.dirichlet(np.ones(n_classes), n)
    y_score[member & (y_true != positive)] = rng.dirichlet(
        np.ones(n_classes), int((member & (y_true != positive)).sum())
    )
    few = (np.arange(n) < 5).astype(float)
    return measure_groups(
        {HOSTILE: member.astype(float), "few": few},
        y_true=y_true,
        answers=Answers(y_score / y_score.sum(axis=1, keepdims=True), 0.5 if n_classes == 2 else None),
        positive=positive,
        class_names=tuple(f"class {number}" for number in range(n_classes)),
        n_resamples=200,
        seed=0,
    )


@cache
def measured() -> GroupReport:
    return measure()


def test_the_hurt_group_is_the_worst_and_a_small_one_is_told_apart() -> None:
    report = measure()
    assert [group.name for group in report.groups] == [HOSTILE, "few"]
    assert [group.is_small for group in report.groups] == [False, True]
    assert report.worst("bpsn_auc").areas["bpsn_auc"].drop.low > 0
    (_, bpsn, bnsp) = describe_groups(report).sentences
    assert bpsn.startswith(f"Lowest BPSN AUC: texts that name “{HOSTILE}”, 0.")
    assert bpsn.endswith("their harmless texts are scored too high.")
    assert bnsp.startswith("Lowest BNSP AUC: ")
    assert "within noise of the" in bnsp
    assert report.rates.n == 400
    assert report.unnamed.n == 200
    assert report.unnamed.false_positive.value < report.groups[0].rates.false_positive.value


def test_flat_names_hold_no_sign_that_mlflow_refuses_and_sort_behind_the_headline() -> None:
    from mlflow.utils.validation import _validate_metric_name

    flat = measure().flat()
    for name in flat:
        _validate_metric_name(name)
        assert name > "best/"
    assert flat["group/_b_women__b_ _ __ 7_7 __/n"] == 200
    assert flat["group_worst/bpsn_auc"] == flat["group_mean/bpsn_auc"]  # of the one group of enough texts
    assert {name.rpartition("/")[2] for name in flat} >= {"bpsn_auc", "false_positive_rate", "false_negative_rate"}


@given(st.text(max_size=300))
def test_any_group_has_a_name_that_mlflow_takes(name: str) -> None:
    from mlflow.utils.validation import _validate_metric_name

    figures = measured().groups[0].model_copy(update={"name": name})
    for metric in measured().model_copy(update={"groups": (figures,)}).flat():
        _validate_metric_name(metric)


def test_one_class_of_several_is_held_against_the_rest() -> None:
    report = measure(600, n_classes=3, positive=2)
    assert (report.positive, report.positive_name) == (2, "class 2")
    assert report.worst("bpsn_auc").areas["bpsn_auc"].drop.low > 0
    assert find_positive("c", ("a", "b", "c")) == 2
    assert find_positive(None, ("a", "b")) == 1


def test_the_report_shows_the_groups_escaped_and_leaves_the_section_out_without_them() -> None:
    page = render_report(replace(make_report(), groups=measure()))
    assert '<h2 id="groups">Who is hurt</h2>' in page
    assert "&lt;b&gt;women&lt;/b&gt; | {{ 7*7 }}" in page
    assert "<b>women</b>" not in page
    assert "1 group has fewer than 20 positive or negative texts in every area" in page
    assert "generalised mean" in page
    assert 'href="#groups"' not in render_report(make_report())


def test_groups_of_few_texts_alone_are_said_to_say_little() -> None:
    page = render_report(replace(make_report(), groups=measure(30)))
    assert "these figures say little" in page
    assert "generalised mean" not in page


def test_the_picture_shows_every_group_of_enough_texts() -> None:
    report = measure()
    labels = [label.get_text() for label in draw_groups(report).axes[0].get_yticklabels()]
    assert len(labels) == 1
    assert labels[0].endswith("(200)")


def test_a_report_comes_back_from_json_as_it_was() -> None:
    report = measure()
    assert GroupReport.model_validate_json(report.model_dump_json()) == report


@pytest.mark.parametrize("n_classes", [2, 3])
def test_equal_input_gives_equal_figures(n_classes: int) -> None:
    assert measure(n_classes=n_classes) == measure(n_classes=n_classes)
