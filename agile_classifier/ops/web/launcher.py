"""Launcher: a page on which a person picks a config, fills in its fields, and starts the training; the same as JSON.

Its server runs until it is told to stop; what was launched goes on.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import Body, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel, TypeAdapter, ValidationError
from zenml.client import Client

from agile_classifier.config.form import read_form
from agile_classifier.environment import label_studio_address
from agile_classifier.errors import InputError
from agile_classifier.ops.engines import require as engines
from agile_classifier.ops.engines import stacks
from agile_classifier.ops.labelling import backend
from agile_classifier.ops.labelling.trigger import Trainings, Trigger
from agile_classifier.ops.runs import links
from agile_classifier.ops.serving.connections import RequestLimits
from agile_classifier.ops.serving.docs import allow_by_digest
from agile_classifier.ops.serving.guard import Guard, Rules
from agile_classifier.ops.serving.listening import address, listen, read_token, run
from agile_classifier.ops.serving.refusals import ERRORS, Refusal, answer_error
from agile_classifier.ops.web import launches
from agile_classifier.ops.web.launches import Launch, LaunchWithOutput, Overrides, StillGoing

TOKEN = "AGILE_LAUNCH_TOKEN"  # noqa: S105  (the name of a variable)
TEMPLATE = "launcher.html.j2"
OPENED = ("data", "model", "fine_tune", "registry")
"""Sections that are open when the form is first seen."""
LIMITS = RequestLimits(max_bytes=backend.MAX_BYTES)
"""Limits of a request; a form has about 6,000 bytes, what Label Studio sends may have millions."""
JSON, FORM, HTML = "application/json", "application/x-www-form-urlencoded", "text/html"
POLICY = "default-src 'none'; style-src {style}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
"""Content security policy of a page: no script, no picture, its own style alone."""


def serve(*, host: str, port: int, token_file: Path | None) -> None:
    """Serve the page until SIGTERM or Ctrl-C.

    Raises
    ------
    InputError
        The port is taken, there is no token beyond loopback, or the active stack's engine cannot take a run.
    """
    token = read_token(token_file, variable=TOKEN)
    with listen(host, port, token=token, variable=TOKEN) as listener:
        stack = stacks.active_stack()
        engines.require_engine(stack)
        said = f"launcher for the stack {stack.name}: {address(listener)}"
        run(make_app(token=token), listener, said=said, limits=LIMITS)
    print("stopped; what was launched goes on", file=sys.stderr)


def make_app(*, token: str | None) -> Guard:
    """Make the application: the pages and their JSON; with a token, every path needs it."""
    pages = _Pages()
    app = FastAPI(
        title="agile deploy", docs_url=None, redoc_url=None, redirect_slashes=False, responses=ERRORS,
        description="Starts trainings on the active stack, and tells what became of them.",
    )  # fmt: skip
    app.get("/", include_in_schema=False)(pages.index)
    app.get("/health", response_model=Health)(pages.health)
    app.get("/configs/{name}", include_in_schema=False)(pages.form)
    app.post("/configs/{name}", include_in_schema=False)(pages.start_by_form)
    app.get("/launches", response_model=list[Launch])(pages.list_launches)
    app.post("/launches", response_model=LaunchWithOutput, status_code=HTTPStatus.ACCEPTED)(pages.start)
    as_page: dict[int | str, dict[str, Any]] = {200: {"content": {HTML: {}}}}
    app.get("/launches/{id}", response_model=LaunchWithOutput, responses=as_page)(pages.launch)
    trigger = Trigger(Trainings(pages.train, launches.is_going))
    backend.add_routes(app, trigger)
    if address_of_labels := label_studio_address():
        trigger.notice_all(address_of_labels)
    for kind in (InputError, StillGoing):
        app.add_exception_handler(kind, pages.refuse)
    return Guard(app, Rules(token=token, media_types=(JSON, FORM), limits=LIMITS, login_paths=("/",)))


_STYLE = re.compile("<style>(.*?)</style>", re.DOTALL)
_OVERRIDES: TypeAdapter[dict[str, str]] = TypeAdapter(Overrides)


async def _filled_in(request: Request) -> dict[str, str]:
    """Fields of a posted form, of which there are some."""
    fields = (await request.form(max_fields=launches.MOST_VALUES)).multi_items()
    if not fields:
        raise Refusal(HTTPStatus.BAD_REQUEST, "no field of the form was sent")
    try:
        return _OVERRIDES.validate_python(dict(fields))
    except ValidationError as error:
        raise RequestValidationError(
            [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors()]
        ) from None


class Health(BaseModel):
    """That the server lives, in the words that Label Studio asks for."""

    status: str = "UP"


class _Pages:
    def __init__(self) -> None:
        loader = FileSystemLoader(Path(__file__).parent)
        environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        self._template = environment.get_template(TEMPLATE)
        style = _STYLE.findall(loader.get_source(environment, TEMPLATE)[0])[0]
        policy = POLICY.format(style=allow_by_digest(style.encode()))
        self._headers = {"content-security-policy": policy, "cache-control": "no-store"}
        self._stack = stacks.active_stack()
        self._starting = threading.Lock()

    async def health(self) -> Health:
        """Tell that the server lives."""
        return Health()

    def index(self) -> Response:
        return self._page("index", "Launch a training", configs=launches.configs(), launches=launches.list_launches())

    def form(self, name: str) -> Response:
        return self._form(name)

    def start_by_form(self, name: str, filled_in: Annotated[dict[str, str], Depends(_filled_in)]) -> Response:
        try:
            launch = self._launch(name, filled_in)
        except (InputError, StillGoing) as error:
            return self._form(name, filled_in, error=str(error), status=_status(error))
        return RedirectResponse(f"/launches/{launch.id}", HTTPStatus.SEE_OTHER)

    def list_launches(self) -> list[LaunchWithOutput]:
        """List what was launched here, the newest first."""
        return launches.list_launches()

    def start(
        self,
        config: Annotated[str, Body(examples=["quickstart"], description="Name of a config, as the page lists them.")],
        overrides: Annotated[
            Overrides | None,
            Body(
                examples=[{"fine_tune.epochs": 5}],
                description="`section.field` to its value: a number, a boolean, null, or a text as the form takes it.",
            ),
        ] = None,
    ) -> LaunchWithOutput:
        """Start a training; 409 while another one runs on an engine of this machine."""
        return self._launch(config, overrides or {})

    def launch(self, id: str, request: Request) -> Response | LaunchWithOutput:
        """Tell what became of a training: as JSON where that is accepted, else as a page."""
        launch = launches.find(id)
        if JSON in request.headers.get("accept", ""):
            return launch
        is_going = launch.state == launches.GOING
        return self._page("launch", launch.config, refresh=is_going, launch=launch, address=_address(launch))

    def train(self, config: Path) -> str | None:
        """Start the training of a config of the project; its id, or None while another one keeps the machine."""
        name = next((name for name, (path, _) in launches.configs().items() if path.resolve() == config), None)
        if name is None:
            raise InputError(f"{config}: is none of the configs that are launched: {', '.join(launches.configs())}")
        try:
            return self._launch(name, {}).id
        except StillGoing:
            return None

    async def refuse(self, request: Request, error: Exception) -> Response:
        """Say what is wrong: as a page to a browser, else as JSON."""
        status = HTTPStatus.NOT_FOUND if request.method == "GET" else _status(error)
        if HTML in request.headers.get("accept", ""):
            return self._page("error", "Not found", status=status, error=str(error))
        return await answer_error(request, Refusal(status, str(error)))

    def _launch(self, name: str, filled_in: Mapping[str, Any]) -> LaunchWithOutput:
        with self._starting:
            is_local = self._stack.flavor("orchestrator") in engines.LOCAL_ENGINES
            return launches.start(name, filled_in, one_at_a_time=is_local)

    def _form(
        self, name: str, filled_in: Mapping[str, str] | None = None, *, error: str = "", status: int = 200
    ) -> Response:
        sections = read_form(launches.read_config(name))
        return self._page(
            "form", name, status=status, config=name, purpose=launches.configs()[name][1], sections=sections,
            filled_in=filled_in or {}, error=error, opened=tuple(sections) if error else OPENED,
        )  # fmt: skip

    def _page(self, view: str, title: str, *, status: int = 200, refresh: bool = False, **shown: Any) -> Response:
        page = self._template.render(view=view, title=title, refresh=refresh, stack=self._stack.name, **shown)
        return HTMLResponse(page, status, headers=self._headers)


def _status(error: Exception) -> HTTPStatus:
    return HTTPStatus.CONFLICT if isinstance(error, StillGoing) else HTTPStatus.BAD_REQUEST


def _address(launch: Launch) -> str | None:
    """Address of a launch's run on ZenML's dashboard; None before the run exists."""
    if launch.run_name is None:
        return None
    try:
        return links.run_address(Client().get_pipeline_run(launch.run_name, allow_name_prefix_match=False))
    except KeyError:
        return None
