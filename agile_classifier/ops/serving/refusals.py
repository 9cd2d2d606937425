"""Refusals: every error of our servers in MLflow's form, whether guard, route, pydantic or router raised it."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

LONGEST_LINE = 280
"""Longest error message, in characters."""
INVALID, BAD_REQUEST = "INVALID_PARAMETER_VALUE", "BAD_REQUEST"
CODES: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: INVALID,
    HTTPStatus.UNAUTHORIZED: "UNAUTHENTICATED",
    HTTPStatus.FORBIDDEN: "PERMISSION_DENIED",
    HTTPStatus.NOT_FOUND: "RESOURCE_DOES_NOT_EXIST",
    HTTPStatus.CONFLICT: "RESOURCE_CONFLICT",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: INVALID,
    HTTPStatus.INTERNAL_SERVER_ERROR: "INTERNAL_ERROR",
    HTTPStatus.SERVICE_UNAVAILABLE: "TEMPORARILY_UNAVAILABLE",
    HTTPStatus.INSUFFICIENT_STORAGE: "RESOURCE_EXHAUSTED",
}
"""Status → MLflow's error code; `BAD_REQUEST` for any other."""

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
"""Headers of every answer that does not say otherwise: a browser runs, shows and fetches nothing of it."""


class ErrorBody(BaseModel):
    """Body of every error, in MLflow's form."""

    error_code: str
    message: str


ERRORS: dict[int | str, dict[str, Any]] = {status: {"model": ErrorBody} for status in ("4XX", "5XX")}
"""Description of every path's errors, for the OpenAPI document."""


ErrorShape = Callable[[int, str], dict[str, Any]]
"""Status and the line that says what to mend, to the body of an answer."""
ERROR_SHAPE = "error_shape"
"""Key of a request's scope under which the form of its errors is; without one they have MLflow's."""


class Refusal(HTTPException):
    """A request that is not answered: status, a line that says what to mend, and MLflow's error code."""

    def __init__(self, status: int, line: str, *, code: str = "", headers: Mapping[str, str] | None = None) -> None:
        in_utf8 = line.encode(errors="backslashreplace").decode()
        super().__init__(status, " ".join(in_utf8.split())[:LONGEST_LINE], headers)
        self.code = code or CODES.get(status, BAD_REQUEST)

    @property
    def body(self) -> dict[str, str]:
        """Body of the answer."""
        return {"error_code": self.code, "message": self.detail}


def busy(reason: str, **headers: str) -> Refusal:
    """503, which says when to try again."""
    line, more = f"{reason}: try again later", {"retry-after": "1", **headers}
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, line, headers=more)


def head_too_large(max_bytes: int) -> Refusal:
    """431, for the head of a request with more bytes than are allowed."""
    line = f"the address and headers of the request have more than {max_bytes} bytes"
    return Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, line, headers={"connection": "close"})


def write_raw(refusal: Refusal) -> bytes:
    """Write a refusal as HTTP/1.1, for what never became a request; the connection ends with it."""
    body = json.dumps(refusal.body).encode()
    headers = {
        **SECURITY_HEADERS, **(refusal.headers or {}), "content-type": "application/json",
        "content-length": str(len(body)), "connection": "close",
    }  # fmt: skip
    lines = [f"HTTP/1.1 {refusal.status_code} {HTTPStatus(refusal.status_code).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


async def answer_error(request: Request, error: Exception) -> JSONResponse:
    """Answer a request that failed; its error code is left in the scope, as `refused`."""
    refusal = _as_refusal(request, error)
    request.scope["refused"] = refusal.code
    shape: ErrorShape | None = request.scope.get(ERROR_SHAPE)
    body = shape(refusal.status_code, refusal.detail) if shape else refusal.body
    return JSONResponse(body, refusal.status_code, headers=refusal.headers)


def _as_refusal(request: Request, error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, RequestValidationError):
        return _explain(error.errors()[0])
    if not isinstance(error, HTTPException):
        return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, f"the server failed: {type(error).__name__}")
    status, line, path = error.status_code, error.detail, request.scope["path"][:100]
    if status == HTTPStatus.BAD_REQUEST:
        return Refusal(status, f"the body cannot be read: {error.__cause__ or line}", code=BAD_REQUEST)
    if status == HTTPStatus.NOT_FOUND:
        line = f"no {path}; there are {', '.join(request.app.openapi()['paths'])}"
        return Refusal(status, line, code="ENDPOINT_NOT_FOUND")
    if status == HTTPStatus.METHOD_NOT_ALLOWED and error.headers:
        allowed = _allowed_methods(request) or error.headers["Allow"]
        line = f"{path} takes {allowed}, not {request.method}"
        return Refusal(status, line, headers={"Allow": allowed})
    return Refusal(status, line, headers=error.headers)


def _allowed_methods(request: Request) -> str:
    """Methods of all routes of a path; the router names those of the first."""
    routes = (route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE)
    return ", ".join(sorted({method for route in routes for method in getattr(route, "methods", None) or ()}))


def _explain(problem: Mapping[str, Any]) -> Refusal:
    """`FIELD: row 2: what is wrong; found VALUE`, rows counted from 0."""
    status, location, kind = HTTPStatus.BAD_REQUEST, problem["loc"][1:], problem["type"]
    if kind == "json_invalid":
        line = f"the body is not JSON: {problem['ctx']['error']} (character {location[-1]})"
        return Refusal(status, line, code=BAD_REQUEST)
    where = [f"row {part}" if isinstance(part, int) else part for part in location] or ["the body"]
    found = "" if kind in ("missing", "value_error") else f"; found {reprlib.repr(problem['input'])}"
    line = f"{': '.join(where)}: {problem['msg'].removeprefix('Value error, ')}{found}"
    return Refusal(status, line, code="" if location else BAD_REQUEST)
