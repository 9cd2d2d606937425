"""Routes of launches: started, followed, stopped, and their reports; as pages and as JSON."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Body, FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from agile_classifier.environment import home
from agile_classifier.errors import InputError
from agile_classifier.ops.web import launches, progress
from agile_classifier.ops.web.fields import Overrides
from agile_classifier.ops.web.launches import Launch, LaunchWithOutput
from agile_classifier.ops.web.pages.render import show_report
from agile_classifier.ops.web.routes.desk import HTML, JSON, Desk

IS_OVER = {"x-run-is-over": "1"}
"""Header by which a page that follows a run learns that nothing more will come."""
ERROR_LINE = re.compile(r"^agile: error: (.*)$", re.MULTILINE)
SENTENCES = {
    launches.DONE: "It has ended well.",
    launches.REFUSED: "A gate has refused it.",
    launches.FAILED: "It has failed.",
    launches.STOPPED: "It was stopped. Started again as it was, it goes on where it can.",
    launches.CUT_SHORT: "Its process was killed, by the machine or by somebody on it.",
}


def add(app: FastAPI, desk: Desk) -> None:
    """Add the routes to the launcher."""
    routes = _Routes(desk)
    as_page: dict[int | str, dict[str, Any]] = {200: {"content": {HTML: {}}}}
    app.get("/launches", response_model=list[Launch])(routes.list_launches)
    app.post("/launches", response_model=LaunchWithOutput, status_code=HTTPStatus.ACCEPTED)(routes.start)
    app.get("/launches/{id}", response_model=LaunchWithOutput, responses=as_page)(routes.launch)
    app.get("/launches/{id}/progress", include_in_schema=False)(routes.progress)
    app.get("/launches/{id}/report", include_in_schema=False)(routes.report)
    app.post("/launches/{id}/stop", include_in_schema=False)(routes.stop)


class _Routes:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

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
        path = launches.find_config(config)
        with self._desk.starting:
            return launches.start(path, config, overrides or {}, is_local=self._desk.is_local)

    def launch(self, id: str, request: Request) -> Response | LaunchWithOutput:
        """Tell what became of a training: as JSON where that is accepted, else as a page."""
        launch = launches.find(id)
        if JSON in request.headers.get("accept", ""):
            return launch
        return self._desk.pages.show("launch", error="", **_look_at(launch))

    def progress(self, id: str) -> Response:
        """How far it has come, as a part of its page."""
        shown = _look_at(launches.find(id))
        answer = self._desk.pages.show("progress", **shown)
        answer.headers.update({} if shown["is_going"] else IS_OVER)
        return answer

    def report(self, id: str) -> Response:
        """The report of its run, as `agile train` keeps it."""
        launch = launches.find(id)
        if not _has_report(launch):
            raise InputError(f"launch {id}: has no report; a run that ends well writes one")
        return show_report(_report_of(launch).read_text(encoding="utf-8"))

    def stop(self, id: str, request: Request) -> Response:
        """Tell it to stop; told once more, it ends at once."""
        launch = launches.stop(id)
        if JSON in request.headers.get("accept", ""):
            return Response(launch.model_dump_json(by_alias=True), media_type=JSON)
        return RedirectResponse(f"/launches/{id}", HTTPStatus.SEE_OTHER)


def _look_at(launch: LaunchWithOutput) -> dict[str, Any]:
    """What the page of a launch shows."""
    is_going, seen = launch.state == launches.GOING, progress.read_progress(launch)
    return {
        "launch": launch,
        "is_going": is_going,
        "progress": seen,
        "sentence": _say(launch, seen, is_going=is_going),
        "bar": progress.read_bar(launch.output) if is_going else None,
        "n_epochs": max((len(curve.losses) for curve in seen.curves), default=0),
        "has_report": not is_going and _has_report(launch),
    }


def _say(launch: LaunchWithOutput, seen: progress.Progress, *, is_going: bool) -> str:
    """One sentence on the state of a launch; of one that failed, its own last words."""
    if is_going and launch.is_told_to_stop:
        return "It was told to stop, and is setting its things in order."
    if is_going:
        return seen.sentence or "It is starting, which takes up to half a minute."
    words = ERROR_LINE.findall(launch.output) if launch.state in (launches.FAILED, launches.REFUSED) else []
    return " ".join([SENTENCES[launch.state], *words[-1:]])


def _has_report(launch: Launch) -> bool:
    return launch.run_name is not None and _report_of(launch).is_file()


def _report_of(launch: Launch) -> Any:
    return home() / "reports" / f"{launch.run_name}.html"
