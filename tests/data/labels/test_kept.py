"""A fitted label threshold that goes on: a row's class is what it was, whatever rows come later."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.config.data import LabelsConfig
from agile_classifier.config.split import SplitConfig
from agile_classifier.data.label_and_split import Labelled, label_and_split
from agile_classifier.data.labels.kept import KeptThreshold
from agile_classifier.errors import InputError

MEDIAN = LabelsConfig(rule="median")
STABLE = SplitConfig(method="stable", validation=0.2, test=0.2)
SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=60)


def examples(scores: list[float]) -> pd.DataFrame:
    texts = [f"text number {row}" for row in range(len(scores))]
    return pd.DataFrame({"id": texts, "text": texts, "score": scores})


def labelled(scores: list[float], kept: KeptThreshold | None, **fields: Any) -> Labelled:
    labels = LabelsConfig.model_validate({**MEDIAN.model_dump(), **fields})
    return label_and_split(examples(scores), labels, STABLE, kept=kept)


def classes(found: Labelled) -> dict[str, int]:
    """Text → its class."""
    return {
        text: label for part in found.parts.values() for text, label in zip(part["text"], part["label"], strict=True)
    }


BALANCED = [0.1, 0.9, 0.4, 0.6] * 30


@given(added=SCORES)
def test_rows_that_come_later_change_no_other_rows_class(added: list[float]) -> None:
    first = labelled(BALANCED, None)
    threshold = first.labelling.label_threshold
    kept = KeptThreshold(version="1", label_threshold=threshold, rule="median")
    after = labelled([*BALANCED, *added], kept)
    assert after.labelling.label_threshold == threshold
    assert classes(first).items() <= classes(after).items()
    assert after.labelling.threshold is not None
    assert after.labelling.threshold.is_kept


@given(added=SCORES)
def test_a_refit_counts_the_rows_whose_class_is_another(added: list[float]) -> None:
    first, scores = labelled(BALANCED, None), [*BALANCED, *added]
    kept = KeptThreshold(version="1", label_threshold=first.labelling.label_threshold, rule="median")
    refit, anew = labelled(scores, kept, refit=True), labelled(scores, None)
    assert refit.labelling.label_threshold == anew.labelling.label_threshold
    assert classes(refit) == classes(anew)
    facts, before = refit.labelling.threshold, classes(labelled(scores, kept))
    assert facts is not None
    assert not facts.is_kept
    assert facts.n_changed == sum(before[text] != label for text, label in classes(refit).items())


def test_the_labelling_says_where_its_threshold_is_from() -> None:
    scores, kept = [*BALANCED, *[0.95] * 60], KeptThreshold(version="3", label_threshold=0.5, rule="median")
    assert labelled(BALANCED, None).labelling.origin == "fitted on train"
    assert labelled(BALANCED, None, fit_on="all").labelling.origin == "fitted on all rows"
    assert labelled(BALANCED, None, rule="value", value=0.5).labelling.origin == "set by labels.value"
    assert labelled(scores, kept, fit_on="all").labelling.origin == (
        "kept from version 3; fitted on these rows it would be 0.75 and change the class of 30 of 180 rows"
    )
    assert labelled(scores, kept, fit_on="all", refit=True).labelling.origin == (
        "fitted anew; version 3 had 0.5, and 30 of 180 rows are of another class now"
    )


def test_another_rule_fits_anew_and_says_what_changes() -> None:
    kept = KeptThreshold(version="3", label_threshold=0.5, rule="median")
    found = labelled(BALANCED, kept, rule="quantile", quantile=0.8).labelling
    assert found.label_threshold == 0.9
    assert found.origin.startswith("fitted anew; version 3 had 0.5, and 30 of 120 rows")


def test_nothing_is_kept_where_nothing_was_found() -> None:
    found = labelled(BALANCED, KeptThreshold(examples="ab"))
    assert found.labelling.threshold is None
    assert found.labelling.origin == "fitted on train"


def test_a_kept_threshold_that_leaves_one_class_is_refused_with_the_way_out() -> None:
    kept = KeptThreshold(version="3", label_threshold=0.95, rule="median")
    with pytest.raises(
        InputError, match=r"split: train has \d+ rows, all of class '0'.*or labels.refit true: the label"
    ):
        labelled(BALANCED, kept)


def test_a_refit_belongs_to_rules_that_fit() -> None:
    with pytest.raises(ValueError, match=r"labels\.refit belongs to labels.rule median or quantile; found rule value"):
        LabelsConfig(rule="value", value=1, refit=True)
