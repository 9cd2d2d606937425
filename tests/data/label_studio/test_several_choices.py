"""Several labels in Label Studio: choices of which more than one may be taken, with `none` among them; and pre-labels."""

from __future__ import annotations

import pandas as pd
import pytest

from agile_classifier.config.data import LabelsConfig
from agile_classifier.data.label_studio.interface import NONE, prelabel_several, read_interface, write_interface
from agile_classifier.data.labels.many import read_many
from agile_classifier.ops.labelling.questions import ask_for_labels

NAMES = ("race", "gender")
LISTS = {"data": {"columns": {"text": "comment"}}, "labels": {"rule": "many", "columns": ["kinds"]}}
COLUMNS = {"data": {"columns": {"text": "comment"}}, "labels": {"rule": "many", "columns": list(NAMES)}}


def test_one_column_of_lists_is_a_control_that_takes_several_choices() -> None:
    (control,) = ask_for_labels(LISTS, class_names=NAMES)
    xml = write_interface([control])
    assert 'choice="multiple"' in xml
    (back,) = read_interface(xml)
    assert back.several
    assert list(back.choices) == [*NAMES, NONE]


def test_a_column_a_label_is_a_yes_or_no_each() -> None:
    controls = ask_for_labels(COLUMNS, class_names=NAMES)
    assert [(control.name, control.several, list(control.choices)) for control in controls] == [
        ("race", False, ["yes", "no"]),
        ("gender", False, ["yes", "no"]),
    ]


@pytest.mark.parametrize(
    ("labels", "chosen"), [(["gender"], ["gender"]), (["race", "gender"], list(NAMES)), ([], [NONE])]
)
def test_a_prediction_takes_the_choices_that_were_found_or_none(labels: list[str], chosen: list[str]) -> None:
    controls = ask_for_labels(LISTS, class_names=NAMES)
    (result,) = prelabel_several(controls, labels, names=NAMES)
    assert result["value"] == {"choices": chosen}


def test_a_prediction_answers_each_question_and_no_question_that_is_not_of_a_label() -> None:
    controls = ask_for_labels(COLUMNS, class_names=NAMES)
    found = prelabel_several(controls, ["gender"], names=NAMES)
    assert [(each["from_name"], each["value"]["choices"]) for each in found] == [("race", ["no"]), ("gender", ["yes"])]
    assert prelabel_several(controls, ["Gender"], names=("Race", "Gender")) == []


def test_what_comes_back_is_read_by_the_rule_that_asked() -> None:
    answers = pd.DataFrame({"kinds": [["race", "gender"], "race", NONE]})
    rule = LabelsConfig(rule="many", columns="kinds", names=NAMES)
    assert read_many(answers, rule)[0].to_numpy().tolist() == [[1, 1], [1, 0], [0, 0]]
