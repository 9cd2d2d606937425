"""Texts of a request to `/invocations`: read from MLflow's four JSON forms, each one checked before anything is scored.

MLflow's own reading makes texts of numbers (`instances: ["a", 5]` is scored as "a" and "5").
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from agile_classifier.data.text import complaint_about, kind_of

COLUMN = "text"
PARAMS = "params"
"""MLflow's place for parameters of a model; these take none, and MLflow's server ignores what a model does not take."""


class Refusal(Exception):
    """A request that is not answered: status, MLflow's error code, and a line that says what to mend."""

    def __init__(self, status: HTTPStatus, line: str, *, code: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(line)
        self.status, self.line, self.code, self.headers = status, line, code, dict(headers or {})


@dataclass(frozen=True)
class TextLimits:
    """What one request may hold."""

    max_rows: int = 256
    """Texts."""
    max_characters: int = 10_000
    """Of one text."""


def read_texts(body: bytes, limits: TextLimits) -> list[str]:
    """The texts, in their order.

    Raises
    ------
    Refusal
        400: no JSON, none of the forms, another column, or a text that is none, blank or too long (names the row, from 0);
        413: too many rows.
    """
    rows = _read_rows(_read_json(body))
    if not rows:
        raise bad_input("no rows: at least one text is needed")
    if len(rows) > limits.max_rows:
        raise Refusal(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"{len(rows)} rows in one request; at most {limits.max_rows} are allowed: send several",
            code="INVALID_PARAMETER_VALUE",
        )
    for number, text in enumerate(rows):
        _require_text(number, text, limits.max_characters)
    return rows


def bad_input(line: str) -> Refusal:
    """400, for what a client can mend."""
    return Refusal(HTTPStatus.BAD_REQUEST, line, code="INVALID_PARAMETER_VALUE")


def _read_json(body: bytes) -> dict[str, Any]:
    try:
        read = json.loads(body)
    except (ValueError, RecursionError) as error:  # what is not UTF-8 is a ValueError too
        raise Refusal(HTTPStatus.BAD_REQUEST, f"the request is not JSON: {error}", code="MALFORMED_REQUEST") from None
    if not isinstance(read, dict):
        raise bad_input(f"the request is {kind_of(read)}; a JSON object with one of {_FORMS} is needed")
    return read


def _read_rows(request: dict[str, Any]) -> list[Any]:
    forms = [key for key in request if key != PARAMS]
    if len(forms) != 1 or forms[0] not in READERS:
        found = ", ".join(map(repr, forms)) or "none"
        raise bad_input(f"the request has the fields {found}; exactly one of {_FORMS} is needed")
    return READERS[forms[0]](request[forms[0]], forms[0])


def _from_split(given: Any, form: str) -> list[Any]:
    columns, data = (given.get("columns"), given.get("data")) if isinstance(given, dict) else (None, None)
    if not isinstance(columns, list) or not isinstance(data, list):
        raise bad_input(f"{form}: an object with the lists 'columns' and 'data' is needed")
    if columns.count(COLUMN) != 1:
        raise _wrong_columns(form, columns)
    place = columns.index(COLUMN)
    for number, row in enumerate(data):
        if not isinstance(row, list) or len(row) != len(columns):
            raise bad_input(f"{form}: row {number}: a list of {len(columns)} values is needed, as there are columns")
    return [row[place] for row in data]


def _from_rows(given: Any, form: str) -> list[Any]:
    """Objects with `text`; texts, or lists of one, where columns need no name (`instances`, `inputs`)."""
    if not isinstance(given, list):
        raise bad_input(f"{form}: a list is needed, found {kind_of(given)}")
    may_be_bare = form != "dataframe_records"
    return [_cell(row, number, form, may_be_bare=may_be_bare) for number, row in enumerate(given)]


def _cell(row: Any, number: int, form: str, *, may_be_bare: bool) -> Any:
    if isinstance(row, dict):
        if COLUMN not in row:
            raise _wrong_columns(f"{form}: row {number}", list(row))
        return row[COLUMN]
    if may_be_bare:
        return row[0] if isinstance(row, list) and len(row) == 1 else row
    raise bad_input(f"{form}: row {number}: an object with {COLUMN!r} is needed, found {kind_of(row)}")


def _from_inputs(given: Any, form: str) -> list[Any]:
    if not isinstance(given, dict):
        return _from_rows(given, form)
    if COLUMN not in given:
        raise _wrong_columns(form, list(given))
    if not isinstance(given[COLUMN], list):
        raise bad_input(f"{form}: {COLUMN!r}: a list is needed, found {kind_of(given[COLUMN])}")
    return _from_rows(given[COLUMN], form)


def _require_text(number: int, text: Any, max_characters: int) -> None:
    if complaint := complaint_about(text, max_characters=max_characters):
        raise bad_input(f"row {number}: {complaint}")


def _wrong_columns(where: str, found: list[Any]) -> Refusal:
    there = ", ".join(repr(name)[:40] for name in found[:10]) or "none"
    return bad_input(f"{where}: the columns are {there}; one named {COLUMN!r} is needed")


READERS: dict[str, Callable[[Any, str], list[Any]]] = {
    "dataframe_split": _from_split,
    "dataframe_records": _from_rows,
    "instances": _from_rows,
    "inputs": _from_inputs,
}
_FORMS = ", ".join(READERS)
