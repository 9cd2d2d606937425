"""Section, what every section of the config is, and the types of fields that several sections share."""

from __future__ import annotations

from datetime import date
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from agile_classifier.config.bounds import MOST_NAMES, Cell, Score

UNQUOTED = (
    (bool, "the boolean", '["no", "yes"]'),
    ((int, float), "the number", '["0", "1"]'),
    (date, "the date", '["2026-11-23"]'),
    (type(None), "nothing:", '["null"]'),
)
"""What YAML makes of words without quotes (yes, no, on and off are booleans), and how they are written as text."""


def _require_quoted(value: Any) -> Any:
    """Which word `False` was, `no` or `off`, cannot be told any more, so nothing is made of it."""
    for kind, named, example in UNQUOTED:
        if isinstance(value, kind):
            raise ValueError(f"YAML reads this as {named} {value}; to be text it needs quotes, as in {example}")
    return value


ClassNames = Annotated[
    tuple[Annotated[Cell, BeforeValidator(_require_quoted)], ...],
    Field(max_length=MOST_NAMES),
    BeforeValidator(lambda value: (value,) if isinstance(value, (str, int, float, date)) else value),
]
"""Names of classes 0, 1, …, as text."""


def _require_mark(value: Any) -> Any:
    """A number, or text; a boolean, date or nothing is what YAML made of a word without quotes."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else _require_quoted(value)


Marks = Annotated[
    tuple[Annotated[Score | Cell, BeforeValidator(_require_mark)], ...],
    Field(max_length=MOST_NAMES),
    BeforeValidator(lambda value: value if isinstance(value, (list, tuple)) else (value,)),
]
"""Cells that are no answer, such as -1, 99 or "skipped"."""


class Section(BaseModel):
    """A section of the config: unknown fields are errors, numbers are finite, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_boolean_for_number(cls, value: Any, info: ValidationInfo) -> Any:
        """`epochs: yes` is no 1."""
        if isinstance(value, bool) and _is_number(cls, str(info.field_name)):
            raise ValueError(f"YAML reads this as the boolean {value}; a number is needed")
        return value


@cache
def _is_number(section: type[Section], field: str) -> bool:
    """Whether a field takes numbers and no booleans."""
    kinds = _kinds(section.model_fields[field].annotation)
    return bool(kinds & {int, float}) and bool not in kinds


def _kinds(annotation: Any) -> set[Any]:
    """The types that a value may have itself, without those inside a list or mapping."""
    if isinstance(annotation, type):
        return {annotation}
    return {kind for each in get_args(annotation) for kind in _kinds(each)} if _is_choice(annotation) else set()


def _is_choice(annotation: Any) -> bool:
    """Whether an annotation is a union, or a type with something noted on it."""
    return get_origin(annotation) in (Annotated, Union, UnionType)
