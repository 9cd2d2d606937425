"""The scoring server's application: MLflow's contract, and OpenAI's and Perspective's for the same models."""

from __future__ import annotations

import json
import logging
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import Body, Depends, FastAPI, Query, Response
from fastapi.openapi.models import Example
from fastapi.security import HTTPBearer
from mlflow.version import VERSION
from pydantic import BaseModel, ConfigDict, FailFast, Field
from sqlalchemy.exc import SQLAlchemyError

from agile_classifier.data.text import kind_of
from agile_classifier.errors import InputError
from agile_classifier.ops.feedback.verdicts import BadVerdict, Stored, UnknownPrediction, Verdict, VerdictTaker
from agile_classifier.ops.scoring.answer_columns import MODEL_VERSION
from agile_classifier.ops.serving.apis.classes import ClassNames, ClassTable
from agile_classifier.ops.serving.apis.discovery import DISCOVERY
from agile_classifier.ops.serving.apis.errors import shape_for_google, shape_for_openai
from agile_classifier.ops.serving.apis.moderations import MODELS, MODERATIONS, add_moderations
from agile_classifier.ops.serving.apis.perspective import ANALYZE, add_perspective
from agile_classifier.ops.serving.batches import Answer
from agile_classifier.ops.serving.explanations.asking import add_explanations, require_few, wants_explanation
from agile_classifier.ops.serving.guard import Guard
from agile_classifier.ops.serving.listening import BodyRules, Rules
from agile_classifier.ops.serving.metrics import CONTENT_TYPE, ServingMetrics
from agile_classifier.ops.serving.refusals import ERRORS, Refusal, busy
from agile_classifier.ops.serving.several.fleet import AskedText
from agile_classifier.ops.serving.several.served import Served
from agile_classifier.ops.serving.texts import COLUMN, EXAMPLE, FORMS, Invocation, require_texts

JSON, CSV = "application/json", "text/csv"
VERSION_HEADER = "X-Model-Version"
MODEL = "model"
"""Parameter of a request that names the model."""
ERROR_SHAPES = {
    MODERATIONS: shape_for_openai, MODELS: shape_for_openai, ANALYZE: shape_for_google, DISCOVERY: shape_for_google,
}  # fmt: skip
"""Path → form of its errors, where it is not MLflow's."""
EXAMPLES = {form: Example(value={form: value}) for form, value in FORMS.items()}
IN_CSV = {"requestBody": {"content": {CSV: {"schema": {"type": "string"}, "example": f"{COLUMN}\n{EXAMPLE}\n"}}}}


class Prediction(BaseModel):
    """The answer to one text; `probability_NAME` of every class stands beside these.

    Where the version has bands also `decision`: `release`, `review` or `remove`. With `--prediction-ids` also
    `prediction_id`, by which a verdict names it, and perhaps `review`.
    """

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    label: str
    model_version: str


class Predictions(BaseModel):
    """Answers, in the order of the texts."""

    predictions: list[Prediction]


class VerdictBatch(BaseModel):
    """Verdicts on predictions; all are stored, or none."""

    model_config = ConfigDict(extra="forbid")

    verdicts: Annotated[list[Verdict], FailFast(), Field(min_length=1)]


class StoredVerdicts(BaseModel):
    """Verdicts that were stored."""

    stored: int
    unweighted: int = Field(description="Those without a known chance of being shown, which tell no precision.")


def make_app(
    served: Served,
    verdicts: VerdictTaker,
    *,
    metrics: ServingMetrics,
    token: str | None,
    names: ClassNames = ClassNames(),
) -> Guard:
    """Application of the scoring server; with a token, every path but `/ping` wants it.

    Raises
    ------
    InputError
        `names` names a class that no model has.
    """
    routes, classes = _Routes(served, verdicts, metrics), ClassTable(served, names)
    app = FastAPI(
        title="agile serve", version=VERSION, docs_url=None, redoc_url=None, redirect_slashes=False,
        description="Scores texts with registered versions, by the contracts of MLflow, OpenAI and Perspective.",
        dependencies=[Depends(HTTPBearer(auto_error=False))] if token else [], responses=ERRORS,
    )  # fmt: skip
    app.get("/ping", response_class=Response)(routes.ping)
    app.get("/health", response_class=Response)(routes.ping)
    app.get("/version", response_class=Response)(routes.version)
    app.get("/metrics", response_class=Response)(routes.metrics)
    app.post("/invocations", response_model=Predictions, openapi_extra=IN_CSV)(routes.invocations)
    app.post("/feedback", response_model=StoredVerdicts)(routes.feedback)
    add_moderations(app, served, classes)
    add_perspective(app, served, classes, wants_token=token is not None)
    rules = Rules(
        token=token, media_types=(JSON, CSV), limits=served.limits, open_paths=("/ping",),
        key_paths=(ANALYZE, DISCOVERY), error_shapes=ERROR_SHAPES,
        bodies={path: BodyRules((JSON,), served.limits.max_bytes) for path in (MODERATIONS, ANALYZE)},
    )  # fmt: skip
    guard = Guard(app, rules, observe=metrics.observe)
    metrics.in_flight.set_function(lambda: guard.in_flight)
    metrics.waiting_rows.set_function(lambda: served.waiting_rows)
    return guard


