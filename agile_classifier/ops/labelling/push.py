"""Push: texts that a version is unsure of become tasks of a Label Studio project, with what it says of each and why.

A text that the project holds already is not sent again, so that a push that was cut off is simply done again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agile_classifier.config.files import load_config
from agile_classifier.data.label_studio.connection import Connection
from agile_classifier.data.label_studio.interface import Control, prelabel, prelabel_several, write_interface
from agile_classifier.data.label_studio.labels import SCHEME
from agile_classifier.data.label_studio.projects import (
    Project,
    Task,
    create_project,
    find_project,
    import_tasks,
    list_tasks,
    list_titles,
    show_predictions,
)
from agile_classifier.data.text import is_missing, text_digest
from agile_classifier.errors import InputError
from agile_classifier.files import read_yaml
from agile_classifier.label_sets import read_labels
from agile_classifier.models.spec import PROBABILITY
from agile_classifier.ops.labelling.links import Link
from agile_classifier.ops.labelling.questions import ask_for_labels, find_controls
from agile_classifier.ops.project import list_configs, root
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.registry.contents import version_files
from agile_classifier.ops.registry.scorer import Scorer
from agile_classifier.ops.scoring.batch import find_scorer
from agile_classifier.ops.scoring.queue import Queue

BACKEND = "agile champion"
"""Title of `agile deploy` in Label Studio, whose predictions are those of the present champion."""
LONGEST_TITLE = 50
"""Longest title of a project that Label Studio takes, in characters."""


@dataclass(frozen=True)
class Pushed:
    """What a push has done."""

    project: Project
    is_new: bool
    """Whether the project was made."""
    n_sent: int
    n_known: int
    """Texts that the project held before."""
    n_prelabelled: int

    def in_words(self, queue: Queue) -> str:
        """Summary for a person."""
        made = "made" if self.is_new else "filled"
        known = f"; {self.n_known} texts were in it already" if self.n_known else ""
        bare = self.n_sent - self.n_prelabelled
        without = f"; {bare} without a pre-label, since no choice of the project is their class" if bare else ""
        return f"{queue.in_words()}\n{self.project.named} {made}: {self.n_sent} tasks{known}{without}"


def version_name(model_name: str, version: str) -> str:
    """Model version as Label Studio shows it."""
    return f"{model_name} version {version}"


def find_subject(subject: str, version: str | None) -> tuple[str, str, Path | None]:
    """The model and version that choose, and the config that new labels train.

    Parameters
    ----------
    subject : str
        Path of a config, or the name of a registered model, whose config is the one of the project that registers it.
    version : str or None
        Number or alias; None: the champion.
    """
    path = Path(subject)
    if path.suffix in (".yaml", ".yml"):
        model_name = load_config(path, here=root()).registry.model_name
        return *find_scorer(model_name, version), path.resolve()
    name, number = find_scorer(registry.only_model(subject), version)
    return name, number, _config_of(name)


def as_link(connection: Connection, project: Project, *, model_name: str, config: Path | None) -> Link:
    """What the routes of `agile deploy` have to know about a project."""
    return Link(
        address=connection.address, project=project.id, title=project.title, model_name=model_name,
        config=str(config) if config else None,
    )  # fmt: skip


def hints(project: Project, config: Path | None) -> list[str]:
    """What is still to be done for the labels to train the model."""
    if config is None:
        return ["several configs or none register this model: push with the CONFIG that the labels shall train"]
    if f"{SCHEME}://" not in config.read_text(encoding="utf-8"):
        return [f"{config}: does not read the labels yet: name {SCHEME}://{project.id} in data.sources"]
    return []


def open_project(
    connection: Connection, named: str, *, model_name: str, version: str
) -> tuple[Project, tuple[Control, ...], bool]:
    """Find a project or make it; returns it, the controls that the labels are read from, and whether it is new.

    Raises
    ------
    InputError
        A number that no project has, a title that is too long, or a project whose interface does not fit.
    """
    config, spec = version_files.read_config(model_name, version), version_files.read_spec(model_name, version)
    wanted = ask_for_labels(config, class_names=spec.class_names)
    if named.isdigit() or named in list_titles(connection).values():
        project = find_project(connection, named)
        return project, find_controls(project.controls, wanted, project=project.named), False
    if not 3 <= len(named) <= LONGEST_TITLE:
        raise InputError(f"--project {named!r}: a title in Label Studio has 3 to {LONGEST_TITLE} characters")
    description = f"Texts that {model_name} is unsure of; pushed by agile label push."
    return create_project(connection, named, write_interface(wanted), description=description), wanted, True


def push(
    connection: Connection, queue: Queue, project: Project, controls: Sequence[Control], *, is_new: bool
) -> Pushed:
    """Send the chosen texts that the project does not hold yet, and have it show what the version says of them."""
    column = queue.pool.column
    known = set() if is_new else _known_texts(connection, project, controls[0].column)
    rows = queue.rows[~queue.rows[column].map(text_digest).isin(known)]
    name = version_name(queue.model_name, queue.version)
    tasks = _tasks(rows, queue, controls, model_version=name) if len(rows) else []
    import_tasks(connection, project, tasks)
    if project.model_version != BACKEND:
        show_predictions(connection, project, name)
    n_prelabelled = sum(bool(task["predictions"][0]["result"]) for task in tasks)
    return Pushed(project, is_new, len(tasks), len(queue.rows) - len(rows), n_prelabelled)


def predict(answers: pd.DataFrame, controls: Sequence[Control], *, model_version: str) -> list[dict[str, Any]]:
    """Answers of a version as Label Studio's predictions: the class, its probability as score, and the version.

    Of several labels those that it finds, and the probability of the answer that it is least sure of.
    """
    labels = answers["label"].astype(str)
    if any(f"{PROBABILITY}{label}" not in answers for label in labels):
        return _predict_several(answers, controls, model_version=model_version)
    return [
        {
            "model_version": model_version,
            "score": round(float(answers[f"{PROBABILITY}{label}"].iloc[place]), 4),
            "result": prelabel(controls, label),
        }
        for place, label in enumerate(labels)
    ]  # fmt: skip


def _predict_several(answers: pd.DataFrame, controls: Sequence[Control], *, model_version: str) -> list[dict[str, Any]]:
    columns = [name for name in answers if str(name).startswith(PROBABILITY)]
    names = [str(name).removeprefix(PROBABILITY) for name in columns]
    probability = answers[columns].to_numpy(dtype="float64")
    least_sure = np.maximum(probability, 1 - probability).min(axis=1)
    return [
        {
            "model_version": model_version,
            "score": round(float(score), 4),
            "result": prelabel_several(controls, read_labels(label), names=names),
        }
        for label, score in zip(answers["label"], least_sure, strict=True)
    ]


def _config_of(model_name: str) -> Path | None:
    """The one config of the project that registers a model; None where several do, or none."""
    fitting = [path for path in list_configs() if _registers(path) == model_name]
    return fitting[0].resolve() if len(fitting) == 1 else None


def _registers(path: Path) -> str | None:
    parameters = read_yaml(path, what="config file")
    sections = parameters.get("parameters", {}) if isinstance(parameters, dict) else {}
    registry_section = sections.get("registry", {}) if isinstance(sections, dict) else {}
    return registry_section.get("model_name") if isinstance(registry_section, dict) else None


def _known_texts(connection: Connection, project: Project, column: str) -> set[str]:
    texts = (task["data"].get(column) for task in list_tasks(connection, project))
    return {text_digest(text) for text in texts if isinstance(text, str)}


def _tasks(rows: pd.DataFrame, queue: Queue, controls: Sequence[Control], *, model_version: str) -> list[Task]:
    answers = Scorer(queue.model_name, queue.version)(list(rows[queue.pool.column]))
    predictions = predict(answers, controls, model_version=model_version)
    shown = controls[0].column
    left_out = {queue.pool.score_column, shown, *(control.name for control in controls)} - {queue.pool.column}
    data = rows.drop(columns=[name for name in rows.columns if name in left_out])
    data = data.rename(columns={queue.pool.column: shown})
    return [
        {"data": _plain(row), "predictions": [prediction]}
        for row, prediction in zip(data.to_dict("records"), predictions, strict=True)
    ]


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row as JSON takes it: numbers of numpy as Python's, and what is missing left out."""
    cells = {str(name): cell.item() if hasattr(cell, "item") else cell for name, cell in row.items()}
    return {
        name: cell if isinstance(cell, str | int | float | bool) else str(cell)
        for name, cell in cells.items()
        if not is_missing(cell)
    }
