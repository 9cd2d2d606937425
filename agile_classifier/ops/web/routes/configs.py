"""Routes of the first page, and of the configs that come with the project."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi.responses import RedirectResponse, Response

from agile_classifier.config.form import read_form
from agile_classifier.data.formats.packed import GZIP, ZIP
from agile_classifier.data.rows import FORMATS
from agile_classifier.errors import InputError
from agile_classifier.ops.web import launches, uploads
from agile_classifier.ops.web.fields import ask_first, fold_away
from agile_classifier.ops.web.launches import StillGoing
from agile_classifier.ops.web.routes.desk import Desk, filled_in, status_of

MOST_SHOWN = 20
"""Launches and files that the first page shows."""
PART_BYTES = 4_000_000
"""Largest part in which a file is brought, and largest file that comes as one, in bytes."""


def add(app: FastAPI, desk: Desk) -> None:
    """Add the routes to the launcher."""
    routes = _Routes(desk)
    app.get("/", include_in_schema=False)(routes.index)
    app.get("/configs/{name}", include_in_schema=False)(routes.form)
    app.post("/configs/{name}", include_in_schema=False)(routes.start)


class _Routes:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def index(self) -> Response:
        from agile_classifier.ops.web import models

        return self._desk.pages.show(
            "index", error="", configs=launches.configs(), launches=launches.list_launches()[:MOST_SHOWN],
            uploads=uploads.list_uploads()[:MOST_SHOWN], models=models.list_models(), part=PART_BYTES,
            largest=self._desk.most_bytes, suffixes=",".join((*sorted(FORMATS), GZIP, ZIP)),
        )  # fmt: skip

    def form(self, name: str) -> Response:
        return self._form(name, {})

    def start(self, name: str, filled_in: Annotated[dict[str, str], Depends(filled_in)]) -> Response:
        path = launches.find_config(name)
        try:
            with self._desk.starting:
                launch = launches.start(path, name, filled_in, is_local=self._desk.is_local)
        except (InputError, StillGoing) as error:
            return self._form(name, filled_in, error)
        return RedirectResponse(f"/launches/{launch.id}", HTTPStatus.SEE_OTHER)

    def _form(self, name: str, filled_in: Mapping[str, str], error: Exception | None = None) -> Response:
        sections = read_form(launches.read_config(launches.find_config(name)))
        first = ask_first(sections)
        return self._desk.pages.show(
            "form", status=HTTPStatus.OK if error is None else status_of(error), error=str(error or ""), config=name,
            purpose=launches.configs()[name][1], first=first, sections=fold_away(sections, first), filled_in=filled_in,
        )  # fmt: skip
