"""Bodies of requests to `/invocations`: MLflow's four JSON forms and CSV, and the texts in them, each one checked.

MLflow's own reading makes texts of numbers (`instances: ["a", 5]` is scored as "a" and "5") and nothing of the text
"NA".
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, model_validator

from agile_classifier.data.text import complaint_about, kind_of
from agile_classifier.ops.serving.connections import RequestLimits
from agile_classifier.ops.serving.refusals import Refusal

COLUMN = "text"
EXAMPLE = "what a lovely day"
FORMS: dict[str, Any] = {
    "dataframe_split": {"columns": [COLUMN], "data": [[EXAMPLE]]},
    "dataframe_records": [{COLUMN: EXAMPLE}],
    "instances": [{COLUMN: EXAMPLE}],
    "inputs": [EXAMPLE],
}
"""MLflow's JSON forms, with an example of each."""


@dataclass(frozen=True)
class TextLimits:
    """Texts that one request may hold."""

    max_rows: int = 256
    """Most texts of a request."""
    max_characters: int = 10_000
    """Most characters of a text."""


@dataclass(frozen=True)
class ServingLimits(TextLimits, RequestLimits):
    """Requests and texts that the server takes on; what is more is refused."""

    max_waiting: int = 2_048
    """Most texts that wait to be scored."""
    batch_rows: int = 64
    """Most texts of several requests that are scored together."""
    seconds_to_answer: float = 60.0
    """Longest wait of a request for its answer."""


class Example(BaseModel):
    """A text in its column; other columns are ignored."""

    text: str


def _require_column(columns: Sequence[Any]) -> None:
    if columns.count(COLUMN) != 1:
        found = ", ".join(f"{name!r:.40}" for name in columns[:10]) or "none"
        raise ValueError(f"the columns are {found}; one named {COLUMN!r} is needed")


def _read_example(row: Any) -> Any:
    if not isinstance(row, dict):
        raise ValueError(f"an object with {COLUMN!r} is needed; found {kind_of(row)}")
    _require_column(list(row))
    return row[COLUMN]


def _read_bare(row: Any) -> Any:
    """Read a text that is bare, alone in a list, or in its column."""
    if isinstance(row, dict):
        return _read_example(row)
    return row[0] if isinstance(row, list) and len(row) == 1 else row


def _read_inputs(inputs: Any) -> Any:
    return _read_example(inputs) if isinstance(inputs, dict) else inputs


Named = Annotated[Any, BeforeValidator(_read_example, json_schema_input_type=Example)]
Bare = Annotated[Any, BeforeValidator(_read_bare, json_schema_input_type=str | Example | tuple[str])]
INPUTS = list[Bare] | dict[str, list[str]]
"""Texts are looked at afterwards, by `require_texts`: too many or too long ones are not worth the look."""


class Split(BaseModel):
    """Columns and rows, as pandas writes them with `orient="split"`."""

    columns: list[Any]
    data: Annotated[list[list[Any]], FailFast()]

    @model_validator(mode="after")
    def _require_whole_rows(self) -> Split:
        _require_column(self.columns)
        for number, row in enumerate(self.data):
            if len(row) != len(self.columns):
                raise ValueError(f"row {number}: {len(row)} values for {len(self.columns)} columns")
        return self


class Invocation(BaseModel):
    """Texts to score, in exactly one of MLflow's forms."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"oneOf": [{"required": [name]} for name in FORMS]},
    )

    dataframe_split: Split | None = None
    dataframe_records: Annotated[list[Named], FailFast()] = []
    instances: Annotated[list[Bare], FailFast()] = []
    inputs: Annotated[list[Bare], FailFast(), BeforeValidator(_read_inputs, json_schema_input_type=INPUTS)] = []
    params: dict[str, Any] | None = None
    """MLflow's place for parameters of a model. `explain: true` asks for the words that carry each answer, `model`
    names the model where several are served; others are ignored, as MLflow's own server ignores what no model takes."""

    @model_validator(mode="before")
    @classmethod
    def _require_one_form(cls, body: Any) -> Any:
        if isinstance(body, bytes):
            return {"dataframe_split": _read_csv(body)}
        forms = [name for name in body if name != "params"] if isinstance(body, dict) else ["inputs"]
        if len(forms) != 1 or forms[0] not in FORMS:
            found = ", ".join(f"{name!r:.40}" for name in forms[:10]) or "none"
            raise ValueError(f"exactly one of {', '.join(FORMS)} is needed; found {found}")
        return body

    @property
    def rows(self) -> list[Any]:
        """Values where the texts should be, unchecked."""
        if self.dataframe_split is not None:
            place = self.dataframe_split.columns.index(COLUMN)
            return [row[place] for row in self.dataframe_split.data]
        return self.dataframe_records or self.instances or self.inputs


def _read_csv(body: bytes) -> dict[str, Any]:
    """Read CSV as `dataframe_split`; empty lines are skipped, as pandas does."""
    try:
        lines = [line for line in csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True) if line]
    except csv.Error as error:
        raise ValueError(f"not CSV: {error}") from None
    return {"columns": lines[0] if lines else [], "data": lines[1:]}


def require_texts(rows: list[Any], limits: TextLimits) -> list[str]:
    """Check that every row is a text that can be scored; returns the rows.

    Raises
    ------
    Refusal
        400: no rows, or one that is no text, blank or too long (names the row, from 0); 413: too many rows.
    """
    if not rows:
        raise Refusal(HTTPStatus.BAD_REQUEST, "no rows: at least one text is needed")
    if len(rows) > limits.max_rows:
        line = f"{len(rows)} rows in one request; at most {limits.max_rows} are allowed: send several"
        raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, line)
    for number, text in enumerate(rows):
        if complaint := complaint_about(text, max_characters=limits.max_characters):
            raise Refusal(HTTPStatus.BAD_REQUEST, f"row {number}: {complaint}")
    return rows
