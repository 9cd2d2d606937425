"""Perspective's `POST /v1alpha1/comments:analyze`: attributes are classes of the models that are served."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyQuery
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.requests import Request

from agile_classifier.data.text import complaint_about
from agile_classifier.models.spec import PROBABILITY
from agile_classifier.ops.scoring.answer_columns import MODEL_VERSION, PREDICTION_ID
from agile_classifier.ops.serving.apis.classes import ClassTable, ModelClass
from agile_classifier.ops.serving.apis.discovery import DISCOVERY, describe
from agile_classifier.ops.serving.apis.errors import GOOGLE_ERRORS
from agile_classifier.ops.serving.listening import KEY
from agile_classifier.ops.serving.refusals import Refusal, busy
from agile_classifier.ops.serving.several.fleet import AskedText
from agile_classifier.ops.serving.several.served import Served

ANALYZE = "/v1alpha1/comments:analyze"
MOST_ATTRIBUTES = 1_000
PROBABILITY_TYPE: Literal["PROBABILITY"] = "PROBABILITY"


class _Message(BaseModel):
    """A message of Google's interfaces, whose fields may be written `likeThis` or `like_this`."""

    model_config = ConfigDict(
        extra="forbid", populate_by_name=True, alias_generator=to_camel, use_attribute_docstrings=True,
        protected_namespaces=(),
    )  # fmt: skip


class Comment(_Message):
    """A text to score."""

    text: str
    type: Literal["PLAIN_TEXT", "TEXT_TYPE_UNSPECIFIED"] = "PLAIN_TEXT"
    """Form of the text: as in Perspective, HTML is not read."""


class AttributeParameters(_Message):
    """How an attribute is asked for."""

    score_type: Literal["PROBABILITY", "SCORE_TYPE_UNSPECIFIED"] = "PROBABILITY"
    score_threshold: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Smallest score that is answered."""


class AnalyzeRequest(_Message):
    """A comment, and the attributes that are wanted of it."""

    comment: Comment
    requested_attributes: Annotated[dict[str, AttributeParameters], Field(min_length=1, max_length=MOST_ATTRIBUTES)]
    """Attribute → how it is asked for; an attribute is a class of a served model, or another name of one."""
    languages: list[str] = []
    """Languages of the comment, which are answered as they came: no language is detected here."""
    do_not_store: bool = False
    """Whether the text must not be kept, even where served texts are."""
    span_annotations: bool = False
    """Whether spans are answered: there is one, the whole comment, for these models score texts as a whole."""
    client_token: str | None = None
    """Answered as it came."""
    session_id: str | None = None
    """Taken, and not looked at."""
    community_id: str | None = None
    """Taken, and not looked at."""
    context: dict[str, Any] | None = None
    """Taken, and not looked at, as in Perspective."""


class Score(_Message):
    """Probability of an attribute."""

    value: float
    type: Literal["PROBABILITY"] = PROBABILITY_TYPE


class SpanScore(_Message):
    """Score of a part of the comment."""

    begin: int
    end: int
    """In characters."""
    score: Score


class AttributeScores(_Message):
    """Scores of an attribute."""

    summary_score: Score
    span_scores: list[SpanScore] | None = None
    model_version: str
    """Number of the version that answers; not in Perspective."""
    prediction_id: str | None = None
    """Id by which a verdict names the prediction, where ids are given; not in Perspective."""


class AnalyzeResponse(_Message):
    """Scores by attribute."""

    attribute_scores: dict[str, AttributeScores]
    languages: list[str]
    client_token: str | None = None


def add_perspective(app: FastAPI, served: Served, classes: ClassTable, *, wants_token: bool) -> None:
    """Add the path `/v1alpha1/comments:analyze`, and the description by which Google's clients find it."""
    key = [Depends(APIKeyQuery(name=KEY, auto_error=False))] if wants_token else []

    @app.post(ANALYZE, responses=GOOGLE_ERRORS, dependencies=key, response_model_exclude_none=True)
    async def analyze(body: AnalyzeRequest) -> AnalyzeResponse:
        """Score a comment, as Perspective's interface of that name does: attributes are classes of the models."""
        wanted = {name: classes.find_attribute(name) for name in body.requested_attributes}
        text = _require_text(body.comment.text, served)
        models = list(dict.fromkeys(found.model for found in wanted.values()))
        rows = await served.answer([AskedText(model, text, not body.do_not_store) for model in models])
        by_model = dict(zip(models, rows, strict=True))
        scores = {name: _to_scores(by_model[found.model], found, body) for name, found in wanted.items()}
        kept = {
            name: found
            for name, found in scores.items()
            if found.summary_score.value >= body.requested_attributes[name].score_threshold
        }
        return AnalyzeResponse(attribute_scores=kept, languages=body.languages, client_token=body.client_token)

    @app.get(DISCOVERY, include_in_schema=False)
    async def discovery(request: Request) -> JSONResponse:
        return JSONResponse(describe(f"{request.url.scheme}://{request.headers.get('host', '')}/"))


def _require_text(text: str, served: Served) -> str:
    if complaint := complaint_about(text, max_characters=served.limits.max_characters):
        raise Refusal(HTTPStatus.BAD_REQUEST, f"comment.text: {complaint}")
    return text


def _to_scores(row: Mapping[str, Any], found: ModelClass, body: AnalyzeRequest) -> AttributeScores:
    value = row.get(f"{PROBABILITY}{found.name}")
    if value is None:
        raise busy(f"another version of {found.model}, with other classes, has just taken over")
    score, end = Score(value=value), len(body.comment.text)
    return AttributeScores(
        summary_score=score,
        span_scores=[SpanScore(begin=0, end=end, score=score)] if body.span_annotations else None,
        model_version=row[MODEL_VERSION],
        prediction_id=row.get(PREDICTION_ID),
    )
