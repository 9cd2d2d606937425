"""Backend: the routes by which Label Studio asks a model, `/setup`, `/predict` and `/webhook`, beside `/health`.

Label Studio gives `/setup` three seconds and `/webhook` one, and writes off an annotator's time with both: neither
loads a model, reads a project or starts anything before it has answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from agile_classifier.data.label_studio.interface import read_interface
from agile_classifier.data.text import complaint_about
from agile_classifier.environment import label_studio_address
from agile_classifier.errors import InputError
from agile_classifier.ops.labelling.champions import LoadedChampions
from agile_classifier.ops.labelling.links import Link, read_link
from agile_classifier.ops.labelling.push import predict, version_name
from agile_classifier.ops.labelling.trigger import Trigger
from agile_classifier.ops.serving.refusals import Refusal

PATHS = ("/setup", "/predict", "/webhook", "/train")
"""Paths that Label Studio posts to."""
MAX_BYTES = 16_000_000
"""Largest request body, in bytes: Label Studio asks for all tasks that were ticked at once."""
PATHS = ("/setup", "/predict", "/webhook", "/train")
"""Paths to which Label Studio posts."""
START = "START_TRAINING"
"""What the button Start Training sends."""
LABELLED = frozenset({"ANNOTATION_CREATED", "ANNOTATIONS_CREATED", "ANNOTATION_UPDATED"})
"""Events after which there may be new labels; no other event, as `PROJECT_UPDATED`, starts anything."""


class SetUp(BaseModel):
    """What Label Studio says of a project when it connects."""

    project: str = Field(examples=["7.1764485000"], max_length=100)
    """Number of the project, and when it was made."""


class Asked(BaseModel):
    """A task whose text is to be classified."""

    id: int | None = None
    data: dict[str, Any]


class Question(SetUp):
    """Tasks of a project, and its labelling interface."""

    label_config: str = Field(examples=['<View><Text name="text" value="$text"/></View>'], max_length=1_000_000)
    tasks: list[Asked]


class Event(BaseModel):
    """What has happened in a project; which other fields there are depends on the event and the version."""

    model_config = ConfigDict(extra="allow")

    project: Any = None
    """The project itself, its number, or nothing."""
    action: str = Field(examples=[START], max_length=100)


class ModelVersion(BaseModel):
    """The version that predicts."""

    model_config = ConfigDict(protected_namespaces=())

    model_version: str


class Predictions(ModelVersion):
    """A prediction a task, in the order of the tasks; without a result for a text that cannot be scored."""

    results: list[dict[str, Any]]


class Heard(BaseModel):
    """What an event leads to."""

    status: str


def add_routes(app: FastAPI, trigger: Trigger, champions: LoadedChampions | None = None) -> None:
    """Add the routes to an application, whose guard asks for the token."""
    backend = _Backend(trigger, champions or LoadedChampions())
    app.post("/setup", response_model=ModelVersion)(backend.set_up)
    app.post("/predict", response_model=Predictions)(backend.predict)
    app.post("/webhook", response_model=Heard, status_code=HTTPStatus.ACCEPTED)(backend.hear)
    app.post("/train", response_model=Heard, status_code=HTTPStatus.ACCEPTED)(backend.train)


def project_of(event: Mapping[str, Any]) -> int | None:
    """Number of the project that an event is about, wherever its version of Label Studio writes it; None if nowhere.

    >>> project_of({"action": "START_TRAINING", "project": {"id": 7}})
    7
    """
    places = [event.get("project")]
    for name in ("annotation", "annotations", "task", "tasks"):
        held = event.get(name)
        places += [one.get("project") for one in (held if isinstance(held, list) else [held]) if isinstance(one, dict)]
    return next((number for place in places if (number := _number(place)) is not None), None)


class _Backend:
    def __init__(self, trigger: Trigger, champions: LoadedChampions) -> None:
        self._trigger, self._champions = trigger, champions

    def set_up(self, body: SetUp) -> ModelVersion:
        """Tell which version predicts for a project of Label Studio."""
        champion = self._champions.find(_model_of(body.project))
        return ModelVersion(model_version=version_name(champion.model_name, champion.version))

    def predict(self, body: Question) -> Predictions:
        """Predict the class of each task of Label Studio by the champion."""
        champion = self._champions.find(_model_of(body.project))
        controls = read_interface(body.label_config)
        if not controls:
            raise InputError(f"project {body.project}: its labelling interface has no control that judges a text")
        texts: list[Any] = [task.data.get(controls[0].column) for task in body.tasks]
        sound = [text for text in texts if complaint_about(text) == ""]
        name = version_name(champion.model_name, champion.version)
        said = iter(predict(self._champions.score(champion, sound), controls, model_version=name) if sound else ())
        results = [next(said) if complaint_about(text) == "" else {"result": []} for text in texts]
        return Predictions(model_version=name, results=results)

    def train(self, body: SetUp) -> Heard:
        """Start a training, as the button Start Training of Label Studio before 1.12 asks for it."""
        return self.hear(Event(action=START, project=body.project))

    def hear(self, body: Event) -> Heard:
        """Hear of an event: Start Training starts one, new labels may; any other is answered and forgotten."""
        if body.action != START and body.action not in LABELLED:
            return Heard(status=f"{body.action[:40]}: nothing follows from it")
        link = _link_of(project_of(body.model_dump()), action=body.action)
        if link is None or link.config is None:
            if body.action == START:
                raise Refusal(HTTPStatus.CONFLICT, _no_config(link))
            return Heard(status="noted: no config is trained by this project")
        self._trigger.notice(link, is_asked=body.action == START)
        return Heard(status="noted")


def _model_of(project: str) -> str | None:
    """Model of a project that was pushed to from here; None for any other, which the only champion answers."""
    number, address = _number(project), label_studio_address()
    link = read_link(address, number) if address and number is not None else None
    return link.model_name if link else None


def _link_of(number: int | None, *, action: str) -> Link | None:
    if number is None:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"{action}: no project; needed is project, annotation.project or task")
    address = label_studio_address()
    if address is None:
        raise Refusal(HTTPStatus.CONFLICT, "LABEL_STUDIO_URL is not set where the launcher runs")
    return read_link(address, number)


def _no_config(link: Link | None) -> str:
    if link is None:
        return "no config is known for this project: agile label push CONFIG --project NUMBER tells it"
    return f"project {link.project}: pushed for model {link.model_name} alone: agile label push CONFIG names a config"


def _number(place: Any) -> int | None:
    """Number of a project that is written as 7, "7", "7.1764485000" or {"id": 7}."""
    if isinstance(place, dict):
        return _number(place.get("id"))
    if isinstance(place, bool) or not isinstance(place, int | str):
        return None
    head = str(place).partition(".")[0]
    return int(head) if head.isascii() and head.isdigit() and len(head) < 19 else None
