"""Desk: what the routes of the launcher share, how they read a form, and what an error of a person becomes."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import TypeAdapter, ValidationError

from agile_classifier.errors import InputError
from agile_classifier.ops.engines import require as engines
from agile_classifier.ops.engines.stacks import StackFile
from agile_classifier.ops.serving.refusals import Refusal, answer_error
from agile_classifier.ops.web import launches
from agile_classifier.ops.web.fields import MOST_VALUES, Overrides
from agile_classifier.ops.web.launches import StillGoing
from agile_classifier.ops.web.pages.render import Pages
from agile_classifier.ops.web.uploads import NoRoom, OutOfStep

JSON, FORM, HTML = "application/json", "application/x-www-form-urlencoded", "text/html"
STATUSES: dict[type[Exception], HTTPStatus] = {
    InputError: HTTPStatus.BAD_REQUEST,
    StillGoing: HTTPStatus.CONFLICT,
    OutOfStep: HTTPStatus.CONFLICT,
    NoRoom: HTTPStatus.INSUFFICIENT_STORAGE,
}
"""Errors that a person can mend → their status."""
_TEXTS: TypeAdapter[dict[str, str]] = TypeAdapter(Overrides)


@dataclass(frozen=True)
class Desk:
    """What the routes share."""

    stack: StackFile
    pages: Pages
    most_bytes: int
    """Largest file that may be brought, in bytes."""
    starting: threading.Lock = field(default_factory=threading.Lock)
    """Held while something is started, so that of two only one finds that nothing runs."""

    @property
    def is_local(self) -> bool:
        """Whether runs stand on this machine."""
        return self.stack.flavor("orchestrator") in engines.LOCAL_ENGINES

    def train(self, config: Path) -> str | None:
        """Start the training of a config of the project; its id, or None while another one keeps the machine."""
        name = next((name for name, (path, _) in launches.configs().items() if path.resolve() == config), None)
        if name is None:
            raise InputError(f"{config}: is none of the configs that are launched: {', '.join(launches.configs())}")
        try:
            with self.starting:
                return launches.start(config, name, {}, is_local=self.is_local).id
        except StillGoing:
            return None

    async def refuse(self, request: Request, error: Exception) -> Response:
        """Say what is wrong: as a page to a browser, else as JSON."""
        status = status_of(error)
        if request.method == "GET" and status == HTTPStatus.BAD_REQUEST:
            status = HTTPStatus.NOT_FOUND
        if HTML in request.headers.get("accept", ""):
            return self.pages.refuse(error, status)
        return await answer_error(request, Refusal(status, str(error)))


def status_of(error: Exception) -> HTTPStatus:
    """Status of an error that a person can mend."""
    return next(status for kind, status in STATUSES.items() if isinstance(error, kind))


async def filled_in(request: Request) -> dict[str, str]:
    """Fields of a posted form, of which there are some."""
    fields = (await request.form(max_fields=MOST_VALUES)).multi_items()
    if not fields:
        raise Refusal(HTTPStatus.BAD_REQUEST, "no field of the form was sent")
    try:
        return _TEXTS.validate_python(dict(fields))
    except ValidationError as error:
        problems: list[Any] = [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors()]
        raise RequestValidationError(problems) from None
