"""Routes of registered classifiers: versions, champion and history on one page.

A promotion is asked for and answered there, and the champion rolled back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi.responses import RedirectResponse, Response

from agile_classifier.errors import InputError, one_line
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.web import launches, models
from agile_classifier.ops.web.launches import LaunchWithOutput, StillGoing
from agile_classifier.ops.web.pages.render import show_report
from agile_classifier.ops.web.routes.desk import Desk, filled_in, status_of

RUN_NAME = re.compile(r"[\w.-]{1,200}")
ANSWERS: Mapping[str, bool] = {"yes": True, "no": False}


def add(app: FastAPI, desk: Desk) -> None:
    """Add the routes to the launcher."""
    routes = _Routes(desk)
    app.get("/models/{name}", include_in_schema=False)(routes.show)
    app.get("/models/{name}/versions/{version}/report", include_in_schema=False)(routes.report)
    app.post("/models/{name}/versions/{version}/promotion", include_in_schema=False)(routes.promote)
    app.post("/models/{name}/answers", include_in_schema=False)(routes.answer)
    app.post("/models/{name}/rollback", include_in_schema=False)(routes.roll_back)


class _Routes:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(self, name: str) -> Response:
        return self._show(name)

    def report(self, name: str, version: str) -> Response:
        return show_report(models.read_report(name, version))

    def promote(self, name: str, version: str) -> Response:
        """Start the comparison with the champion, by the policy of the run that made the version."""
        number = registry.find_version(registry.only_model(name), version, is_alias=False)
        try:
            with self._desk.starting:
                launch = launches.promote(name, number, is_local=self._desk.is_local)
        except StillGoing as error:
            return self._show(name, error)
        return _follow(launch)

    def answer(self, name: str, filled_in: Annotated[dict[str, str], Depends(filled_in)]) -> Response:
        """Answer a promotion that waits for a person."""
        registry.only_model(name)
        run, said = filled_in.get("run", ""), filled_in.get("answer", "")
        if said not in ANSWERS or not RUN_NAME.fullmatch(run):
            raise InputError(f"answer {said[:20]!r}: needed are the name of a run, and yes or no")
        if run not in {version.asked_in for version in models.read_model(name).versions}:
            return self._show(name, InputError(f"run {run}: waits for nobody; perhaps it was answered just now"))
        reason = filled_in.get("reason", "")
        return _follow(launches.settle(name, run, promotes=ANSWERS[said], reason=reason))

    def roll_back(self, name: str, filled_in: Annotated[dict[str, str], Depends(filled_in)]) -> Response:
        """Start the rollback of the champion that was shown, and of no other."""
        registry.only_model(name)
        said, model = filled_in.get("version", ""), models.read_model(name)
        if model.champion_before is None:
            return self._show(name, InputError(f"model {name}: there is no champion before to roll back to"))
        if said != model.champions[-1]:
            shown = f"version {one_line(said, longest=20)!r}: is not the champion; version {model.champions[-1]} is"
            return self._show(name, InputError(shown))
        return _follow(launches.roll_back(name, said, reason=filled_in.get("reason", "")))

    def _show(self, name: str, error: Exception | None = None) -> Response:
        model = models.read_model(name)
        titles = [title for title in models.SHOWN.values() if any(title in each.metrics for each in model.versions)]
        started = [launch for launch in launches.list_launches() if launch.model_name == name]
        return self._desk.pages.show(
            "model", status=HTTPStatus.OK if error is None else status_of(error), error=str(error or ""), model=model,
            titles=titles, launches=started,
        )  # fmt: skip


def _follow(launch: LaunchWithOutput) -> Response:
    return RedirectResponse(f"/launches/{launch.id}", HTTPStatus.SEE_OTHER)
