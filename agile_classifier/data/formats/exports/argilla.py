"""Argilla: records as JSON (`to_json`), as a data set (`to_datasets`, in parquet), and as version 1 wrote them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from agile_classifier.data.formats.exports.answers import join_columns, unwrap

Cells = dict[str, Any]

RESPONSES, USERS, STATUS = ".responses", ".responses.users", ".responses.status"
SUGGESTION = "-suggestion"
COUNTED = ("submitted", None)
"""Status of a response that counts; drafts and what was discarded are no labels."""


def is_record(cells: Cells) -> bool:
    """Whether an object is a record of the JSON export."""
    return all(isinstance(cells.get(name), dict) for name in ("fields", "responses", "suggestions"))


def rows_of_record(cells: Cells) -> Iterator[Cells]:
    """A row for each annotator, with the fields, the answers and what was suggested."""
    suggested = {
        f"{question}.suggestion{'' if part == 'value' else f'.{part}'}": value
        for question, suggestion in cells["suggestions"].items()
        for part, value in (suggestion or {}).items()
    }
    base = join_columns({"id": cells.get("id"), **cells["fields"]}, cells.get("metadata") or {}, prefix="metadata")
    answers = {question: responses or [] for question, responses in cells["responses"].items()}
    yield from _rows({**base, **suggested}, answers)


def is_flat(cells: Cells) -> bool:
    """Whether a row is a record of the data set export."""
    return any(name.endswith(USERS) for name in cells)


def rows_of_flat(cells: Cells) -> Iterator[Cells]:
    """A row for each annotator."""
    questions = [name.removesuffix(USERS) for name in cells if name.endswith(USERS)]
    taken = {question + part for question in questions for part in (RESPONSES, USERS, STATUS)}
    base = {name: cell for name, cell in cells.items() if name not in taken}
    answers = {question: list(_responses(cells, question)) for question in questions}
    yield from _rows(base, answers)


def is_feedback(cells: Cells) -> bool:
    """Whether a row is a record of a feedback data set of version 1."""
    return any(_is_feedback_on(cells, name.removesuffix(SUGGESTION)) for name in cells if name.endswith(SUGGESTION))


def rows_of_feedback(cells: Cells) -> Iterator[Cells]:
    """A row for each annotator."""
    questions = [
        name.removesuffix(SUGGESTION)
        for name in cells
        if name.endswith(SUGGESTION) and _is_feedback_on(cells, name.removesuffix(SUGGESTION))
    ]
    base = {name: cell for name, cell in cells.items() if name not in questions}
    yield from _rows(base, {question: cells[question] or [] for question in questions})


def is_legacy(cells: Cells) -> bool:
    """Whether a row is a record of a text classification data set of version 1."""
    return cells.keys() >= {"annotation", "annotation_agent", "prediction", "status"}


def rows_of_legacy(cells: Cells) -> Iterator[Cells]:
    """The record, with the annotation as `label` where it was validated."""
    told = {name: cell for name, cell in cells.items() if name not in ("annotation", "annotation_agent", "inputs")}
    inputs = cells.get("inputs") if isinstance(cells.get("inputs"), dict) else {}
    given = {name: cell for name, cell in told.items() if not (name == "text" and cell is None)}
    label = unwrap(cells["annotation"]) if cells["status"] in ("Validated", None) else None
    row = join_columns({**given, "label": label, "annotator": cells["annotation_agent"]}, inputs or {}, prefix="inputs")
    yield {name: cell for name, cell in row.items() if not (name == "inputs.text" and cell == row.get("text"))}


def _responses(cells: Mapping[str, Any], question: str) -> Iterator[Cells]:
    parts = (cells.get(question + part) or [] for part in (RESPONSES, USERS, STATUS))
    for value, user, status in zip_longest(*parts):
        yield {"value": value, "user_id": user, "status": status}


def _rows(base: Cells, answers: Mapping[str, list[Cells]]) -> Iterator[Cells]:
    users = dict.fromkeys(response.get("user_id") for responses in answers.values() for response in responses)
    for user in users or (None,):
        chosen = {
            question: next((_value(response) for response in responses if response.get("user_id") == user), None)
            for question, responses in answers.items()
        }
        yield {**base, **chosen, "annotator": user}


def _value(response: Mapping[str, Any]) -> Any:
    return unwrap(response.get("value")) if response.get("status") in COUNTED else None


def _is_feedback_on(cells: Mapping[str, Any], question: str) -> bool:
    responses = cells.get(question)
    return isinstance(responses, list) and all(isinstance(one, dict) and "user_id" in one for one in responses)
