"""OpenAI's `POST /v1/moderations`: categories are the classes of a model that are a complaint."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import FastAPI
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from agile_classifier.data.text import kind_of
from agile_classifier.label_sets import read_labels
from agile_classifier.models.spec import PROBABILITY
from agile_classifier.ops.scoring.answer_columns import LABEL, MODEL_VERSION, PREDICTION_ID
from agile_classifier.ops.serving.apis.classes import ClassTable
from agile_classifier.ops.serving.apis.errors import OPENAI_ERRORS
from agile_classifier.ops.serving.refusals import Refusal
from agile_classifier.ops.serving.several.fleet import AskedText
from agile_classifier.ops.serving.several.served import Served
from agile_classifier.ops.serving.texts import EXAMPLE, require_texts

MODERATIONS, MODELS = "/v1/moderations", "/v1/models"
PASSED_ON = (MODEL_VERSION, PREDICTION_ID, "review", "decision")
"""Columns of an answer that a result holds beside OpenAI's own fields, where they are there."""
Row = dict[str, Any]


class TextPart(BaseModel):
    """A part of one input that is a text."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["text"]
    text: str


def _read_input(value: Any) -> Any:
    """One text, texts, or the parts of one input; what is no text stays, for `require_texts` to name."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise ValueError(f"a text, a list of texts or a list of parts is needed; found {kind_of(value)}")
    return [_read_part(part, number) if isinstance(part, dict) else part for number, part in enumerate(value)]


def _read_part(part: dict[str, Any], number: int) -> TextPart:
    if part.get("type") != "text":
        raise ValueError(f"part {number}: type {part.get('type')!r:.40}; only 'text' is moderated here")
    if set(part) != {"type", "text"}:
        found = ", ".join(map(repr, part))[:80]
        raise ValueError(f"part {number}: its fields are {found}; needed are 'type' and 'text'")
    return TextPart.model_construct(type="text", text=part["text"])


Inputs = Annotated[
    list[Any],
    BeforeValidator(
        _read_input,
        json_schema_input_type=str
        | Annotated[list[str], Field(min_length=1)]
        | Annotated[list[TextPart], Field(min_length=1)],
    ),
]


class ModerationRequest(BaseModel):
    """Texts to classify."""

    model_config = ConfigDict(
        extra="forbid", use_attribute_docstrings=True, json_schema_extra={"examples": [{"input": EXAMPLE}]}
    )

    input: Inputs
    """One text, a list of texts, each of which has a result, or the parts of one input, which have one together."""
    model: str | None = None
    """Name of a registered model, needed where several are served."""


class ModerationResult(BaseModel):
    """What is found in one input.

    Beside OpenAI's fields stand `model_version` and, where there are such, `prediction_id`, `review` and `decision`.
    """

    model_config = ConfigDict(extra="allow", protected_namespaces=(), use_attribute_docstrings=True)

    flagged: bool
    """Whether its class is a complaint."""
    categories: dict[str, bool]
    """Whether its class is this one."""
    category_scores: dict[str, float]
    """Probability of this class."""
    category_applied_input_types: dict[str, list[str]]


class Moderation(BaseModel):
    """Results, in the order of the inputs."""

    id: str
    model: str
    results: list[ModerationResult]


class ModelObject(BaseModel):
    """A model that is served."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "agile-classifier"


class ModelList(BaseModel):
    """Models that are served."""

    object: Literal["list"] = "list"
    data: list[ModelObject]


def add_moderations(app: FastAPI, served: Served, classes: ClassTable) -> None:
    """Add the paths `/v1/moderations` and `/v1/models`."""

    @app.get(MODELS, responses=OPENAI_ERRORS)
    async def models() -> ModelList:
        """List the models that are served."""
        return ModelList(data=[ModelObject(id=name) for name in served.names])

    @app.post(MODERATIONS, responses=OPENAI_ERRORS)
    async def moderations(body: ModerationRequest) -> Moderation:
        """Classify texts, as OpenAI's interface of that name does: categories are classes of the model."""
        model = served.require(body.model)
        categories = classes.list_categories(model)
        inputs, is_one = _texts_of(body.input)
        rows = await served.answer([AskedText(model, text) for text in require_texts(inputs, served.limits)])
        several = served.carries_several(model)
        results = [_to_result(row, categories, read_labels(row[LABEL]) if several else [row[LABEL]]) for row in rows]
        return Moderation(
            id=f"modr-{secrets.token_hex(16)}", model=model, results=[_join(results)] if is_one else results
        )


def _texts_of(inputs: Sequence[Any]) -> tuple[list[Any], bool]:
    """Texts, and whether they are the parts of one input."""
    parts = [part for part in inputs if isinstance(part, TextPart)]
    if parts and len(parts) != len(inputs):
        line = "input: a list of texts or a list of parts is needed; found both in one list"
        raise Refusal(HTTPStatus.BAD_REQUEST, line)
    return ([part.text for part in parts], True) if parts else (list(inputs), False)


def _to_result(row: Row, categories: Sequence[str], labels: Collection[str]) -> ModerationResult:
    """The result of a row, whose text carries labels."""
    return ModerationResult(
        flagged=any(name in labels for name in categories),
        categories={name: name in labels for name in categories},
        category_scores={name: row[f"{PROBABILITY}{name}"] for name in categories},
        category_applied_input_types={name: ["text"] for name in categories},
        **{name: row[name] for name in PASSED_ON if name in row},
    )


def _join(results: Sequence[ModerationResult]) -> ModerationResult:
    """The result of an input from those of its parts: what one of them is, it is.

    What stands beside OpenAI's fields is that of the part with the largest probability of a complaint.
    """
    worst = max(results, key=lambda result: (result.flagged, max(result.category_scores.values())))
    return worst.model_copy(
        update={
            "flagged": any(result.flagged for result in results),
            "categories": {name: any(each.categories[name] for each in results) for name in worst.categories},
            "category_scores": {
                name: max(each.category_scores[name] for each in results) for name in worst.category_scores
            },
        }
    )
