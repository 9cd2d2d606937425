"""New labels: what a fresh reading of a config's sources holds that the model's last run did not see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from zenml.client import Client
from zenml.models import PipelineRunResponse

from agile_classifier.config.data import LabelsConfig
from agile_classifier.config.run import RunConfig
from agile_classifier.data.examples import read_examples
from agile_classifier.data.labels.unlabelled import has_label
from agile_classifier.data.tables import kept_column
from agile_classifier.data.text import is_missing, text_digest
from agile_classifier.errors import InputError
from agile_classifier.ops.runs.outputs import output_of

PIPELINE = "training"
PAGE = 50
"""Runs that ZenML is asked for at once."""


@dataclass(frozen=True)
class LastRun:
    """The last completed training of a model."""

    name: str
    ended: datetime


@dataclass(frozen=True)
class NewLabels:
    """What a reading of the sources adds to the examples of the last run, changes of them and lacks."""

    added: int
    """Labels of examples that the run did not have."""
    changed: int
    """Labels of examples that it had with other words, another score or class, or without one."""
    withdrawn: int
    """Examples of the run with a label that are gone, or have none any more."""
    since: LastRun | None
    """None where no run of the model is known, or its examples are gone: every label is new."""

    @property
    def n(self) -> int:
        """Number of new labels."""
        return self.added + self.changed


def count_new_labels(config: RunConfig) -> NewLabels:
    """Read a config's sources and compare their labels with those of the model's last completed run.

    An example is known by its id where the config names a column of ids, else by its text.

    Raises
    ------
    InputError
        The sources cannot be read, or a cell holds no label.
    """
    labels, has_ids = config.labels, config.data.columns.id is not None
    fresh = read_examples(config.data, keep=config.kept_columns, not_rated=labels.not_rated, absent=labels.absent)
    last, before = _read_last(config)
    return replace(compare_labels(fresh, before, labels, has_ids=has_ids), since=last)


def compare_labels(fresh: pd.DataFrame, before: pd.DataFrame, labels: LabelsConfig, *, has_ids: bool) -> NewLabels:
    """Compare the labels of two readings of examples, each as `agile_classifier.data.tables.to_examples` gives them.

    Parameters
    ----------
    before : DataFrame
        The earlier reading; empty, or of a config with other columns or classes: every label is new.
    has_ids : bool
        Whether an example is known by its id; else by its text.
    """
    new = _by_example(fresh, labels, has_ids=has_ids)
    try:
        old = _by_example(before, labels, has_ids=has_ids)
    except InputError:  # the config has other classes now
        old = {}
    differences = {key: (rows - old.get(key, Counter())).total() for key, rows in new.items()}
    return NewLabels(
        added=sum(n for key, n in differences.items() if key not in old),
        changed=sum(n for key, n in differences.items() if key in old),
        withdrawn=len(old.keys() - new.keys()),
        since=None,
    )


def find_runs(model_name: str) -> Iterator[PipelineRunResponse]:
    """Find the completed trainings of a model, the newest first."""
    page = 1
    while True:
        found = Client().list_pipeline_runs(
            pipeline=PIPELINE, status="completed", sort_by="desc:created", page=page, size=PAGE, hydrate=True
        )
        yield from (run for run in found.items if _model_of(run) == model_name)
        if page >= found.total_pages:
            return
        page += 1


def _read_last(config: RunConfig) -> tuple[LastRun | None, pd.DataFrame]:
    """The model's last completed run and its examples; of one whose examples are gone nothing is known."""
    run = next(find_runs(config.registry.model_name), None)
    if run is None:
        return None, pd.DataFrame()
    try:
        examples = output_of(run, "ingest", "raw_examples")
    except InputError:
        return None, pd.DataFrame()
    return LastRun(run.name, (run.end_time or run.created).replace(tzinfo=UTC)), examples


def _model_of(run: PipelineRunResponse) -> str | None:
    registry: Any = (run.config.parameters or {}).get("registry") or {}
    name = registry.get("model_name") if isinstance(registry, dict) else registry.model_name
    return None if name is None else str(name)


def _by_example(examples: pd.DataFrame, labels: LabelsConfig, *, has_ids: bool) -> dict[str, Counter[tuple[str, ...]]]:
    """Example → how often it stands there with each text and label; rows without a label are left out."""
    columns = ["score"] if labels.needs_score else [kept_column(name) for name in labels.columns]
    if not {"id", "text", *columns} <= set(examples):  # none, or of a config with other columns
        return {}
    labelled = examples[has_label(examples, labels).to_numpy()]
    digests = [text_digest(text) if isinstance(text, str) else "" for text in labelled["text"]]
    keys = labelled["id"].astype(str) if has_ids else digests
    found: dict[str, Counter[tuple[str, ...]]] = {}
    for key, *cells in zip(keys, digests, *(map(_plain, labelled[name]) for name in columns), strict=True):
        found.setdefault(key, Counter())[tuple(cells)] += 1
    return found


def _plain(cell: Any) -> str:
    """A cell by its value: 1, 1.0 and "1" are one, however a file or a store holds them."""
    if is_missing(cell):
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
