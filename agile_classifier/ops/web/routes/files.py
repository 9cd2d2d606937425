"""Routes of files that are brought: sent, looked at, asked about, run, removed."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Body, Depends, FastAPI, Query, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import UploadFile

from agile_classifier.config.form import read_form
from agile_classifier.errors import InputError
from agile_classifier.ops.serving.guard import MULTIPART
from agile_classifier.ops.serving.listening import BodyRules
from agile_classifier.ops.serving.refusals import Refusal
from agile_classifier.ops.web import guesses, launches, uploads
from agile_classifier.ops.web.fields import BASE, OF_FILE, ask_first, base_models, fold_away, write_base
from agile_classifier.ops.web.launches import StillGoing
from agile_classifier.ops.web.roles import DIALECT, ROLES, ask_dialect, ask_roles, read_chosen
from agile_classifier.ops.web.routes.configs import PART_BYTES
from agile_classifier.ops.web.routes.desk import FORM, JSON, Desk, filled_in, status_of
from agile_classifier.ops.web.uploads import Upload

OCTETS = "application/octet-stream"
PATH = "/files"
BODIES: Mapping[str, BodyRules] = {PATH: BodyRules((JSON, FORM, OCTETS, MULTIPART), PART_BYTES)}
"""What is posted to the paths of files: a part of a file at most."""
AS_OCTETS: dict[str, Any] = {
    "requestBody": {"required": True, "content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}}}
}


def add(app: FastAPI, desk: Desk) -> None:
    """Add the routes to the launcher."""
    routes = _Routes(desk)
    app.get(PATH, response_model=list[Upload])(uploads.list_uploads)
    app.post(PATH, response_model=Upload, status_code=HTTPStatus.CREATED)(routes.begin)
    app.post(f"{PATH}/form", include_in_schema=False)(routes.keep)
    app.post(f"{PATH}/{{id}}/parts", response_model=Upload, openapi_extra=AS_OCTETS)(routes.append)
    app.get(f"{PATH}/{{id}}", include_in_schema=False)(routes.show)
    app.post(f"{PATH}/{{id}}/answers", include_in_schema=False)(routes.answer)
    app.post(f"{PATH}/{{id}}/choices", include_in_schema=False)(routes.choose)
    app.post(f"{PATH}/{{id}}/runs", include_in_schema=False)(routes.start)
    app.post(f"{PATH}/{{id}}/removal", include_in_schema=False)(routes.remove)


async def _content(request: Request) -> bytes:
    return await request.body()


async def _file(request: Request) -> tuple[str, bytes]:
    """Name and content of the one file of a posted form."""
    form = await request.form(max_files=1, max_fields=1)
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise Refusal(HTTPStatus.BAD_REQUEST, "no file was sent; choose one")
    return file.filename, await file.read()


class _Routes:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def begin(
        self,
        name: Annotated[str, Body(max_length=1_000, examples=["comments.csv"], description="Name of the file.")],
        size: Annotated[int, Body(ge=0, le=2**53, examples=[120_000], description="Bytes that it has.")],
    ) -> Upload:
        """Make a place for a file, which is then sent in parts."""
        return uploads.begin(name, size, most_bytes=self._desk.most_bytes)

    def append(
        self,
        id: str,
        content: Annotated[bytes, Depends(_content)],
        offset: Annotated[int, Query(ge=0, le=2**53, description="Byte of the file at which the part begins.")],
    ) -> Upload:
        """Add the next part of a file; 409 where it does not follow the one before."""
        return uploads.append(id, offset, content)

    def keep(self, sent: Annotated[tuple[str, bytes], Depends(_file)]) -> Response:
        """Keep a file that comes as one, from a browser that runs no script."""
        upload = uploads.keep(*sent, most_bytes=self._desk.most_bytes)
        return _to(upload)

    def show(self, id: str) -> Response:
        return self._show(uploads.find_whole(id), {})

    def answer(self, id: str, filled_in: Annotated[dict[str, str], Depends(filled_in)]) -> Response:
        """Settle the question that the file leaves open; one that was settled meanwhile is not settled again."""
        upload = uploads.find_whole(id)
        asked = guesses.read(upload).asked
        if asked is not None and asked.asks == filled_in.get("asks"):
            number = filled_in.get("answer", "")
            guesses.answer(upload, asked, int(number) if number.isascii() and number.isdigit() else -1)
        return _to(upload)

    def choose(self, id: str, filled_in: Annotated[dict[str, str], Depends(filled_in)]) -> Response:
        """Note what was said of the file, and look at it again."""
        upload = uploads.find_whole(id)
        try:
            self._note(upload, filled_in)
        except InputError as error:
            return self._show(upload, filled_in, error)
        return _to(upload)

    def start(self, id: str, filled_in: Annotated[dict[str, str], Depends(filled_in)]) -> Response:
        """Start a training on the file; where it is read otherwise than was shown, it is shown first."""
        upload = uploads.find_whole(id)
        try:
            if self._note(upload, filled_in):
                raise InputError("The file is read otherwise now than it was shown: look at the rows, then run.")
            if guesses.read(upload).drafted is None:
                raise InputError("The file is not understood yet: settle that first.")
            with self._desk.starting:
                launch = launches.start(
                    guesses.config_path(upload), upload.name, _settings(filled_in), is_local=self._desk.is_local,
                    file=upload.id,
                )  # fmt: skip
        except (InputError, StillGoing) as error:
            return self._show(upload, filled_in, error)
        return RedirectResponse(f"/launches/{launch.id}", HTTPStatus.SEE_OTHER)

    def remove(self, id: str) -> Response:
        """Remove the file, unless a run reads it."""
        going = [each.id for each in launches.list_launches() if each.file == id and each.state == launches.GOING]
        if going:
            raise StillGoing(f"launch {going[0]} reads the file; stop it first")
        uploads.remove(id)
        return RedirectResponse("/", HTTPStatus.SEE_OTHER)

    def _note(self, upload: Upload, filled_in: Mapping[str, str]) -> bool:
        """Note what was said of a file; returns whether that is new."""
        before = guesses.find_chosen(upload)
        chosen = read_chosen(filled_in, guesses.read(upload), before)
        guesses.choose(upload, chosen)
        return chosen != before

    def _show(self, upload: Upload, filled_in: Mapping[str, str], error: Exception | None = None) -> Response:
        reading = guesses.read(upload)
        shown: dict[str, Any] = {"first": [], "sections": {}, "name": "", "n_versions": 0, "bases": {}}
        if reading.drafted is not None:
            shown = _look_at_settings(upload, filled_in)
        chosen = guesses.find_chosen(upload)
        return self._desk.pages.show(
            "file", status=HTTPStatus.OK if error is None else status_of(error), error=str(error or ""), upload=upload,
            reading=reading, roles=ask_roles(reading, chosen), dialect=ask_dialect(chosen), filled_in=filled_in,
            **shown,
        )  # fmt: skip


def _look_at_settings(upload: Upload, filled_in: Mapping[str, str]) -> dict[str, Any]:
    """What the page of a file shows of the run that it would start."""
    from agile_classifier.ops.web import models

    config = launches.read_config(guesses.config_path(upload))
    sections = read_form(config)
    first = ask_first(sections, OF_FILE)
    name = filled_in.get("registry.model_name", config.registry.model_name)
    return {
        "first": first,
        "sections": fold_away(sections, first),
        "name": name,
        "n_versions": models.count_versions(name),
        "bases": base_models(),
    }


def _settings(filled_in: Mapping[str, str]) -> dict[str, str]:
    """Fields of the config as they were filled in; a base model other than the draft's stands for its whole section."""
    settings = {name: text for name, text in filled_in.items() if name not in (BASE, *ROLES, *DIALECT)}
    base, of_draft = filled_in.get(BASE, guesses.BASE_CONFIG), guesses.BASE_CONFIG
    return settings if base == of_draft else {**settings, **dict(write_base(base))}


def _to(upload: Upload) -> Response:
    return RedirectResponse(f"{PATH}/{upload.id}", HTTPStatus.SEE_OTHER)
