"""The scoring server's application: MLflow's own FastAPI app, behind what a server in the open needs.

In front of it: the token, limits, checked texts, a bounded queue, metrics, and one shape of error (MLflow's). Behind it, where MLflow would call
a loaded model: `QueuedModel`, whose answers come from the batches.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from mlflow.pyfunc import scoring_server
from mlflow.types import Schema

from agile_classifier.ops.scoring.stream import MODEL_VERSION
from agile_classifier.ops.serving.batches import Answer, Batches, Closed, QueueFull
from agile_classifier.ops.serving.metrics import CONTENT_TYPE, ServingMetrics
from agile_classifier.ops.serving.texts import Refusal, TextLimits, read_texts

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PING, HEALTH, VERSION, INVOCATIONS, METRICS = "/ping", "/health", "/version", "/invocations", "/metrics"
METHODS = {PING: ("GET",), HEALTH: ("GET",), VERSION: ("GET",), METRICS: ("GET",), INVOCATIONS: ("POST",)}
OPEN = frozenset({PING})
"""Answered without the token: an orchestrator asks whether the server lives."""
RETRY_AFTER = {"retry-after": "1"}
VERSION_HEADER = "x-model-version"


@dataclass(frozen=True)
class ServingLimits(TextLimits):
    """What the server takes on; what is more is refused."""

    max_bytes: int = 4_000_000
    """Of a request."""
    max_requests: int = 128
    """Under way at a time."""
    max_waiting: int = 2_048
    """Texts that wait to be scored."""
    batch_rows: int = 64
    """Texts of several requests that are scored together."""
    seconds_to_read: float = 30.0
    """In which a client must have sent its request."""
    seconds_to_answer: float = 60.0
    """Longest wait of a request for its answer."""


@dataclass
class Response:
    """An answer, whole."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def keep(self, message: Message) -> None:
        """As ASGI's `send`."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")


_ASKED: ContextVar[Future[Answer]] = ContextVar("asked")
"""The answer that a request waits for."""


class QueuedModel:
    """What MLflow's app takes for a loaded model."""

    @property
    def metadata(self) -> QueuedModel:
        """MLflow asks it for a schema, which would make texts of numbers."""
        return self

    def get_input_schema(self) -> Schema | None:
        """None: the texts are checked already."""
        return None

    def predict(self, data: Any) -> Answer:
        """The answer to the request that is under way here."""
        return _ASKED.get().result()


