"""Launcher: pages on which a person without a terminal brings a file, trains on it, and sees what came of it.

Its server runs until it is told to stop; what was launched goes on. The same can be had as JSON.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fastapi import FastAPI
from pydantic import BaseModel

from agile_classifier.environment import label_studio_address
from agile_classifier.ops.engines import require as engines
from agile_classifier.ops.engines import stacks
from agile_classifier.ops.labelling import backend
from agile_classifier.ops.labelling.trigger import Trainings, Trigger
from agile_classifier.ops.serving.connections import RequestLimits
from agile_classifier.ops.serving.guard import Guard
from agile_classifier.ops.serving.listening import BodyRules, Rules, address, listen, read_token, run
from agile_classifier.ops.serving.refusals import ERRORS
from agile_classifier.ops.web import launches
from agile_classifier.ops.web.pages.render import SCRIPT_PATH, Pages
from agile_classifier.ops.web.routes import configs, files, models, runs
from agile_classifier.ops.web.routes.desk import FORM, JSON, STATUSES, Desk
from agile_classifier.ops.web.uploads import MOST_BYTES

TOKEN = "AGILE_LAUNCH_TOKEN"  # noqa: S105  (the name of a variable)
LIMITS = RequestLimits(max_bytes=max(configs.PART_BYTES, backend.MAX_BYTES))
"""Limits of a request; only a part of a file, and what Label Studio sends, may be as large as that."""
FORM_BYTES = 64_000
"""Largest body of any other request, in bytes; a form has about 6,000."""
ROUTES = (configs.add, files.add, runs.add, models.add)
"""What adds the routes of a subject to the launcher: functions of the app and the desk."""
BODIES = {
    "/": BodyRules((JSON, FORM), FORM_BYTES),
    **files.BODIES,
    **{path: BodyRules((JSON,), backend.MAX_BYTES) for path in backend.PATHS},
}
"""Beginning of a path → what may be posted there."""


def serve(*, host: str, port: int, token_file: Path | None, most_bytes: int = MOST_BYTES) -> None:
    """Serve the pages until SIGTERM or Ctrl-C.

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
        run(make_app(token=token, most_bytes=most_bytes), listener, said=said, limits=LIMITS)
    print("stopped; what was launched goes on", file=sys.stderr)


def make_app(*, token: str | None, most_bytes: int = MOST_BYTES) -> Guard:
    """Make the application: the pages and their JSON; with a token, every path needs it.

    Parameters
    ----------
    most_bytes : int
        Largest file that may be brought, in bytes.
    """
    stack = stacks.active_stack()
    desk = Desk(stack, Pages(stack.name), most_bytes)
    app = FastAPI(
        title="agile deploy", docs_url=None, redoc_url=None, redirect_slashes=False, responses=ERRORS,
        description="Takes files, starts trainings on the active stack, and tells what became of them.",
    )  # fmt: skip
    app.get("/health", response_model=Health)(_health)
    app.get(SCRIPT_PATH, include_in_schema=False)(desk.pages.script)
    for add in ROUTES:
        add(app, desk)
    trigger = Trigger(Trainings(desk.train, launches.is_going))
    backend.add_routes(app, trigger)
    if address_of_labels := label_studio_address():
        trigger.notice_all(address_of_labels)
    for kind in STATUSES:
        app.add_exception_handler(kind, desk.refuse)
    return Guard(app, Rules(token=token, media_types=(), limits=LIMITS, login_paths=("/",), bodies=BODIES))


class Health(BaseModel):
    """Answer of a server that lives, in the words that Label Studio asks for."""

    status: str = "UP"


async def _health() -> Health:
    """Tell that the server lives."""
    return Health()
