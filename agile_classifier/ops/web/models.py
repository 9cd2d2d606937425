"""Models: a registered classifier as a person looks at it, its versions, who is in service, and what has happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from agile_classifier.errors import InputError
from agile_classifier.ops.notifications import changes_told
from agile_classifier.ops.promotion import approval, champions
from agile_classifier.ops.promotion.settled import PROMOTION, read_settled
from agile_classifier.ops.registry import history
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.registry.history import Event
from agile_classifier.ops.runs import liveness

SHOWN = {"test_roc_auc": "ROC AUC", "test_f1": "F1", "test_precision": "precision", "test_recall": "recall"}
"""Tag of a version → what its metric is called."""


@dataclass(frozen=True)
class VersionSeen:
    """A version of a classifier."""

    number: str
    made: str
    """UTC, to the minute."""
    aliases: tuple[str, ...]
    metrics: Mapping[str, str]
    """What a metric is called → its value on the test rows."""
    has_report: bool
    state: str
    """What the last event that was about it says; empty where there was none."""
    reason: str
    asked_in: str | None
    """Name of the promotion run that waits for a person's answer about it."""

    @property
    def is_champion(self) -> bool:
        """Whether it is in service."""
        return registry.CHAMPION in self.aliases

    @property
    def may_be_promoted(self) -> bool:
        """Whether somebody may ask for its promotion."""
        return not self.is_champion and self.asked_in is None


@dataclass(frozen=True)
class ModelSeen:
    """A registered classifier."""

    name: str
    versions: tuple[VersionSeen, ...]
    """Newest first."""
    events: tuple[Event, ...]
    """Newest first."""
    champions: tuple[str, ...] = ()
    """Numbers of the champions that a rollback goes back along, the one in service last."""

    @property
    def champion_before(self) -> str | None:
        """Number of the version that a rollback puts into service; None where there is none."""
        return self.champions[-2] if len(self.champions) > 1 else None

    @property
    def champion(self) -> VersionSeen | None:
        """The version in service."""
        return next((version for version in self.versions if version.is_champion), None)


def list_models() -> dict[str, str | None]:
    """Name of each registered classifier → the number of its champion."""
    return {name: registry.read_champion(name) for name in registry.list_models()}


def count_versions(name: str) -> int:
    """Number of versions of a classifier; 0 where there is none of that name, whatever it is."""
    return len(MlflowClient().search_model_versions(f"name = '{name}'")) if name in registry.list_models() else 0


def read_model(name: str) -> ModelSeen:
    """Read what there is to say of a classifier; what was done elsewhere is recorded first, as by `agile history`.

    Raises
    ------
    InputError
        There is no such model.
    """
    registry.only_model(name)
    events = read_history(name)
    aliases: dict[str, list[str]] = {}
    for alias, number in MlflowClient().get_registered_model(name).aliases.items():
        aliases.setdefault(str(number), []).append(alias)
    found = MlflowClient().search_model_versions(f"name = '{name}'")
    versions = sorted(found, key=lambda version: int(version.version), reverse=True)
    seen = tuple(_look_at(version, aliases.get(str(version.version), [])) for version in versions)
    line = champions.list_champions(name, events)
    return ModelSeen(name, seen, tuple(reversed(events)), tuple(line))


def read_history(name: str) -> Sequence[Event]:
    """All events of a classifier, oldest first."""
    liveness.settle_dead_runs()
    events = read_settled(name)
    if events is None:
        with changes_told(name):
            events = champions.settle(name)
    return events


def read_report(name: str, version: str) -> str:
    """The report of a version, an HTML page.

    Raises
    ------
    InputError
        No such model or version, or its report is gone.
    """
    number = registry.find_version(registry.only_model(name), version, is_alias=False)
    address = registry.read_tags(name, number).get(registry.REPORT)
    with suppress(OSError, MlflowException):
        if address:
            return str(mlflow.artifacts.load_text(address))
    raise InputError(f"model {name}: the report of version {number} is gone; train again")


def _look_at(version: ModelVersion, aliases: Sequence[str]) -> VersionSeen:
    tags = version.tags
    run = tags.get(champions.PROMOTION_RUN, "")
    is_asked = tags.get(PROMOTION) == history.ASKED and not approval.is_over(run)
    return VersionSeen(
        number=str(version.version),
        made=f"{datetime.fromtimestamp(version.creation_timestamp / 1000, tz=UTC):%Y-%m-%d %H:%M}",
        aliases=tuple(sorted(aliases)),
        metrics={title: f"{float(tags[tag]):.3f}" for tag, title in SHOWN.items() if tag in tags},
        has_report=registry.REPORT in tags,
        state=tags.get(PROMOTION, ""),
        reason=tags.get(champions.REASON, ""),
        asked_in=run if is_asked else None,
    )
