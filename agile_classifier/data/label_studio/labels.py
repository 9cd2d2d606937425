"""Labels that came back: the annotated tasks of a project as a file of its export, as rows, and counted.

An address of a source is `label-studio://PROJECT`, a project's number or its title.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from agile_classifier.config.addresses.source import Source
from agile_classifier.data.fetch.fetched import Fetched
from agile_classifier.data.formats.exports.label_studio import rows_of_task, standing_annotations
from agile_classifier.data.label_studio.connection import Connection, connect
from agile_classifier.data.label_studio.projects import Project, Task, find_project, list_tasks, read_annotated_tasks
from agile_classifier.errors import InputError
from agile_classifier.files import write_whole

SCHEME = "label-studio"
KEPT = ("id", "data", "agreement")
"""What is kept of a task beside its labels: what its rows are made of, so that the file changes only where they do."""


@dataclass(frozen=True)
class Pulled:
    """Labels of a project, and what is none."""

    project: Project
    labels: tuple[Task, ...]
    """A task for each annotator's latest label of it, the latest label last: a later row replaces an earlier one."""
    n_skipped: int
    """Tasks that nobody has labelled though somebody saw them."""

    @property
    def n_texts(self) -> int:
        """Number of tasks that have a label."""
        return len({task["id"] for task in self.labels})

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row a label, as `agile_classifier.data.formats.exports` reads it."""
        return (row for task in self.labels for row in rows_of_task(task))


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
    labels = [(changed_at(annotation), task, annotation) for task in tasks for annotation in labels_of(task)]
    single = tuple(
        {**{name: task[name] for name in KEPT if name in task}, "annotations": [annotation]}
        for _, task, annotation in sorted(labels, key=itemgetter(0))
    )
    return Pulled(project, single, len(tasks) - len({task["id"] for task in single}))


def fetch_labels(source: Source, folder: Path) -> list[Fetched]:
    """Fetch the labels of a source `label-studio://PROJECT`, a project's number or title.

    Each call asks the server anew.

    Raises
    ------
    InputError
        No server or token is set, there is no such project, or nobody has labelled anything in it yet.
    """
    address = str(source.source)
    named = read_address(address)
    try:
        pulled = pull_labels(connect(), named)
    except InputError as error:
        raise InputError(f"{address}: {error}") from None
    if not pulled.labels:
        raise InputError(f"{address}: {pulled.project.named} holds no labels yet")
    write_whole(folder / "labels.json", json.dumps(pulled.labels, ensure_ascii=False))
    return [Fetched(folder / "labels.json", address)]


def read_address(address: str) -> str:
    """The project that an address names, `label-studio://7` or `label-studio://To%20label`."""
    scheme, _, rest = address.partition("://")
    named = unquote(rest).strip().rstrip("/")
    if scheme.lower() != SCHEME or not named:
        raise InputError(f"{address}: needed is {SCHEME}://PROJECT, a project's number or title")
    return named


def count_new_labels(connection: Connection, project: Project, *, since: datetime | None) -> NewLabels:
    """Count the labels of a project that were given or changed after a time, of every annotator; all without one."""
    tasks = list_tasks(connection, project, changed_since=since)
    given = [changed_at(annotation) for task in tasks for annotation in labels_of(task)]
    new = [time for time in given if since is None or time > since]
    return NewLabels(len(new), max(new, default=None))


def labels_of(task: Task) -> list[dict[str, Any]]:
    """Each annotator's latest annotation of a task, where it is a label rather than a skip or an empty form."""
    return [annotation for annotation in standing_annotations(task) if annotation.get("result")]


def changed_at(annotation: Mapping[str, Any]) -> datetime:
    """When an annotation was given or last changed."""
    return datetime.fromisoformat(str(annotation.get("updated_at") or annotation["created_at"]))
