"""Labels that came back: the annotated tasks of a project as a file of its export, as rows, and counted.

An address is `label-studio://PROJECT`, a project's number or its title.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from agile_classifier.data.formats.exports.label_studio import rows_of_task, standing_annotations
from agile_classifier.data.label_studio.connection import Connection, connect
from agile_classifier.data.label_studio.projects import Project, Task, find_project, list_tasks, read_annotated_tasks
from agile_classifier.errors import InputError
from agile_classifier.files import write_whole

SCHEME = "label-studio://"
KEPT = ("id", "data", "annotations", "agreement")
"""What is kept of a task: what its rows are made of, so that the file changes only where a label does."""


@dataclass(frozen=True)
class Pulled:
    """Labels of a project, and what is none."""

    project: Project
    tasks: tuple[Task, ...]
    """Tasks with a label, as `KEPT`."""
    n_skipped: int
    """Tasks that were skipped by everyone who saw them."""

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row for each annotator's latest label of a task, as `agile_classifier.data.formats.exports`."""
        return (row for task in self.tasks for row in rows_of_task(task))


@dataclass(frozen=True)
class NewLabels:
    """Labels that were given or changed after a time."""

    count: int
    until: datetime | None
    """When the latest of them was given, by Label Studio's clock; None without any."""


def pull_labels(connection: Connection, named: str) -> Pulled:
    """Read the labels of a project of a number or title; raises as `find_project`."""
    project = find_project(connection, named)
    tasks = read_annotated_tasks(connection, project)
    labelled = tuple({name: task[name] for name in KEPT if name in task} for task in tasks if is_labelled(task))
    return Pulled(project, labelled, len(tasks) - len(labelled))


def fetch_labels(address: str, folder: Path) -> Path:
    """Write the labels that an address names into a folder, as a file that every reader of rows takes.

    Each call asks the server anew.

    Raises
    ------
    InputError
        No server or token is set, there is no such project, or nobody has labelled anything in it yet.
    """
    pulled = pull_labels(connect(), read_address(address))
    if not pulled.tasks:
        raise InputError(f"{address}: {pulled.project.named} holds no labels yet")
    write_whole(folder / "labels.json", json.dumps(pulled.tasks, ensure_ascii=False))
    return folder / "labels.json"


def read_address(address: str) -> str:
    """The project that an address names, `label-studio://7` or `label-studio://To%20label`."""
    named = unquote(address.removeprefix(SCHEME)).strip().rstrip("/")
    if not address.startswith(SCHEME) or not named:
        raise InputError(f"{address}: needed is label-studio://PROJECT, a project's number or title")
    return named


def count_new_labels(connection: Connection, project: Project, *, since: datetime | None) -> NewLabels:
    """Count the labels of a project that were given or changed after a time, of every annotator; all without one."""
    given = [
        changed_at(annotation)
        for task in list_tasks(connection, project, changed_since=since)
        for annotation in standing_annotations(task)
        if has_answer(annotation)
    ]
    new = [time for time in given if since is None or time > since]
    return NewLabels(len(new), max(new, default=None))


def is_labelled(task: Task) -> bool:
    """Whether anybody's latest annotation of a task is a label, rather than a skip or an empty form."""
    return any(map(has_answer, standing_annotations(task)))


def has_answer(annotation: Mapping[str, Any]) -> bool:
    """Whether an annotation says anything."""
    return bool(annotation.get("result"))


def changed_at(annotation: Mapping[str, Any]) -> datetime:
    """When an annotation was given or last changed."""
    return datetime.fromisoformat(str(annotation.get("updated_at") or annotation["created_at"]))