class _Routes:
    def __init__(self, served: Served, verdicts: VerdictTaker, metrics: ServingMetrics) -> None:
        self._served, self._verdicts, self._metrics = served, verdicts, metrics

    async def ping(self) -> Response:
        """Tell that the server lives."""
        return Response("\n", media_type=JSON)

    async def version(self) -> Response:
        """Tell MLflow's version."""
        return Response(VERSION, media_type=JSON)

    async def metrics(self) -> Response:
        """Tell Prometheus what was asked and answered."""
        return Response(self._metrics.page(), media_type=CONTENT_TYPE)

    async def invocations(
        self,
        body: Annotated[Invocation, Body(openapi_examples=EXAMPLES)],
        model: Annotated[str | None, Query(description="Model to ask, as `params.model` in JSON names it too.")] = None,
    ) -> Response:
        """Score texts, in one of four JSON forms or as CSV with a column `text`.

        `params: {"explain": true}` adds which words carry each answer.
        """
        name = self._served.require(_find_model(body, model))
        texts, explains = require_texts(body.rows, self._served.limits), wants_explanation(body.params)
        if explains:
            require_few(texts)
        rows = await self._answer(name, texts)
        if explains:
            ask = partial(self._answer, name)
            rows = await add_explanations(texts, rows, ask, batch_rows=self._served.limits.batch_rows)
        headers = {VERSION_HEADER: str(rows[0][MODEL_VERSION])}
        return Response(json.dumps({"predictions": rows}), media_type=JSON, headers=headers)

    def feedback(self, body: VerdictBatch) -> StoredVerdicts:
        """Store what people say of predictions, each named by its `prediction_id`; all or none."""
        try:
            stored = self._take(body.verdicts)
        except Refusal:
            self._metrics.verdicts.labels("refused").inc(len(body.verdicts))
            raise
        self._metrics.verdicts.labels("stored").inc(stored.n_stored)
        return StoredVerdicts(stored=stored.n_stored, unweighted=stored.n_unweighted)

    def _take(self, verdicts: list[Verdict]) -> Stored:
        allowed = self._served.limits.max_rows
        if len(verdicts) > allowed:
            line = f"{len(verdicts)} verdicts in one request; at most {allowed} are allowed: send several"
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, line)
        try:
            return self._verdicts.take(verdicts, places=[f"row {number}" for number in range(len(verdicts))])
        except UnknownPrediction as error:
            raise Refusal(HTTPStatus.NOT_FOUND, f"{error}; nothing was stored") from None
        except BadVerdict as error:
            raise Refusal(HTTPStatus.BAD_REQUEST, f"{error}; nothing was stored") from None
        except (SQLAlchemyError, InputError) as error:  # its insides go to the log, not to the client
            logging.getLogger(__name__).error("verdicts could not be stored", exc_info=error)
            raise busy("the store of verdicts does not answer") from None

    async def _answer(self, name: str, texts: list[str]) -> Answer:
        return await self._served.answer([AskedText(name, text) for text in texts])


def _find_model(body: Invocation, in_query: str | None) -> str | None:
    """Name of the model that a request asks; None where it names none."""
    named = (body.params or {}).get(MODEL)
    if named is not None and not isinstance(named, str):
        raise Refusal(HTTPStatus.BAD_REQUEST, f"params.model: the name of a model is needed; found {kind_of(named)}")
    if named is not None and in_query not in (None, named):
        line = f"params.model is {named[:80]!r} and the query's model {str(in_query)[:80]!r}: name one"
        raise Refusal(HTTPStatus.BAD_REQUEST, line)
    return named if in_query is None else in_query
