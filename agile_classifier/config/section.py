"""Section, what every section of the config is, and the types of fields that several sections share."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Share = Annotated[float, Field(gt=0, lt=1)]
Names = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]
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
    tuple[Annotated[str, BeforeValidator(_require_quoted)], ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, (str, int, float, date)) else value),
]
"""Names of classes 0, 1, …, as text."""


def _require_mark(value: Any) -> Any:
    """A number, or text; a boolean, date or nothing is what YAML made of a word without quotes."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else _require_quoted(value)


Marks = Annotated[
    tuple[Annotated[float | str, BeforeValidator(_require_mark)], ...],
    BeforeValidator(lambda value: value if isinstance(value, (list, tuple)) else (value,)),
]
"""Cells that are no answer, such as -1, 99 or "skipped"."""


class Section(BaseModel):
    """A section of the config: unknown fields are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
