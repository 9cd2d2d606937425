"""Unlabelled rows: refused, or left out and counted, under every rule, by validation and labelling alike."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from agile_classifier.config.addresses.columns import Columns
from agile_classifier.config.data import LabelsConfig, ValidationConfig
from agile_classifier.config.split import SplitConfig
from agile_classifier.data.expectations.examples import check_examples
from agile_classifier.data.label_and_split import label_and_split
from agile_classifier.data.score_cells import ScoreReading
from agile_classifier.data.tables import to_examples
from agile_classifier.errors import InputError
from agile_classifier.ops.project import root

N_LABELLED = 60
RULES: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
    ({"rule": "median"}, ("", None, "n/a", "-99", "skipped")),
    ({"rule": "given", "columns": "answer"}, ("", None, " ", [], -99, "skipped")),
    ({"rule": "any", "columns": "answer"}, (-99, "-99", "Skipped")),
]
NOT_RATED = (-99.0, "skipped")


def examples_of(silent: tuple[Any, ...], labels: LabelsConfig) -> pd.DataFrame:
    """Sixty rows of an answer, each distinct, and the silent ones in their midst."""
    answers = [*(["0", "1"] * 15), *silent, *(["0", "1"] * 15)]
    frame = pd.DataFrame({"text": [f"text number {number}" for number in range(len(answers))], "answer": answers})
    columns = Columns(score="answer") if labels.needs_score else Columns()
    reading = ScoreReading(not_rated=labels.not_rated)
    return to_examples(frame, columns, path_name="x", keep=labels.columns, reading=reading)


def check(examples: pd.DataFrame, labels: LabelsConfig) -> None:
    bounds = {**ValidationConfig().model_dump(exclude={"suite"}), "max_words": 100}
    check_examples(examples, labels, suite=root() / "configs" / ValidationConfig().suite, bounds=bounds)


@pytest.mark.parametrize(("fields", "silent"), RULES, ids=str)
def test_rows_without_a_label_are_left_out_and_counted_where_the_config_says_so(
    fields: dict[str, Any], silent: tuple[Any, ...]
) -> None:
    labels = LabelsConfig.model_validate({**fields, "not_rated": NOT_RATED, "unlabelled": "leave_out"})
    examples = examples_of(silent, labels)
    check(examples, labels)
    labelled = label_and_split(examples, labels, SplitConfig())
    ids = {name for part in labelled.parts.values() for name in part["id"]}
    assert ids == {str(row + 1) for row in range(len(examples)) if not 30 <= row < 30 + len(silent)}
    assert (labelled.labelling.n_unlabelled, labelled.labelling.n_unused) == (len(silent), 0)
    assert {name: sum(part.class_rows[name] for part in labelled.labelling.parts.values()) for name in "01"} == {
        "0": 30, "1": 30,
    }  # fmt: skip


@pytest.mark.parametrize(("fields", "silent"), RULES, ids=str)
def test_else_they_are_refused_with_the_first_row_their_number_and_the_field(
    fields: dict[str, Any], silent: tuple[Any, ...]
) -> None:
    labels = LabelsConfig.model_validate({**fields, "not_rated": NOT_RATED})
    examples = examples_of(silent, labels)
    with pytest.raises(InputError) as refused:
        check(examples, labels)
    assert "31" in str(refused.value)
    assert str(len(silent)) in str(refused.value)
    assert "leave_out leaves" in str(refused.value)


def test_classes_of_too_few_rows_are_named_the_rarest_first() -> None:
    labels = LabelsConfig(rule="given", columns=("answer",))
    answers = [*["a"] * 40, *["b"] * 15, *["c"] * 3, *["d"] * 2]
    frame = pd.DataFrame({"text": [f"text number {number}" for number in range(60)], "answer": answers})
    with pytest.raises(InputError) as refused:
        check(to_examples(frame, path_name="x", keep=("answer",)), labels)
    assert str(refused.value).endswith(
        "(min_class_rows 10): found 2; 'd' has 2, 'c' has 3: label more, or give classes one name together in labels.names"
    )
