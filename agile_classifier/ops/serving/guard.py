"""Guard of our servers: which requests reach the application, by token, host, origin and size.

Without a token only names of this machine are answered, so that a page that gives its own name to loopback gets
nothing; with one, every request bears it. A page of another site may send nothing. A body is read whole before it is
looked at.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import ipaddress
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from agile_classifier.ops.serving.docs import DOCS_PATHS, add_docs
from agile_classifier.ops.serving.refusals import Refusal, answer_error, busy

SECONDS_TO_DRAIN = 2
"""Longest wait for the rest of a request that is refused before it was read."""
CLOSE = {"connection": "close"}
LOGIN = 'Basic realm="agile: any user, the token as password"'

Observe = Callable[[str, int, float, str | None], None]
"""Told of every answer: path (`other` where there is no such path), status, seconds, and the error code, if any."""


@dataclass(frozen=True)
class RequestLimits:
    """Requests that a server takes on; what is more is refused."""

    max_bytes: int = 4_000_000
    """Largest request body, in bytes."""
    max_requests: int = 128
    """Most requests with a body that are under way at a time."""
    seconds_to_read: float = 30.0
    """Longest time that a client may take to send its request."""


@dataclass(frozen=True)
class Rules:
    """Rules of a server: token, hosts, origins, and limits of a request."""

    token: str | None
    """Wanted as bearer, or as password of a browser's login; None: only names of this machine are answered."""
    media_types: Collection[str]
    """Content types of a POST."""
    limits: RequestLimits = RequestLimits()
    open_paths: Collection[str] = ()
    """Paths that are answered without the token."""
    login_paths: tuple[str, ...] = DOCS_PATHS
    """Beginnings of paths at which a browser asks its user for the token."""


class Guard:
    """An application behind its rules, with a page `/docs` and errors in MLflow's form; an ASGI application itself."""

    def __init__(self, app: FastAPI, rules: Rules, *, observe: Observe = lambda *_: None) -> None:
        add_docs(app)
        for kind in (RequestValidationError, HTTPException, Exception):
            app.add_exception_handler(kind, answer_error)
        self._app, self._rules, self._observe = app, rules, observe
        self._paths = frozenset(getattr(route, "path", "") for route in app.routes)
        self.in_flight = 0
        """Requests with a body that are under way."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it; told to `observe` either way."""
        started, status = time.perf_counter(), 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        request = Request(scope, receive)
        try:
            await self._pass_on(request, send_and_note)
        except Refusal as refusal:
            await (await answer_error(request, refusal))(scope, receive, send_and_note)
        finally:
            path = scope["path"] if scope["path"] in self._paths else "other"
            self._observe(path, status, time.perf_counter() - started, scope.get("refused"))

    async def _pass_on(self, request: Request, send: Send) -> None:
        try:
            self._admit(request)
        except Refusal:
            await self._drain(_chunks(request))
            raise
        if request.method != "POST":
            await self._app(request.scope, request.receive, send)
            return
        with self._slot():
            unread = [{"type": "http.request", "body": await self._read(request), "more_body": False}]
            self._require_media_type(request)

            async def receive() -> Message:
                return unread.pop() if unread else await request.receive()

            await self._app(request.scope, receive, send)

    def _admit(self, request: Request) -> None:
        """Refuse a request whose host, token or origin is wrong."""
        token, path, host = self._rules.token, request.scope["path"], request.headers.get("host", "")
        if token is None and not _is_this_machine(host):
            raise Refusal(HTTPStatus.MISDIRECTED_REQUEST, f"no such host here: {host[:100]}")
        if token is not None and path not in self._rules.open_paths:
            authorization = request.headers.get("authorization", "")
            if not hmac.compare_digest(_read_token(authorization).encode(), token.encode()):
                said = "a wrong token" if authorization else "no token"
                line = f"{said}; send the header 'Authorization: Bearer TOKEN'"
                challenge = LOGIN if path.startswith(self._rules.login_paths) else "Bearer"
                raise Refusal(HTTPStatus.UNAUTHORIZED, line, headers={"www-authenticate": challenge})
        if request.method == "POST" and _is_from_another_site(request):
            raise Refusal(HTTPStatus.FORBIDDEN, "a page of another site may send nothing")

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if self.in_flight >= self._rules.limits.max_requests:
            raise busy(f"{self._rules.limits.max_requests} requests are under way")
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    async def _read(self, request: Request) -> bytes:
        """Read the whole body of a request, whether its length is announced or not."""
        limits, chunks, body = self._rules.limits, _chunks(request), bytearray()
        is_too_large = int(request.headers.get("content-length", 0)) > limits.max_bytes
        try:
            async with asyncio.timeout(limits.seconds_to_read):
                while not is_too_large and (chunk := await anext(chunks, None)) is not None:
                    body += chunk
                    is_too_large = len(body) > limits.max_bytes
        except TimeoutError:
            line = f"the request was not sent within {limits.seconds_to_read:g} s"
            raise Refusal(HTTPStatus.REQUEST_TIMEOUT, line, headers=CLOSE) from None
        if not is_too_large:
            return bytes(body)
        await self._drain(chunks)
        line = f"the request has more than {limits.max_bytes} bytes: send less at a time"
        raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, line, headers=CLOSE)

    async def _drain(self, chunks: AsyncIterator[bytes]) -> None:
        """Throw away what a refused client still sends, up to as much again, so that it comes to read the answer."""
        left = 2 * self._rules.limits.max_bytes
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS_TO_DRAIN):
                while left > 0 and (chunk := await anext(chunks, None)) is not None:
                    left -= len(chunk)

    def _require_media_type(self, request: Request) -> None:
        headers, media_types = request.headers, self._rules.media_types
        found, encoding = headers.get("content-type", "none"), headers.get("content-encoding", "identity")
        kind, *parameters = [part.strip().lower() for part in found.split(";")]
        if kind not in media_types or parameters not in ([], ["charset=utf-8"]) or encoding != "identity":
            line = f"content type {found[:100]} (encoding {encoding[:20]}); {' or '.join(media_types)} in UTF-8"
            raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"{line} is needed")


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    """Parts of a body as they come in, to the last."""
    is_last = False
    while not is_last:
        message = await request.receive()
        is_last = not message.get("more_body")
        yield message.get("body", b"")


def _is_this_machine(host: str) -> bool:
    """Whether a `Host` header names loopback."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:  # neither an address nor a host
        return False


def _is_from_another_site(request: Request) -> bool:
    """Whether the browser's headers say that a page of another site sent the request."""
    headers = request.headers
    is_foreign = "origin" in headers and headers["origin"].partition("://")[2] != headers.get("host")
    return is_foreign or headers.get("sec-fetch-site", "none") not in ("same-origin", "none")


def _read_token(authorization: str) -> str:
    """Token of an `Authorization` header; empty if it has none."""
    kind, _, value = authorization.partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except ValueError:  # neither base64 nor text
        return ""
