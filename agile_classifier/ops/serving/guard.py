"""Guard of our servers: which requests reach the application, by token, host, origin and size.

Without a token only names of this machine are answered, so that a page that gives its own name to loopback gets
nothing; with one, every request bears it. A page of another site may send nothing. A body is read whole before it is
looked at, and before it counts as a request under way: who sends slowly takes nobody's place.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import Message, Receive, Scope, Send

from agile_classifier.ops.serving.docs import add_docs
from agile_classifier.ops.serving.listening import Rules, read_authorization, take_key
from agile_classifier.ops.serving.refusals import (
    BAD_REQUEST,
    ERROR_SHAPE,
    SECURITY_HEADERS,
    Refusal,
    answer_error,
    busy,
    head_too_large,
)

SECONDS_TO_DRAIN = 2
"""Longest wait for the rest of a request that is refused before it was read."""
CLOSE = {"connection": "close"}
MULTIPART = "multipart/form-data"
"""Content type of a form that holds a file; its parts are named by a boundary."""
CLIENT_GONE = 499
"""Status that is counted for a client that left before it was answered; nobody is sent it."""
LOGIN = 'Basic realm="agile: any user, the token as password"'

logger = logging.getLogger(__name__)

Observe = Callable[[str, int, float, str | None], None]
"""Told of every answer: path (`other` where there is no such path), status, seconds, and the error code, if any."""


class Guard:
    """An application behind its rules, with a page `/docs` and errors in MLflow's form; an ASGI application itself."""

    def __init__(self, app: FastAPI, rules: Rules, *, observe: Observe = lambda *_: None) -> None:
        add_docs(app)
        for kind in (RequestValidationError, HTTPException, Exception):
            app.add_exception_handler(kind, answer_error)
        self._app, self._rules, self._observe = app, rules, observe
        self._paths = frozenset(getattr(route, "path", "") for route in app.routes)
        self._bodies: list[_Body] = []
        """Bodies that are being read, the one begun first at the front."""
        self.in_flight = 0
        """Requests with a body that are under way."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it; told to `observe` either way."""
        started, answer = time.perf_counter(), _Answer(send)
        path = scope["path"] if scope["path"] in self._paths else "other"
        scope[ERROR_SHAPE] = self._rules.error_shapes.get(scope["path"])
        key = take_key(scope) if scope["path"] in self._rules.key_paths else ""
        request = Request(scope, receive)
        try:
            await self._pass_on(request, answer, key)
        except Refusal as refusal:
            await (await answer_error(request, refusal))(scope, receive, answer.send)
        except ClientDisconnect:
            answer.status = CLIENT_GONE
            logger.warning("a connection ended before its request was answered: %s %s", request.method, path)
        finally:
            self._observe(path, answer.status, time.perf_counter() - started, scope.get("refused"))

    async def _pass_on(self, request: Request, answer: _Answer, key: str) -> None:
        try:
            self._admit(request, key)
        except Refusal:
            await self._drain(_chunks(request))
            raise
        if request.method != "POST":
            await self._app(request.scope, request.receive, answer.send)
            return
        body = await self._read(request)
        if any(route.matches(request.scope)[0] is Match.FULL for route in self._app.routes):  # else it is 404 or 405
            self._require_media_type(request)
        with self._slot():
            await self._answer(request, body, answer)

    async def _answer(self, request: Request, body: bytes, answer: _Answer) -> None:
        """Let the application answer a request that was read whole, unless its client leaves."""
        unread = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            return unread.pop() if unread else await request.receive()

        answering = asyncio.ensure_future(self._app(request.scope, receive, answer.send))
        leaving = asyncio.ensure_future(request.receive())  # after the body nothing comes but the connection's end
        try:
            await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
            if is_gone := not (answering.done() or answer.is_sent):
                answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)
        finally:
            leaving.cancel()
            answering.cancel()
        if is_gone:
            raise ClientDisconnect
        answering.result()

    def _admit(self, request: Request, key: str) -> None:
        """Refuse a request whose size of head, host, token or origin is wrong."""
        if _head_size(request.scope) > self._rules.limits.max_head_bytes:
            raise head_too_large(self._rules.limits.max_head_bytes)
        token, path, host = self._rules.token, request.scope["path"], request.headers.get("host", "")
        if token is None and not _is_this_machine(host):
            raise Refusal(HTTPStatus.MISDIRECTED_REQUEST, f"no such host here: {host[:100]}")
        if token is not None and path not in self._rules.open_paths:
            authorization = request.headers.get("authorization", "")
            given = (key, read_authorization(authorization))
            if not any(hmac.compare_digest(each.encode(), token.encode()) for each in given):
                said = "a wrong token" if key or authorization else "no token"
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
        limits, chunks = self._rules.limits, _chunks(request)
        max_bytes = self._rules.body_at(request.scope["path"]).max_bytes
        is_too_large = _announced(request) > max_bytes
        try:
            async with asyncio.timeout(limits.seconds_to_read) as deadline:
                with self._reading(_Body(deadline)) as body:
                    while not is_too_large and (chunk := await anext(chunks, None)) is not None:
                        body.content += chunk
                        is_too_large = len(body.content) > max_bytes
                        self._make_room()
        except TimeoutError:
            if body.made_room:
                raise busy("too much is being sent at once", **CLOSE) from None
            line = f"the request was not sent within {limits.seconds_to_read:g} s"
            raise Refusal(HTTPStatus.REQUEST_TIMEOUT, line, headers=CLOSE) from None
        if not is_too_large:
            return bytes(body.content)
        await self._drain(chunks)
        line = f"the request has more than {max_bytes} bytes: send less at a time"
        raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, line, headers=CLOSE)

    @contextmanager
    def _reading(self, body: _Body) -> Iterator[_Body]:
        self._bodies.append(body)
        try:
            yield body
        finally:
            self._bodies.remove(body)

    def _make_room(self) -> None:
        """Give up the body that is being read for longest, where all together have too many bytes."""
        if sum(len(body.content) for body in self._bodies) > self._rules.limits.max_unread_bytes:
            self._bodies[0].give_up()

    async def _drain(self, chunks: AsyncIterator[bytes]) -> None:
        """Throw away what a refused client still sends, up to as much again, so that it comes to read the answer."""
        left = 2 * self._rules.limits.max_bytes
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS_TO_DRAIN):
                while left > 0 and (chunk := await anext(chunks, None)) is not None:
                    left -= len(chunk)

    def _require_media_type(self, request: Request) -> None:
        headers, media_types = request.headers, self._rules.body_at(request.scope["path"]).media_types
        found, encoding = headers.get("content-type", "none"), headers.get("content-encoding", "identity")
        kind, *parameters = [part.strip().lower() for part in found.split(";")]
        is_form = kind == MULTIPART and len(parameters) == 1 and parameters[0].startswith("boundary=")
        is_plain = parameters in ([], ["charset=utf-8"])
        if kind not in media_types or not (is_form or is_plain) or encoding != "identity":
            line = f"content type {found[:100]} (encoding {encoding[:20]}); {' or '.join(media_types)} in UTF-8"
            raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"{line} is needed")


