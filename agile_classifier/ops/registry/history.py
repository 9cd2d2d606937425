"""History: what happened to a registered model's champion, an event a tag of the model in MLflow.

Tags of their own names are only ever added, so that no event is lost when two are written at once. MLflow's page hides
them, by their names, and shows the table of `agile_classifier.ops.registry.history_page`. A change that takes several
writes is stated first, as a change under way, and its event recorded last: whoever comes after a process that was
killed in between can carry it to its end.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from mlflow import MlflowClient

PREFIX, UNDER_WAY = "mlflow.agile.history.", "mlflow.agile.changing."
"""Beginnings of the names of a model's tags: of events, and of changes whose event is not recorded yet."""
EARLIER = {PREFIX: "history.", UNDER_WAY: "changing."}
"""The same as earlier versions of this project wrote them; they are read as well."""
PROMOTED, NOT_PROMOTED, ASKED, REJECTED = "promoted", "not promoted", "waits for a person", "rejected"
ROLLED_BACK, MOVED, REMOVED = "rolled back", "moved by hand", "removed by hand"
BY_POLICY, BY_HAND = "the policy", "somebody in MLflow"


@dataclass(frozen=True)
class Event:
    """One line of `agile history`."""

    kind: str
    version: str | None
    """Version that the event is about."""
    champion: str | None
    """Version that is champion after the event; None if there is none."""
    by: str
    reason: str
    """A sentence."""
    run: str | None = None
    """Name of the ZenML run that decided."""
    test_digest: str | None = None
    """Digest of the test rows that were compared on."""
    at: str = ""
    """UTC, ISO 8601; set when it is recorded."""
    untold: bool = False
    """Whether somebody is to be told of it and has not been yet."""

    @property
    def sentence(self) -> str:
        """For a terminal."""
        now = f"champion is version {self.champion}" if self.champion else "there is no champion"
        return f"version {self.version} {self.kind} by {self.by}; {now}{f'. {self.reason}' if self.reason else ''}"


@dataclass(frozen=True)
class Change:
    """A change of a champion that is under way: its event, and who was champion before."""

    key: str
    """Time and chance, by which its event is recorded once however often that is tried."""
    event: Event
    before: str | None


def record(model_name: str, event: Event) -> Event:
    """Add an event; it stays."""
    key, written = _dated(event)
    _write(model_name, f"{PREFIX}{key}", asdict(written))
    return written


def begin(model_name: str, event: Event, *, before: str | None) -> Change:
    """State a change before its first write."""
    key, written = _dated(event)
    _write(model_name, f"{UNDER_WAY}{key}", {"event": asdict(written), "before": before})
    return Change(key, written, before)


def conclude(model_name: str, change: Change) -> None:
    """Record the event of a change that is carried out."""
    _write(model_name, f"{PREFIX}{change.key}", asdict(change.event))
    withdraw(model_name, change)


def withdraw(model_name: str, change: Change) -> None:
    """Take back the statement of a change that is over, or has been overtaken."""
    for prefix in (EARLIER[UNDER_WAY], UNDER_WAY):
        if f"{prefix}{change.key}" in MlflowClient().get_registered_model(model_name).tags:
            MlflowClient().delete_registered_model_tag(model_name, f"{prefix}{change.key}")


def read_changes(model_name: str) -> list[Change]:
    """Changes under way, oldest first; while the model's promotion lock is held, those of processes that are dead."""
    found = _read(model_name, UNDER_WAY)
    return [Change(key, Event(**change["event"]), change["before"]) for key, change in found.items()]


def read_events(model_name: str) -> list[Event]:
    """All events, oldest first."""
    return list(read_by_key(model_name).values())


def read_by_key(model_name: str) -> dict[str, Event]:
    """All events by their keys, oldest first."""
    return {key: Event(**event) for key, event in _read(model_name, PREFIX).items()}


def mark_told(model_name: str, key: str, event: Event) -> None:
    """Note that whoever is to be told of an event has been told."""
    _write(model_name, f"{PREFIX}{key}", asdict(replace(event, untold=False)))


def as_lines(events: Iterable[Event]) -> list[str]:
    """Format one line an event: when (UTC), what, the run that decided, the digest of the rows compared on."""
    return [
        "  ".join(
            part
            for part in (
                event.at[:19].replace("T", " "),
                event.sentence,
                f"[{event.run}]" if event.run else "",
                f"[test rows {event.test_digest[:12]}]" if event.test_digest else "",
            )
            if part
        )
        for event in events
    ]


def last_champion(events: Sequence[Event]) -> str | None:
    """The champion after the last event."""
    return events[-1].champion if events else None


def line_of_champions(events: Iterable[Event]) -> list[str]:
    """The champions that a way back leads along, the one in service last.

    A rollback takes the last away, a promotion adds one.
    """
    line: list[str] = []
    for event in events:
        if event.champion is None or line[-1:] == [event.champion]:
            continue
        if event.kind == ROLLED_BACK and event.champion in line:
            del line[len(line) - line[::-1].index(event.champion) :]
        else:
            line.append(event.champion)
    return line


def _dated(event: Event) -> tuple[str, Event]:
    now = datetime.now(UTC)
    written = replace(event, at=now.isoformat(timespec="microseconds"))
    return f"{now:%Y%m%dT%H%M%S.%f}-{secrets.token_hex(2)}", written


def _write(model_name: str, name: str, content: Mapping[str, Any]) -> None:
    MlflowClient().set_registered_model_tag(model_name, name, json.dumps(content))


def _read(model_name: str, prefix: str) -> dict[str, dict[str, Any]]:
    """Tags with a prefix, or its earlier form: name without it → content, oldest first."""
    tags = MlflowClient().get_registered_model(model_name).tags
    found = {
        name.removeprefix(form): json.loads(content)
        for form in (EARLIER[prefix], prefix)
        for name, content in tags.items()
        if name.startswith(form)
    }
    return dict(sorted(found.items()))
