"""Questions to annotators: what they can answer is what the version's label rule reads."""

from __future__ import annotations

from typing import Any

import pytest

from agile_classifier.data.label_studio.interface import Control
from agile_classifier.errors import InputError
from agile_classifier.ops.labelling.questions import ask_for_labels, find_controls

CLASSES = ("fine", "rude")


def ask(config: dict[str, Any], classes: tuple[str, ...] = CLASSES) -> list[tuple[Any, ...]]:
    controls = ask_for_labels(config, class_names=classes)
    return [(control.name, control.kind, control.column, dict(control.choices), control.ends) for control in controls]


def test_classes_of_a_column_are_choices() -> None:
    config = {"data": {"columns": {"text": "body"}}, "labels": {"rule": "given", "columns": ["topic"]}}
    assert ask(config, ("art", "war")) == [("topic", "Choices", "body", {"art": "art", "war": "war"}, None)]


def test_codes_are_stored_and_their_names_are_shown() -> None:
    labels = {"rule": "given", "columns": ["topic"], "names": ["World", "Sports", "World"], "codes": ["0", "1", "7"]}
    assert ask({"labels": labels}, ("World", "Sports"))[0][3] == {"0": "World", "1": "Sports"}


def test_a_share_of_raters_is_asked_for_as_one_or_the_other_class() -> None:
    config = {"data": {"columns": {"score": "isHate"}}, "labels": {"rule": "median"}}
    assert ask(config) == [("isHate", "Choices", "text", {"0": "fine", "1": "rude"}, None)]
    turned = {"data": {"columns": {"score": "s"}, "reverse_coded": [0, 1]}, "labels": {"rule": "median"}}
    assert ask(turned)[0][3] == {"1": "fine", "0": "rude"}


def test_any_other_scale_is_asked_for_as_a_number() -> None:
    config = {"data": {"columns": {"score": "mood"}}, "validation": {"score_min": -4, "score_max": 4}, "labels": {}}
    assert ask(config) == [("mood", "Number", "text", {}, (-4.0, 4.0))]
    config = {"data": {"columns": {"score": "mood"}, "reverse_coded": [1, 5]}, "labels": {}}
    assert ask(config)[0][4] == (1.0, 5.0)


def test_each_kind_of_a_rule_of_kinds_is_a_question() -> None:
    labels = {"rule": "any", "columns": ["insult", "threat"]}
    assert [row[0] for row in ask({"labels": labels})] == ["insult", "threat"]
    assert ask({"labels": {"rule": "any", "columns": ["insult"]}})[0][3] == {"no": "fine", "yes": "rude"}


def test_an_existing_project_must_have_the_control_and_its_classes() -> None:
    wanted = (Control("topic", "Choices", "text", choices={"0": "World", "1": "Sports"}),)
    there = Control("topic", "Choices", "body", choices={"0": "World", "1": "Sports", "2": "Other"})
    assert find_controls((there,), wanted, project="project 7 'x'") == (there,)
    with pytest.raises(InputError, match=r"project 7 'x': .* no control 'topic'.*; there are: 'sentiment' \(Choices\)"):
        find_controls((Control("sentiment", "Choices", "text"),), wanted, project="project 7 'x'")
    few = Control("topic", "Choices", "text", choices={"0": "World"})
    with pytest.raises(InputError, match="control 'topic' lacks the choice '1'; it has: '0'"):
        find_controls((few,), wanted, project="project 7 'x'")
