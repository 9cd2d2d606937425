"""Launcher: a page on which a person picks a config, fills in its fields, and starts the training; the same over HTTP as JSON.

Every request needs the token where there is one, as a bearer or as the password of a browser's login; without one only names of this machine are
answered, and nothing is started from a page of another site.
"""

from __future__ import annotations

import base64
import hmac
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from zenml.client import Client

from agile_classifier.config.form import changed, read_form
from agile_classifier.errors import InputError
from agile_classifier.ops.engines import require as engines
from agile_classifier.ops.engines import stacks
from agile_classifier.ops.runs import links
from agile_classifier.ops.web import launches
from agile_classifier.ops.web.launches import Launch, StillGoing

TEMPLATE = "launcher.html.j2"
OPENED = ("data", "model", "fine_tune", "registry")
"""Sections that are open when the form is first seen."""
LARGEST_REQUEST = 200_000
"""Bytes; a form has some six thousand."""
LOCAL_NAMES = ("127.0.0.1", "localhost", "::1")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Refuses whoever may not ask, before anything is looked at."""

    def __init__(self, app: ASGIApp, *, token: str | None) -> None:
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        refused = self._refusal(Request(scope)) if scope["type"] == "http" else None
        await (refused or self._app)(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        if self._token is None and request.url.hostname not in LOCAL_NAMES:
            return PlainTextResponse(f"no such host here: {request.url.hostname}", 421)
        if self._token is not None and not hmac.compare_digest(_given(request).encode(), self._token.encode()):
            login = {"WWW-Authenticate": 'Basic realm="agile launcher: any user, the token as password"'}
            return PlainTextResponse("a token is needed, as bearer or as password", 401, headers=login)
        origin = request.headers.get("origin")
        is_foreign = request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none") or (
            origin is not None and urlsplit(origin).netloc != request.headers.get("host")
        )
        if request.method == "POST" and is_foreign:
            return PlainTextResponse("a page of another site may start nothing", 403)
        if (
            request.method == "POST"
            and int(request.headers.get("content-length", LARGEST_REQUEST + 1)) > LARGEST_REQUEST
        ):
            return PlainTextResponse(f"{LARGEST_REQUEST} bytes are allowed, and their number must be said", 413)
        return None


def make_app(*, token: str | None) -> ASGIApp:
    """The pages and their JSON."""
    pages = _Pages()
    routes = [
        Route("/", pages.index),
        Route("/health", pages.health),
        Route("/configs/{name}", pages.form),
        Route("/launches", pages.list, methods=["GET"]),
        Route("/launches", pages.start, methods=["POST"]),
        Route("/launches/{id}", pages.launch),
    ]
    return Guard(Starlette(routes=routes), token=token)


class _Pages:
    def __init__(self) -> None:
        loader = FileSystemLoader(Path(__file__).parent)
        environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        self._template = environment.get_template(TEMPLATE)
        self._stack = stacks.active_stack()
        self._starting = threading.Lock()

    async def health(self, _: Request) -> Response:
        return PlainTextResponse("OK")

    def index(self, _: Request) -> Response:
        return self._page("index", "Launch a training", configs=launches.configs(), launches=launches.list_launches())

    def form(self, request: Request) -> Response:
        name = request.path_params["name"]
        try:
            return self._form(name)
        except InputError as error:
            return self._page("error", "No such config", status=404, error=str(error))

    def list(self, _: Request) -> Response:
        return JSONResponse([_described(launch) for launch in launches.list_launches()])

    def launch(self, request: Request) -> Response:
        try:
            launch = launches.find(request.path_params["id"])
        except InputError as error:
            return self._refused(request, str(error), 404)
        if _wants_json(request):
            return JSONResponse({**_described(launch), "output": launch.output})
        is_going = launch.state == launches.GOING
        return self._page("launch", launch.config, refresh=is_going, launch=launch, address=_address(launch))

    async def start(self, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0] == "application/json":
            try:
                asked = json.loads(await request.body())
                name, overrides = asked["config"], dict(asked.get("overrides") or {})
            except (KeyError, TypeError, ValueError):
                return JSONResponse({"error": 'expected {"config": NAME, "overrides": {"SECTION.FIELD": VALUE}}'}, 400)
            return await run_in_threadpool(self._start_by_json, str(name), overrides)
        posted = await request.form()
        filled_in = {name: str(value) for name, value in posted.items() if name != "config"}
        return await run_in_threadpool(self._start_by_form, str(posted.get("config", "")), filled_in)

    def _start_by_json(self, name: str, overrides: Mapping[str, Any]) -> Response:
        try:
            return JSONResponse(_described(self._launch(name, overrides)), 202)
        except (InputError, StillGoing) as error:
            return JSONResponse({"error": str(error)}, _status(error))

    def _start_by_form(self, name: str, filled_in: Mapping[str, str]) -> Response:
        try:
            overrides = changed(launches.read_config(name), filled_in)
            return RedirectResponse(f"/launches/{self._launch(name, overrides).id}", 303)
        except (InputError, StillGoing) as error:
            if name in launches.configs():
                return self._form(name, filled_in, error=str(error), status=_status(error))
            return self._page("error", "No such config", status=400, error=str(error))

    def _launch(self, name: str, overrides: Mapping[str, Any]) -> Launch:
        with self._starting:
            is_local = self._stack.flavor("orchestrator") in engines.LOCAL_ENGINES
            return launches.start(name, overrides, one_at_a_time=is_local)

    def _form(
        self, name: str, filled_in: Mapping[str, str] | None = None, *, error: str = "", status: int = 200
    ) -> Response:
        sections = read_form(launches.read_config(name))
        return self._page(
            "form", name, status=status, config=name, purpose=launches.configs()[name][1], sections=sections,
            filled_in=filled_in or {}, error=error, opened=tuple(sections) if error else OPENED,
        )  # fmt: skip

    def _refused(self, request: Request, error: str, status: int) -> Response:
        if _wants_json(request):
            return JSONResponse({"error": error}, status)
        return self._page("error", "Not found", status=status, error=error)

    def _page(self, view: str, title: str, *, status: int = 200, refresh: bool = False, **shown: Any) -> Response:
        page = self._template.render(view=view, title=title, refresh=refresh, stack=self._stack.name, **shown)
        return HTMLResponse(page, status, headers=HEADERS)


def _status(error: Exception) -> int:
    return 409 if isinstance(error, StillGoing) else 400


def _described(launch: Launch) -> dict[str, Any]:
    return {
        "id": launch.id, "config": launch.config, "overrides": dict(launch.overrides), "started": launch.started,
        "state": launch.state, "exit_code": launch.exit_code, "run": launch.run_name,
    }  # fmt: skip


def _address(launch: Launch) -> str | None:
    """Of the run on ZenML's dashboard; None before it is there."""
    if launch.run_name is None:
        return None
    try:
        return links.run_address(Client().get_pipeline_run(launch.run_name, allow_name_prefix_match=False))
    except KeyError:
        return None


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def _given(request: Request) -> str:
    """The token that a request carries."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except ValueError:  # neither base64 nor text
        return ""
