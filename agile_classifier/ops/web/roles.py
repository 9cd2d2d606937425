"""Roles: what a person says of a file's columns and of how it is read, as a page asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import ValidationError

from agile_classifier.errors import InputError, explain_validation
from agile_classifier.ops.web.guesses import GIVEN, Chosen, Drafted, Reading, SeenColumn

AS_GUESSED, NOTHING = "", "-"
"""Values of a choice: what was guessed, and no column."""
ROLES = ("text", "learnt", "class_1", "group")
DIALECT = {
    "encoding": ("Character encoding", "Such as utf-8, cp1252 or utf-16; where letters look wrong."),
    "delimiter": ("Sign between the columns", "Such as , or ; or a tab, written \\t."),
    "decimal": ("Decimal mark", "A point or a comma."),
    "sheet": ("Sheet of a workbook", "Its name, where several hold rows."),
    "column_names": ("Names of the columns", "With commas between, for a file without a line of names."),
}
"""Field of the choices → what is asked, and help."""
TAB = "\\t"


@dataclass(frozen=True)
class Role:
    """A question about the columns, with its possible answers."""

    name: str
    asks: str
    choices: dict[str, str]
    """Value → what it means."""
    value: str
    help: str = ""


@dataclass(frozen=True)
class Line:
    """A question about how the file is read, answered in words."""

    name: str
    asks: str
    help: str
    value: str = field(default="")


def ask_roles(reading: Reading, chosen: Chosen) -> list[Role]:
    """What is asked of the columns; the values are those that hold now."""
    drafted = reading.drafted
    texts = {str(at): column.name for at, column in enumerate(reading.columns) if column.may_be_text}
    columns = {str(at): column.name for at, column in enumerate(reading.columns)}
    at = {column.name: str(number) for number, column in enumerate(reading.columns)}
    group = NOTHING if chosen.nothing_together else at.get(drafted.group or "", NOTHING) if drafted else AS_GUESSED
    asked = [
        Role("text", "Column that holds the texts", _open(texts), at.get(drafted.text, "") if drafted else ""),
        Role("learnt", "Column that says what is to be learnt", _learnables(reading), _learnt(drafted, at)),
        Role(
            "group", "What must stay together", {NOTHING: "nothing", **columns}, group,
            "Texts of one value, as of one author, are never both trained on and tested on.",
        ),
    ]  # fmt: skip
    classes = _classes(drafted)
    if len(classes) > 1:
        now = chosen.choices.class_1 or ("high" if drafted and drafted.is_score else list(classes)[-1])
        asked.insert(2, Role("class_1", "What you look for", classes, now if now in classes else list(classes)[-1]))
    return asked


def ask_dialect(chosen: Chosen) -> list[Line]:
    """What is asked of how the file is read, with what was said of it."""
    said = asdict(chosen.choices)
    return [Line(name, asks, hint, _written(said[name])) for name, (asks, hint) in DIALECT.items()]


def read_chosen(filled_in: Mapping[str, str], reading: Reading, before: Chosen) -> Chosen:
    """What was said of a file, from a form that showed it; what was left as it was guessed stays a guess.

    Raises
    ------
    InputError
        A column that is not there, or a reading that cannot be.
    """
    shown = {role.name: role.value for role in ask_roles(reading, before)}
    said = {name: filled_in[name] for name in shown if filled_in.get(name, shown[name]) != shown[name]}
    choices: dict[str, Any] = {**asdict(before.choices), **_dialect(filled_in)}
    nothing_together = before.nothing_together
    if "text" in said:
        choices["text"] = _column(said["text"], reading)
    if "learnt" in said:
        kind, _, at = said["learnt"].partition(" ")
        learnt = _column(at, reading)
        choices |= {"score": None, "labels": (), "many": False, "raters": (), "class_1": None}
        choices |= {"score": learnt} if kind == "score" else {"labels": () if learnt is None else (learnt,)}
    elif "class_1" in said:
        choices["class_1"] = said["class_1"]
    if "group" in said:
        nothing_together = said["group"] == NOTHING
        choices["group"] = None if nothing_together else _column(said["group"], reading)
    try:
        return Chosen.model_validate({"choices": choices, "nothing_together": nothing_together})
    except ValidationError as error:
        raise InputError(explain_validation(error)) from None


def _dialect(filled_in: Mapping[str, str]) -> dict[str, Any]:
    said: dict[str, Any] = {name: filled_in[name].strip() or None for name in DIALECT if name in filled_in}
    if said.get("delimiter") == TAB:
        said["delimiter"] = "\t"
    if said.get("column_names"):
        said["column_names"] = tuple(name.strip() for name in said["column_names"].split(","))
    return said


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return TAB if value == "\t" else value or ""


def _column(at: str, reading: Reading) -> str | None:
    """Name of the column at a place; None for what is guessed."""
    if at == AS_GUESSED:
        return None
    if not (at.isascii() and at.isdigit() and int(at) < len(reading.columns)):
        raise InputError(f"column {at[:20]!r}: there are {len(reading.columns)} columns, counted from 0")
    return reading.columns[int(at)].name


def _open(choices: dict[str, str]) -> dict[str, str]:
    return {AS_GUESSED: "as guessed", **choices}


def _learnables(reading: Reading) -> dict[str, str]:
    drafted = reading.drafted
    several = drafted is not None and len(drafted.learnt) > 1
    guessed = {AS_GUESSED: ", ".join(drafted.learnt) if drafted and several else "as guessed"}
    kinds = [kind for at, column in enumerate(reading.columns) for kind in _kinds(at, column)]
    return {**guessed, **dict(kinds)}


def _kinds(at: int, column: SeenColumn) -> list[tuple[str, str]]:
    """What may be learnt from a column."""
    as_classes = [(f"classes {at}", f"{column.name}: its classes")] if column.may_be_classes else []
    as_score = [(f"score {at}", f"{column.name}: a score, from low to high")] if column.may_be_score else []
    return [*as_classes, *as_score]


def _learnt(drafted: Drafted | None, at: Mapping[str, str]) -> str:
    if drafted is None or len(drafted.learnt) != 1 or drafted.learnt[0] not in at:
        return AS_GUESSED
    return f"{'score' if drafted.is_score else 'classes'} {at[drafted.learnt[0]]}"


def _classes(drafted: Drafted | None) -> dict[str, str]:
    """What may be looked for: an end of a scale, or one of two classes."""
    if drafted is None or len(drafted.learnt) != 1:
        return {}
    if drafted.is_score:
        return {"high": "high scores", "low": "low scores"}
    is_turned = drafted.rule == GIVEN and len(drafted.class_names) == 2
    return {name: name for name in drafted.class_names} if is_turned else {}
