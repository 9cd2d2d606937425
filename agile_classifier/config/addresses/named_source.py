"""Config of a named source: one of several, with its address, its reading and its columns."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from agile_classifier.config import bounds
from agile_classifier.config.addresses.columns import Columns
from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.config.addresses.source import Source


class NamedSource(Dialect, Source):
    """One of several sources, with its own reading; what it leaves out is read as `data` says."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=bounds.LONGEST_MODEL_NAME)]
    """Name of the source: letters, digits, - _ . within; an example is known by it and its own id."""
    columns: Columns = Columns()
    """Which of its columns play which role."""
    rename: Annotated[dict[bounds.Cell, bounds.Cell], Field(max_length=bounds.MOST_NAMES)] = {}  # noqa: RUF012
    """Columns of the source → their names in this config, for classes, slices or parts that are called otherwise."""

    @model_validator(mode="after")
    def _has_an_address(self) -> NamedSource:
        if self.source is None:
            raise ValueError(f"source {self.name}: its address is missing: name it in its field source")
        return self
