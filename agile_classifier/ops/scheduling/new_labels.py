"""New labels: what a fresh reading of a config's sources holds that the model's last run did not see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from zenml.client import Client
from zenml.models import PipelineRunResponse

import agile_classifier.ops.schemes  # noqa: F401  (puts ZenML's and the project's own sources on the table)
from agile_classifier.config.data import LabelsConfig
from agile_classifier.config.run import RunConfig
from agile_classifier.data.examples import read_snapshot
from agile_classifier.data.labels.unlabelled import has_label
from agile_classifier.data.snapshots.differences import KNOWN, compare
from agile_classifier.data.snapshots.manifest import Previous, Snapshot
from agile_classifier.data.tables import kept_column
from agile_classifier.errors import InputError
from agile_classifier.ops.runs.snapshots import read_snapshot_of

PIPELINE = "training"
PAGE = 20
"""Runs that ZenML is asked for at once."""


@dataclass(frozen=True)
class LastRun:
    """The last completed training of a model."""

    name: str
    ended: datetime


@dataclass(frozen=True)
class NewLabels:
    """What a reading of the sources adds to the labels of the last run, changes of them and lacks."""

    added: int
    """Labels of examples that had none in the run."""
    changed: int
    """Labels of examples that had another score or class, or other words, in the run."""
    withdrawn: int
    """Examples of the run with a label that are gone, or have none any more."""
    since: LastRun | None = None
    """None where no run of the model is known whose examples are still there: every label is new."""

    @property
    def n(self) -> int:
        """Number of new labels."""
        return self.added + self.changed


def count_new_labels(config: RunConfig) -> NewLabels:
    """Read a config's sources and compare their labels with those of the model's last completed run.

    An example is known by its source and id, or by its text where the source has no ids.

    Raises
    ------
    InputError
        The sources cannot be read, or a cell holds no label.
    """
    labels = config.labels
    fresh = read_snapshot(
        config.data,
        keep=config.kept_columns,
        not_rated=labels.not_rated,
        absent=labels.absent,
        label_columns=labels.columns,
        raters=labels.raters,
        repeated=labels.repeated,
    )
    last, previous = _find_last(config.registry.model_name)
    return replace(compare_labels(fresh, previous, labels), since=last)


def compare_labels(fresh: Snapshot, previous: Previous | None, labels: LabelsConfig) -> NewLabels:
    """Compare the labels of two readings; where the earlier one has other columns or classes, every label is new."""
    after = _labelled(fresh.examples, labels)
    try:
        before = None if previous is None else _labelled(previous.examples, labels)
    except InputError:  # the config has other classes now
        before = None
    if previous is None or before is None or not len(before):
        return NewLabels(len(after), 0, 0)
    found = compare(before, after, ways_before=previous.manifest.known_by, ways_after=fresh.ways)
    return NewLabels(len(found.added), len(found.changed_to), len(found.withdrawn))


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


def _find_last(model_name: str) -> tuple[LastRun | None, Previous | None]:
    """The model's last completed run whose examples are still there, and these."""
    for run in find_runs(model_name):
        try:
            return LastRun(run.name, (run.end_time or run.created).replace(tzinfo=UTC)), read_snapshot_of(run)
        except InputError:  # deleted, or of an earlier project
            continue
    return None, None


def _model_of(run: PipelineRunResponse) -> Any:
    return ((run.config.parameters or {}).get("registry") or {}).get("model_name")


def _labelled(examples: pd.DataFrame, labels: LabelsConfig) -> pd.DataFrame:
    """Examples with a label: what they are known by, their text and what the label is made of."""
    made_of = ["score"] if labels.needs_score else [kept_column(name) for name in labels.columns]
    if not set(made_of) <= set(examples):
        return examples[:0]
    known = [name for name in examples.columns if name in (*KNOWN, "text")]
    return examples.loc[has_label(examples, labels).to_numpy(), [*known, *made_of]].reset_index(drop=True)
