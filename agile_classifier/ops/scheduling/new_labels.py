"""New labels: what a fresh reading of a config's sources holds that the model's last run did not see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pandas as pd

import agile_classifier.ops.schemes  # noqa: F401  (puts ZenML's and the project's own sources on the table)
from agile_classifier.config.data import LabelsConfig
from agile_classifier.config.run import RunConfig
from agile_classifier.data.labels.unlabelled import has_label
from agile_classifier.data.snapshots.differences import KNOWN, compare
from agile_classifier.data.snapshots.manifest import Previous, Snapshot
from agile_classifier.data.tables import kept_column
from agile_classifier.errors import InputError
from agile_classifier.ops.runs.snapshots import list_ended_trainings, read_fresh, read_snapshot_of


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
    fresh = read_fresh(config)
    last, previous = _find_last(config.registry.model_name)
    return replace(compare_labels(fresh, previous, config.labels), since=last)


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


def _find_last(model_name: str) -> tuple[LastRun | None, Previous | None]:
    """The model's last completed run whose examples are still there, and these."""
    for run in list_ended_trainings(model_name):
        try:
            return LastRun(run.name, (run.end_time or run.created).replace(tzinfo=UTC)), read_snapshot_of(run)
        except InputError:  # deleted, or of an earlier project
            continue
    return None, None


def _labelled(examples: pd.DataFrame, labels: LabelsConfig) -> pd.DataFrame:
    """Examples with a label: what they are known by, their text and what the label is made of."""
    made_of = ["score"] if labels.needs_score else [kept_column(name) for name in labels.columns]
    if not set(made_of) <= set(examples):
        return examples[:0]
    known = [name for name in examples.columns if name in (*KNOWN, "text")]
    return examples.loc[has_label(examples, labels).to_numpy(), [*known, *made_of]].reset_index(drop=True)
