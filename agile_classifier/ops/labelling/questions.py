"""Questions to annotators: the controls of a labelling interface whose answers are what a label rule reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agile_classifier.config.addresses.columns import Columns
from agile_classifier.config.data import LabelsConfig, ValidationConfig
from agile_classifier.config.labels.many import MANY
from agile_classifier.data.label_studio.interface import NONE, Control
from agile_classifier.errors import InputError

YES_NO = {"yes": "yes", "no": "no"}
SCORE_COLUMN = "score"
"""Column of an annotator's answer where the examples had a column for each rater."""


def ask_for_labels(config: Mapping[str, Any], *, class_names: Sequence[str]) -> tuple[Control, ...]:
    """The controls for a version whose config and classes these are.

    Classes are choices. A score from 0 to 1 is the choice between the two classes, 1 or 0, of which several annotators
    make a share; any other scale is a number. Columns that each say yes or no are a choice each. Of several labels in
    one column any number may be chosen, or none.

    Parameters
    ----------
    config : mapping
        Sections `data`, `labels` and `validation` as a version records them.
    class_names : sequence of str
        Names of classes 0, 1, …
    """
    data, labels = config.get("data", {}), LabelsConfig.model_validate(config.get("labels", {}))
    text = Columns.model_validate(data.get("columns", {})).text
    if labels.rule == "given":
        choices = _coded(labels, class_names)
        return (Control(labels.columns[0], "Choices", text, choices=choices),)
    if labels.rule == MANY and len(labels.columns) == 1:
        choices = {**_coded(labels, class_names), NONE: NONE}
        return (Control(labels.columns[0], "Choices", text, choices=choices, several=True),)
    if labels.rule == MANY:
        return tuple(Control(column, "Choices", text, choices=YES_NO) for column in labels.columns)
    if labels.rule == "any":
        names = {"no": class_names[0], "yes": class_names[1]} if len(labels.columns) == 1 else YES_NO
        return tuple(Control(column, "Choices", text, choices=names) for column in labels.columns)
    return (_ask_for_score(data, config.get("validation", {}), text=text, class_names=class_names),)


def find_controls(controls: Sequence[Control], wanted: Sequence[Control], *, project: str) -> tuple[Control, ...]:
    """The controls of an existing project whose answers a label rule would read, with that project's text.

    Raises
    ------
    InputError
        A control is missing, or lacks a class; the line names what there is.
    """
    there = {control.name: control for control in controls}
    for control in wanted:
        if control.name not in there:
            named = ", ".join(f"{name!r} ({found.kind})" for name, found in there.items()) or "none"
            raise InputError(
                f"{project}: its labelling interface has no control {control.name!r}, which the labels are read from;"
                f" there are: {named}; give it one, or name a new project"
            )
        found = there[control.name]
        lacking = [stored for stored in control.choices if found.choices and found.find(stored) is None]
        if lacking:
            raise InputError(
                f"{project}: control {control.name!r} lacks the choice {lacking[0]!r}; it has:"
                f" {', '.join(map(repr, found.choices))}"
            )
    return tuple(there[control.name] for control in wanted)


def _coded(labels: LabelsConfig, class_names: Sequence[str]) -> dict[str, str]:
    """What the column holds for each class → its name; of several codes of one name the first."""
    if labels.codes is None or labels.names is None:
        return {name: name for name in class_names}
    first = dict[str, str]()
    for code, name in zip(labels.codes, labels.names, strict=True):
        first.setdefault(name, code)
    return {code: name for name, code in first.items()}


def _ask_for_score(
    data: Mapping[str, Any], validation: Mapping[str, Any], *, text: str, class_names: Sequence[str]
) -> Control:
    column = str(data.get("columns", {}).get("score") or SCORE_COLUMN)
    bounds = ValidationConfig.model_validate(validation)
    low, high = data.get("reverse_coded") or (bounds.score_min, bounds.score_max)
    if (low, high) != (0, 1):
        return Control(column, "Number", text, ends=(float(low), float(high)))
    of_classes = ("1", "0") if data.get("reverse_coded") else ("0", "1")
    return Control(column, "Choices", text, choices=dict(zip(of_classes, class_names, strict=True)))