class ServingApp:
    """ASGI application.

    Parameters
    ----------
    token : str or None
        Bearer token that every path but `/ping` wants; None: none is wanted.
    """

    def __init__(self, batches: Batches, *, limits: ServingLimits, metrics: ServingMetrics, token: str | None) -> None:
        self._batches, self._limits, self._metrics = batches, limits, metrics
        self._authorization = None if token is None else f"bearer {token}".encode()
        self._mlflow: App = scoring_server.init(QueuedModel())  # type: ignore[arg-type]  # all that it asks of a model
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._mlflow(scope, receive, send)
            return
        started = time.perf_counter()
        try:
            response = await self._respond(scope, receive)
        except Refusal as refusal:
            response = _refused(refusal)
            self._metrics.refused.labels(refusal.code).inc()
        path = scope["path"] if scope["path"] in METHODS else "other"
        self._metrics.requests.labels(path, response.status).inc()
        if path == INVOCATIONS:
            self._metrics.seconds.observe(time.perf_counter() - started)
        await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
        await send({"type": "http.response.body", "body": response.body})

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        path, method, headers = scope["path"], scope["method"], dict(scope["headers"])
        if path not in OPEN:
            await self._authorise(headers, receive)
        if path not in METHODS:
            raise Refusal(
                HTTPStatus.NOT_FOUND, f"no {path[:100]}; there are {', '.join(METHODS)}", code="ENDPOINT_NOT_FOUND"
            )
        if method not in METHODS[path]:
            allowed = {"allow": ", ".join(METHODS[path])}
            raise Refusal(
                HTTPStatus.METHOD_NOT_ALLOWED,
                f"{path} takes {allowed['allow']}, not {method}",
                code="BAD_REQUEST",
                headers=allowed,
            )
        if path == METRICS:
            self._metrics.waiting_rows.set(self._batches.waiting_rows)
            return Response(200, _headers(CONTENT_TYPE), self._metrics.page())
        if path == INVOCATIONS:
            return await self._score(scope, headers, receive)
        return await self._ask_mlflow(scope, b"")

    async def _authorise(self, headers: Mapping[bytes, bytes], receive: Receive) -> None:
        given = headers.get(b"authorization", b"")
        scheme, _, value = given.partition(b" ")
        if self._authorization is None or hmac.compare_digest(
            scheme.lower() + b" " + value.strip(), self._authorization
        ):
            return
        await self._drain(receive)
        said = "a wrong token" if given else "no token"
        raise Refusal(
            HTTPStatus.UNAUTHORIZED,
            f"{said}; send the header 'Authorization: Bearer TOKEN'",
            code="UNAUTHENTICATED",
            headers={"www-authenticate": "Bearer"},
        )

    async def _score(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive) -> Response:
        _require_json(headers)
        with self._slot():
            texts = read_texts(await self._read(headers, receive), self._limits)
            future = self._submit(texts)
            token = _ASKED.set(future)
            try:
                return await self._answer(scope, future, texts)
            finally:
                _ASKED.reset(token)
                future.cancel()

    async def _answer(self, scope: Scope, future: Future[Answer], texts: list[str]) -> Response:
        try:
            rows = await asyncio.wait_for(asyncio.wrap_future(future), self._limits.seconds_to_answer)
        except TimeoutError:
            raise _busy("the answer took too long") from None
        except Exception as error:  # whatever the model raised: its insides go to the log, not to the client
            logging.getLogger(__name__).error("the model failed", exc_info=error)
            raise Refusal(
                HTTPStatus.INTERNAL_SERVER_ERROR, f"the model failed: {type(error).__name__}", code="INTERNAL_ERROR"
            ) from error
        response = await self._ask_mlflow(scope, json.dumps({"inputs": texts}).encode())
        response.headers.append((VERSION_HEADER.encode(), str(rows[0][MODEL_VERSION]).encode()))
        return response

    @contextmanager
    def _slot(self) -> Any:
        if self._in_flight >= self._limits.max_requests:
            raise _busy(f"{self._limits.max_requests} requests are under way")
        self._in_flight += 1
        self._metrics.in_flight.set(self._in_flight)
        try:
            yield
        finally:
            self._in_flight -= 1
            self._metrics.in_flight.set(self._in_flight)

    def _submit(self, texts: list[str]) -> Future[Answer]:
        try:
            return self._batches.submit(texts)
        except QueueFull:
            raise _busy(f"{self._batches.waiting_rows} texts wait already") from None
        except Closed:
            raise _busy("the server is stopping") from None

    async def _ask_mlflow(self, scope: Scope, body: bytes) -> Response:
        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        response = Response()
        await self._mlflow(scope, receive, response.keep)
        return response

    async def _read(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        announced = headers.get(b"content-length", b"0")
        body = bytearray()
        try:
            async with asyncio.timeout(self._limits.seconds_to_read):
                while int(announced) <= self._limits.max_bytes:
                    message = await receive()
                    body += message.get("body", b"")
                    if len(body) > self._limits.max_bytes:
                        break
                    if not message.get("more_body"):
                        return bytes(body)
        except TimeoutError:
            raise Refusal(
                HTTPStatus.REQUEST_TIMEOUT,
                f"the request was not sent within {self._limits.seconds_to_read:g} s",
                code="BAD_REQUEST",
                headers={"connection": "close"},
            ) from None
        await self._drain(receive)
        raise Refusal(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the request has more than {self._limits.max_bytes} bytes: send fewer texts at a time",
            code="INVALID_PARAMETER_VALUE",
            headers={"connection": "close"},
        )

    async def _drain(self, receive: Receive) -> None:
        """Throw away what a refused client still sends, up to as much again, so that it comes to read the answer."""
        left = 2 * self._limits.max_bytes
        try:
            async with asyncio.timeout(2):
                while left > 0 and (message := await receive()).get("more_body"):
                    left -= len(message.get("body", b""))
        except TimeoutError:
            return


def _require_json(headers: Mapping[bytes, bytes]) -> None:
    found = headers.get(b"content-type", b"none").decode("latin-1")
    kind, *parameters = [part.strip().lower() for part in found.split(";")]
    encoding = headers.get(b"content-encoding", b"identity").decode("latin-1")
    if kind == "application/json" and parameters in ([], ["charset=utf-8"]) and encoding == "identity":
        return
    raise Refusal(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"content type {found[:100]} (encoding {encoding[:20]}); application/json in UTF-8 is needed",
        code="BAD_REQUEST",
    )


def _busy(reason: str) -> Refusal:
    return Refusal(
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"{reason}: try again later",
        code="TEMPORARILY_UNAVAILABLE",
        headers=RETRY_AFTER,
    )


def _refused(refusal: Refusal) -> Response:
    body = json.dumps({"error_code": refusal.code, "message": refusal.line}).encode()
    more = [(name.encode(), value.encode()) for name, value in refusal.headers.items()]
    return Response(int(refusal.status), [*_headers("application/json", len(body)), *more], body)


def _headers(content_type: str, length: int | None = None) -> list[tuple[bytes, bytes]]:
    headers = [(b"content-type", content_type.encode())]
    return headers if length is None else [*headers, (b"content-length", str(length).encode())]
