"""Errors in the form of each interface: what a client of OpenAI's or Google's reads from them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

Body = dict[str, Any]


class OpenAIError(BaseModel):
    """What is wrong with a request, as OpenAI says it."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIErrorBody(BaseModel):
    """Body of an error of `/v1/moderations`."""

    error: OpenAIError


class GoogleError(BaseModel):
    """What is wrong with a request, as Google's interfaces say it."""

    code: int
    message: str
    status: str


class GoogleErrorBody(BaseModel):
    """Body of an error of `/v1alpha1/comments:analyze`."""

    error: GoogleError


OPENAI_ERRORS: dict[int | str, dict[str, Any]] = {status: {"model": OpenAIErrorBody} for status in ("4XX", "5XX")}
GOOGLE_ERRORS: dict[int | str, dict[str, Any]] = {status: {"model": GoogleErrorBody} for status in ("4XX", "5XX")}
"""Descriptions of the paths' errors, for the OpenAPI document."""

OPENAI_CODES: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "invalid_api_key",
    HTTPStatus.NOT_FOUND: "model_not_found",
    HTTPStatus.SERVICE_UNAVAILABLE: "server_overloaded",
}
"""Status → OpenAI's error code; none for any other."""
GOOGLE_STATUSES: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "UNAUTHENTICATED",
    HTTPStatus.FORBIDDEN: "PERMISSION_DENIED",
    HTTPStatus.NOT_FOUND: "NOT_FOUND",
    HTTPStatus.REQUEST_TIMEOUT: "DEADLINE_EXCEEDED",
    HTTPStatus.INTERNAL_SERVER_ERROR: "INTERNAL",
    HTTPStatus.SERVICE_UNAVAILABLE: "UNAVAILABLE",
}
"""Status → Google's name of it; `INVALID_ARGUMENT` for any other."""


def shape_for_openai(status: int, line: str) -> Body:
    """`{"error": {"message", "type", "param", "code"}}`."""
    kind = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    field = line.partition(":")[0]
    error = OpenAIError(
        message=line, type=kind, param=field if field in ("input", "model") else None, code=OPENAI_CODES.get(status)
    )
    return {"error": error.model_dump()}


def shape_for_google(status: int, line: str) -> Body:
    """`{"error": {"code", "message", "status"}}`."""
    named = GOOGLE_STATUSES.get(status, "INVALID_ARGUMENT")
    return {"error": GoogleError(code=status, message=line, status=named).model_dump()}
