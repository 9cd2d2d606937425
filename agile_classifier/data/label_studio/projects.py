"""Projects of a Label Studio server: found by number or title, made, filled with tasks, and their tasks read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agile_classifier.data.label_studio.connection import Connection, NotFound, shown
from agile_classifier.data.label_studio.interface import Control, read_interface
from agile_classifier.errors import InputError, did_you_mean

Task = dict[str, Any]

TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
"""How a filter takes a time; no other form is."""
MOST_LISTED = 10
"""Projects that an error names."""
CHUNK = 500
"""Tasks that are sent at once."""


@dataclass(frozen=True)
class Project:
    """A project of a Label Studio server."""

    id: int
    title: str
    controls: tuple[Control, ...]
    """Questions of its labelling interface that judge a whole text."""
    model_version: str = ""
    """Version, or title of a backend, whose predictions annotators begin with."""

    @property
    def named(self) -> str:
        """Number and title, for a message."""
        return f"project {self.id} {self.title!r}"


def find_project(connection: Connection, named: str) -> Project:
    """Find the project of a number or title.

    Raises
    ------
    InputError
        There is none, or several have the title; the line names those that there are.
    """
    if named.isascii() and named.isdigit():
        try:
            return _as_project(connection.get(f"/api/projects/{named}/"))
        except NotFound:
            pass  # a title may be a number too
    titles = list_titles(connection)
    fitting = [number for number, title in titles.items() if title == named]
    if len(fitting) > 1:
        raise InputError(f"project {named!r}: several projects have that title: {_listed(fitting)}; name its number")
    if not fitting:
        there = [f"{number} {title!r}" for number, title in titles.items()]
        raise InputError(
            f"project {named!r}: no such project at {shown(connection.address)}; there are: {_listed(there)}"
            f"{did_you_mean(named, titles.values())}"
        )
    return _as_project(connection.get(f"/api/projects/{fitting[0]}/"))


def list_titles(connection: Connection) -> dict[int, str]:
    """Number → title of every project that the token may see."""
    found = connection.pages("/api/projects/", holds="results", include="id,title")
    return {int(project["id"]): str(project["title"]) for project in found}


def create_project(connection: Connection, title: str, interface: str, *, description: str) -> Project:
    """Make a project with a labelling interface."""
    return _as_project(
        connection.post(
            "/api/projects/", {"title": title, "label_config": interface, "description": description}
        )
    )  # fmt: skip


def show_predictions(connection: Connection, project: Project, model_version: str) -> None:
    """Have annotators begin with the predictions of a model version, or of a backend of that title."""
    connection.patch(f"/api/projects/{project.id}/", {"model_version": model_version, "show_collab_predictions": True})


def import_tasks(connection: Connection, project: Project, tasks: Sequence[Task]) -> None:
    """Add tasks, each with `data` and perhaps `predictions`, in pieces: what was sent stays if a later one fails."""
    for start in range(0, len(tasks), CHUNK):
        connection.post(f"/api/projects/{project.id}/import", list(tasks[start : start + CHUNK]))


def list_tasks(connection: Connection, project: Project, *, changed_since: datetime | None = None) -> Iterator[Task]:
    """Every task of a project with its annotations, or those that changed after a time."""
    filters = {
        "conjunction": "and",
        "items": [
            {
                "filter": "filter:tasks:updated_at", "operator": "greater", "type": "Datetime",
                "value": f"{changed_since.astimezone(UTC):{TIME}}",
            }
        ],
    } if changed_since else None  # fmt: skip
    query = {} if filters is None else {"query": json.dumps({"filters": filters})}
    return connection.pages("/api/tasks/", holds="tasks", project=project.id, fields="all", **query)


def read_annotated_tasks(connection: Connection, project: Project) -> list[Task]:
    """Every task that somebody has annotated or skipped, as the export of its project holds it, by number."""
    tasks: list[Task] = connection.get(f"/api/projects/{project.id}/export", exportType="JSON")
    return sorted(tasks, key=lambda task: int(task["id"]))


def _as_project(told: Mapping[str, Any]) -> Project:
    controls = read_interface(str(told.get("label_config") or "<View/>"))
    return Project(int(told["id"]), str(told["title"]), controls, str(told.get("model_version") or ""))


def _listed(names: Sequence[object]) -> str:
    more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    return f"{', '.join(map(str, names[:MOST_LISTED]))}{more}" if names else "none"
