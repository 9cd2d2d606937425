"""The scoring server's application: MLflow's contract for texts that are checked, queued and scored in batches."""

from __future__ import annotations

import asyncio
import json
import logging
from concurrent.futures import Future
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Body, Depends, FastAPI, Response
from fastapi.openapi.models import Example
from fastapi.security import HTTPBearer
from mlflow.version import VERSION
from pydantic import BaseModel, ConfigDict, FailFast, Field
from sqlalchemy.exc import SQLAlchemyError

from agile_classifier.errors import InputError
from agile_classifier.ops.feedback.verdicts import BadVerdict, Stored, UnknownPrediction, Verdict, VerdictTaker
from agile_classifier.ops.scoring.answer_columns import MODEL_VERSION
from agile_classifier.ops.serving.batches import Answer, Batches, Closed, QueueFull
from agile_classifier.ops.serving.connections import RequestLimits
from agile_classifier.ops.serving.explanations.asking import add_explanations, require_few, wants_explanation
from agile_classifier.ops.serving.guard import Guard
from agile_classifier.ops.serving.listening import Rules
from agile_classifier.ops.serving.metrics import CONTENT_TYPE, ServingMetrics
from agile_classifier.ops.serving.refusals import ERRORS, Refusal, busy
from agile_classifier.ops.serving.texts import COLUMN, EXAMPLE, FORMS, Invocation, TextLimits, require_texts

JSON, CSV = "application/json", "text/csv"
VERSION_HEADER = "X-Model-Version"
EXAMPLES = {form: Example(value={form: value}) for form, value in FORMS.items()}
IN_CSV = {"requestBody": {"content": {CSV: {"schema": {"type": "string"}, "example": f"{COLUMN}\n{EXAMPLE}\n"}}}}


@dataclass(frozen=True)
class ServingLimits(TextLimits, RequestLimits):
    """Requests and texts that the server takes on; what is more is refused."""

    max_waiting: int = 2_048
    """Most texts that wait to be scored."""
    batch_rows: int = 64
    """Most texts of several requests that are scored together."""
    seconds_to_answer: float = 60.0
    """Longest wait of a request for its answer."""


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
    batches: Batches, verdicts: VerdictTaker, *, limits: ServingLimits, metrics: ServingMetrics, token: str | None
) -> Guard:
    """Application of the scoring server; with a token, every path but `/ping` wants it."""
    routes = _Routes(batches, verdicts, limits, metrics)
    app = FastAPI(
        title="agile serve", version=VERSION, docs_url=None, redoc_url=None, redirect_slashes=False,
        description="Scores texts with a registered version, by the contract of MLflow's scoring server.",
        dependencies=[Depends(HTTPBearer(auto_error=False))] if token else [], responses=ERRORS,
    )  # fmt: skip
    app.get("/ping", response_class=Response)(routes.ping)
    app.get("/health", response_class=Response)(routes.ping)
    app.get("/version", response_class=Response)(routes.version)
    app.get("/metrics", response_class=Response)(routes.metrics)
    app.post("/invocations", response_model=Predictions, openapi_extra=IN_CSV)(routes.invocations)
    app.post("/feedback", response_model=StoredVerdicts)(routes.feedback)
    rules = Rules(token=token, media_types=(JSON, CSV), limits=limits, open_paths=("/ping",))
    guard = Guard(app, rules, observe=metrics.observe)
    metrics.in_flight.set_function(lambda: guard.in_flight)
    metrics.waiting_rows.set_function(lambda: batches.waiting_rows)
    return guard


class _Routes:
    def __init__(
        self, batches: Batches, verdicts: VerdictTaker, limits: ServingLimits, metrics: ServingMetrics
    ) -> None:
        self._batches, self._verdicts, self._limits, self._metrics = batches, verdicts, limits, metrics

    async def ping(self) -> Response:
        """Tell that the server lives."""
        return Response("\n", media_type=JSON)

    async def version(self) -> Response:
        """Tell MLflow's version."""
        return Response(VERSION, media_type=JSON)

    async def metrics(self) -> Response:
        """Tell Prometheus what was asked and answered."""
        return Response(self._metrics.page(), media_type=CONTENT_TYPE)

    async def invocations(self, body: Annotated[Invocation, Body(openapi_examples=EXAMPLES)]) -> Response:
        """Score texts, in one of four JSON forms or as CSV with a column `text`.

        `params: {"explain": true}` adds which words carry each answer.
        """
        texts, explains = require_texts(body.rows, self._limits), wants_explanation(body.params)
        if explains:
            require_few(texts)
        rows = await self._answer(texts)
        if explains:
            rows = await add_explanations(texts, rows, self._answer, batch_rows=self._limits.batch_rows)
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
        if len(verdicts) > self._limits.max_rows:
            line = f"{len(verdicts)} verdicts in one request; at most {self._limits.max_rows} are allowed: send several"
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

    async def _answer(self, texts: list[str]) -> Answer:
        future = self._submit(texts)
        try:
            return await self._wait(future)
        finally:
            future.cancel()

    def _submit(self, texts: list[str]) -> Future[Answer]:
        try:
            return self._batches.submit(texts)
        except QueueFull:
            raise busy(f"{self._batches.waiting_rows} texts wait already") from None
        except Closed:
            raise busy("the server is stopping") from None

    async def _wait(self, future: Future[Answer]) -> Answer:
        answer = asyncio.wrap_future(future)
        await asyncio.wait([answer], timeout=self._limits.seconds_to_answer)
        if not answer.done():
            raise busy("the answer took too long")
        if error := answer.exception():  # its insides go to the log, not to the client
            logging.getLogger(__name__).error("the model failed", exc_info=error)
            raise Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, f"the model failed: {type(error).__name__}")
        return answer.result()
