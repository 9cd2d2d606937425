"""Fields: which values a launch may be given, and the ten fields that a page asks for first, in words of the task."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from agile_classifier.config.files import read_parameters, write_value
from agile_classifier.config.form import FormField
from agile_classifier.data.text import kind_of
from agile_classifier.errors import InputError
from agile_classifier.ops import project

LONGEST_VALUE = 4_000
"""Characters of a field's value that a launch may be given."""
LONGEST_NAME = 100
"""Characters of the name of a config or field."""
MOST_VALUES = 300
"""Fields that a launch may be given; a config has about 120."""
BASE = "base"
"""Name of the field that stands for the whole section `model`: a base model that comes with the project."""
PACKAGED = "package://"
_NOT_PASSED_ON = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
"""Control characters but tab and line end, and halves of characters: no command line takes all of them."""


def _require_scalar(value: Any) -> Any:
    if not isinstance(value, str | int | float | None):
        raise ValueError(f"a number, a text, true, false or null is needed; found {kind_of(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"a finite number is needed; found {value}")
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        raise ValueError(f"the value has {len(value)} characters; at most {LONGEST_VALUE} are allowed")
    if isinstance(value, str) and (refused := _NOT_PASSED_ON.search(value)):
        raise ValueError(f"the value holds the character {refused[0]!a}, which is not allowed")
    return value


Scalar = Annotated[str, Field(max_length=LONGEST_VALUE)] | int | float | bool | None
Value = Annotated[Any, BeforeValidator(_require_scalar, json_schema_input_type=Scalar)]
"""Value of a field, a scalar; a list or mapping is a text, written as the form shows it: `["a.csv", "b.csv"]`."""
FieldName = Annotated[str, Field(max_length=LONGEST_NAME, pattern=r"^[A-Za-z0-9_.]+$")]
Overrides = Annotated[dict[FieldName, Value], Field(max_length=MOST_VALUES)]
"""`section.field` → its value."""


@dataclass(frozen=True)
class TaskField:
    """A field of the config in words of the task."""

    name: str
    """`section.field`."""
    asks: str
    help: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    """Value → what it means; empty where the field is filled in."""


TASK = (
    TaskField("registry.model_name", "Name of the classifier", "Runs of one name make versions of one classifier."),
    TaskField("data.source", "File of the texts"),
    TaskField("data.columns.text", "Column that holds the texts"),
    TaskField("labels.columns", "Column of the classes", "Where what is learnt stands in words."),
    TaskField("data.columns.score", "Column of the score", "Where what is learnt is a number."),
    TaskField("data.limit", "How many rows to read", "From the top; empty for all. Few make a quick first try."),
    TaskField("model.source", "Base model", "Where the training starts from."),
    TaskField("fine_tune.epochs", "How often to go through the texts", "More takes longer, and helps up to a point."),
    TaskField(
        "evaluation.decision_threshold", "When a text counts as found", "",
        {
            "best_f1": "as often wrong by too much as by too little",
            "0.2": "already where there is some doubt (probability 0.2)",
            "0.5": "where it is likelier than not (probability 0.5)",
            "0.8": "only where it is rather sure (probability 0.8)",
        },
    ),
    TaskField(
        "promotion.approval", "Who decides whether it goes into service", "",
        {"automatic": "the numbers: it must be better than the one in service", "person": "a person, if it is better"},
    ),
)  # fmt: skip
"""The fields that a page shows open; every other one is folded away."""
OF_FILE = (
    "registry.model_name",
    "data.limit",
    "fine_tune.epochs",
    "evaluation.decision_threshold",
    "promotion.approval",
)
"""Fields that are asked of a file that was brought; its columns and base model are chosen by name."""


@dataclass(frozen=True)
class Asked:
    """A field of the task as a form shows it, with its value."""

    task: TaskField
    field: FormField

    @property
    def choices(self) -> dict[str, str]:
        """Value → what it means; the present value is among them."""
        there = dict(self.task.choices)
        return {**({} if self.field.value in there else {self.field.value: self.field.value}), **there} if there else {}


def ask_first(sections: Mapping[str, list[FormField]], names: tuple[str, ...] = ()) -> list[Asked]:
    """The fields of the task among those of a config; only some of them where these are named."""
    there = {each.name: each for fields in sections.values() for each in fields}
    return [Asked(task, there[task.name]) for task in TASK if not names or task.name in names]


def fold_away(sections: Mapping[str, list[FormField]], shown: list[Asked]) -> dict[str, list[FormField]]:
    """Section → the fields that are not among those shown first."""
    names = {asked.field.name for asked in shown}
    left = {section: [each for each in fields if each.name not in names] for section, fields in sections.items()}
    return {section: fields for section, fields in left.items() if fields}


def base_models() -> dict[str, str]:
    """Config → what its base model is called, for each of those that come as a package."""
    named: dict[str, str] = {}
    for path in sorted(project.configs().glob("*.yaml"), key=lambda path: (path.stem != "quickstart", path.stem)):
        model = read_parameters(path).get("model", {})
        source = str(model.get("source", ""))
        is_plain = not model.get("members") and not model.get("start_from")  # those belong to that config's own task
        if is_plain and source.startswith(PACKAGED) and model.get("head", "classification") == "classification":
            title = source.removeprefix(PACKAGED).partition("==")[0].partition("-pypi")[0]
            if title not in named.values():
                named[path.stem] = title
    return named


def write_base(config: str) -> Iterator[tuple[str, str]]:
    """`model.field` → its text, for the base model of one of the project's configs.

    Raises
    ------
    InputError
        It is none of `base_models`.
    """
    if config not in base_models():
        raise InputError(f"base model {config[:40]!r}: there are {', '.join(base_models())}")
    for name, value in read_parameters(project.configs() / f"{config}.yaml")["model"].items():
        yield f"model.{name}", write_value(value)
