"""Config of reading: what a person says about a file that is to be scored."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.config.bounds import Cell
from agile_classifier.config.section import Section


class ReadingOptions(Section):
    """What is said about a file; the rest is read as the config of the version that scores it says."""

    column: Cell | None = None
    """Column that holds the texts."""
    dialect: dict[str, Any] = Field(default_factory=dict)
    """Fields of `agile_classifier.config.addresses.dialect.Dialect` by name; an empty string or list stands for the
    field's default, as `column_names: []` for a file with a header line."""

    @field_validator("dialect")
    @classmethod
    def _are_fields_of_a_dialect(cls, fields: dict[str, Any]) -> dict[str, Any]:
        Dialect.model_validate(without_empty(fields))
        return fields

    @property
    def said(self) -> dict[str, Any]:
        """The fields of the dialect that are given a value."""
        return without_empty(self.dialect)


def without_empty(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields but for those that an empty string or list puts back to their default."""
    return {name: value for name, value in fields.items() if value not in ("", [], ())}
