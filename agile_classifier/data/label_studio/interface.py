"""Labelling interface of a Label Studio project: what annotators see and fill in, written and read as its XML.

A control is a question about a text: choices, or a number. A choice is shown by its name and stored by its code, so
that what comes back is what the source's own column holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from agile_classifier.errors import InputError, one_line

TEXT = "text"
"""Name of the shown text in an interface that is written here."""
KINDS = ("Choices", "Number", "Rating", "TextArea", "Taxonomy")
"""Controls that judge a whole text."""
NONE = "none"
"""Choice of a control that takes several, by which an annotator says that no label holds: a text without any answer is
not labelled."""
_DOCUMENT_TYPE = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


@dataclass(frozen=True)
class Control:
    """A question of a labelling interface."""

    name: str
    """Its name, which is the column of its answers."""
    kind: str
    """`Choices`, or another of `KINDS`."""
    column: str
    """Key of a task's data that holds the text."""
    to_name: str = TEXT
    """Name of what is shown."""
    choices: Mapping[str, str] = field(default_factory=dict)
    """What is stored for each choice → the name that is shown."""
    ends: tuple[float, float] | None = None
    """Smallest and largest number allowed, of a `Number` that is written."""
    several: bool = False
    """Whether more than one choice may be taken."""

    def find(self, label: str) -> str | None:
        """What is stored for a class, by its code or its name; None where it is no choice."""
        if label in self.choices:
            return label
        return next((stored for stored, name in self.choices.items() if name == label), None)


def write_interface(controls: Sequence[Control]) -> str:
    """XML of an interface that shows a text, why it was chosen, and the controls."""
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Header", value="$reason", size="5")
    ElementTree.SubElement(view, "Text", name=controls[0].to_name, value=f"${controls[0].column}")
    for control in controls:
        if len(controls) > 1 or control.kind == "Number":
            ElementTree.SubElement(view, "Header", value=_title(control), size="4")
        _add(view, control)
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode")


def read_interface(xml: str) -> tuple[Control, ...]:
    """The controls of an interface that judge a text as a whole.

    Raises
    ------
    InputError
        It is no XML, or declares entities, which no interface needs.
    """
    if _DOCUMENT_TYPE.search(xml):
        raise InputError("the labelling interface declares a document type or entities, which is refused")
    try:
        root = ElementTree.fromstring(xml)  # noqa: S314  (entities are refused above)
    except ElementTree.ParseError as error:
        raise InputError(f"the labelling interface is no XML: {one_line(error)}") from None
    shown = {tag.get("name"): (tag.get("value") or "").removeprefix("$") for tag in root.iter() if tag.get("value")}
    return tuple(
        Control(
            tag.attrib["name"], tag.tag, shown[tag.get("toName")], str(tag.get("toName")), _choices(tag),
            several=tag.get("choice") == "multiple",
        )
        for tag in root.iter()
        if tag.tag in KINDS and tag.get("name") and shown.get(tag.get("toName"))
    )  # fmt: skip


def prelabel(controls: Sequence[Control], label: str) -> list[dict[str, Any]]:
    """A class as the result of a prediction.

    Empty where no control, or more than one, has the class among its choices.
    """
    fitting = [(control, stored) for control in controls if (stored := control.find(label)) is not None]
    return [
        {
            "from_name": control.name, "to_name": control.to_name, "type": "choices", "value": {"choices": [stored]},
        }
        for control, stored in fitting
        if len(fitting) == 1
    ]  # fmt: skip


def prelabel_several(
    controls: Sequence[Control], labels: Sequence[str], *, names: Sequence[str]
) -> list[dict[str, Any]]:
    """Several labels as the result of a prediction.

    Those among the choices of a control that takes several, or its `NONE`; yes or no of a control that is named as one
    of the version's labels, which `names` lists.
    """
    found = [(control, _choices_for(control, labels, names)) for control in controls]
    return [
        {"from_name": control.name, "to_name": control.to_name, "type": "choices", "value": {"choices": choices}}
        for control, choices in found
        if choices
    ]


def _choices_for(control: Control, labels: Sequence[str], names: Sequence[str]) -> list[str]:
    if control.several:
        chosen = [stored for label in labels if (stored := control.find(label)) is not None]
        return chosen or [stored for stored in (control.find(NONE),) if stored is not None and not labels]
    if control.name not in names:
        return []
    answer = control.find("yes" if control.name in labels else "no")
    return [] if answer is None else [answer]


def _add(view: ElementTree.Element, control: Control) -> None:
    if control.kind == "Number":
        low, high = control.ends or (0.0, 1.0)
        ElementTree.SubElement(
            view, "Number", name=control.name, toName=control.to_name, min=f"{low:g}", max=f"{high:g}", step="any",
            required="true",
        )  # fmt: skip
        return
    choices = ElementTree.SubElement(
        view, "Choices", name=control.name, toName=control.to_name,
        choice="multiple" if control.several else "single", showInLine="true", required="true",
    )  # fmt: skip
    for stored, name in control.choices.items():
        ElementTree.SubElement(
            choices, "Choice", {"value": name} if name == stored else {"value": name, "alias": stored}
        )


def _title(control: Control) -> str:
    if control.kind != "Number" or control.ends is None:
        return control.name
    return f"{control.name} ({control.ends[0]:g} to {control.ends[1]:g})"


def _choices(tag: ElementTree.Element) -> dict[str, str]:
    """What is stored for each choice of a control; a choice without an alias is stored by its name."""
    named = [choice for choice in tag.iter("Choice") if choice.get("value")]
    return {str(choice.get("alias") or choice.get("value")): str(choice.get("value")) for choice in named}
