"""A suite of expectations as data: what its YAML may hold, before Great Expectations is asked whether it knows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agile_classifier.config.bounds import MOST_NAMES, Title
from agile_classifier.errors import InputError, explain_validation
from agile_classifier.files import read_yaml


class Entry(BaseModel):
    """One expectation of a suite."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Title
    kwargs: Annotated[dict[Title, Any], Field(max_length=MOST_NAMES)] = {}
    severity: Literal["critical", "warning"]
    reason: Annotated[Title, Field(pattern=r"^\S[^\n]*$")]
    needs: Literal["score", "label"] | None = None

    @property
    def column(self) -> str | None:
        """Column or columns that the expectation is about; empty for the table as a whole."""
        names = [self.kwargs[key] for key in ("column", "column_A", "column_B") if key in self.kwargs]
        return ", ".join(names) or None

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the suite's parameters among the arguments of the expectation."""
        return tuple(value["$PARAMETER"] for value in self.kwargs.values() if isinstance(value, dict))


@dataclass(frozen=True)
class Suite:
    """Expectations in the order of the file, each known to Great Expectations."""

    name: str
    entries: tuple[Entry, ...]

    @property
    def parameters(self) -> frozenset[str]:
        """Names of the parameters that a run must give values for."""
        return frozenset(name for entry in self.entries for name in entry.parameters)

    def without(self, need: Literal["score", "label"]) -> Suite:
        """The suite without the expectations that need a score, or a provisional label."""
        return Suite(name=self.name, entries=tuple(entry for entry in self.entries if entry.needs != need))


def read_entries(path: Path) -> tuple[Entry, ...]:
    """Read the entries of a suite's YAML, at least one.

    Raises
    ------
    InputError
        Names the file, the entry (from 1), the field, what was found and what is allowed.
    """
    return tuple(
        _parse_entry(raw, where=f"{path}: expectation {number}") for number, raw in enumerate(_read_list(path), start=1)
    )


def _read_list(path: Path) -> list[Any]:
    document = read_yaml(path, what="suite file")
    listed = document.get("expectations") if isinstance(document, dict) and len(document) == 1 else None
    if not isinstance(listed, list):
        raise InputError(f"{path}: found no list under `expectations:`; a suite has that one key")
    if not listed:
        raise InputError(f"{path}: the list under `expectations:` is empty; it would let everything pass")
    return listed


def _parse_entry(raw: Any, *, where: str) -> Entry:
    try:
        entry = Entry.model_validate(raw)
    except ValidationError as error:
        raise InputError(f"{where}: {explain_validation(error, Entry)}") from None
    for name, value in entry.kwargs.items():
        if isinstance(value, dict) and not (set(value) == {"$PARAMETER"} and str(value["$PARAMETER"]).isidentifier()):
            raise InputError(
                f"{where} ({entry.type}): {name}: found {value}; a suite parameter is written {{$PARAMETER: name}}"
            )
    return entry