@dataclass(eq=False)
class _Body:
    """A body that is being read."""

    deadline: asyncio.Timeout
    content: bytearray = field(default_factory=bytearray)
    made_room: bool = False

    def give_up(self) -> None:
        """Read no more of it."""
        if not (self.made_room or self.deadline.expired()):
            self.made_room = True
            self.deadline.reschedule(0)


class _Answer:
    """The answer to a request, with the headers of every answer; how far it has come."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.is_sent = False

    async def send(self, message: Message) -> None:
        """Send a part of the answer, and note what it was."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        self.is_sent = message["type"] == "http.response.body" and not message.get("more_body")
        try:
            await self._send(message)
        except RuntimeError as error:  # uvloop's, between the end of a connection and the news of it
            if "closed" not in str(error):
                raise
            await asyncio.sleep(0)  # in which uvicorn hears of it
            raise ClientDisconnect from None


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    """Parts of a body as they come in, to the last.

    Raises
    ------
    ClientDisconnect
        The client left before that.
    """
    is_last = False
    while not is_last:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        is_last = not message.get("more_body")
        yield message.get("body", b"")


def _head_size(scope: Scope) -> int:
    """Bytes of a request's address and headers."""
    address = len(scope.get("raw_path") or b"") + len(scope["query_string"])
    return address + sum(len(name) + len(value) for name, value in scope["headers"])


def _announced(request: Request) -> int:
    """Length of the body as its header announces it; 0 if it does not."""
    length = request.headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise Refusal(
            HTTPStatus.BAD_REQUEST, f"no length: content-length {length[:40]}", code=BAD_REQUEST, headers=CLOSE
        )
    return int(length) if len(length) < 20 else sys.maxsize


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
