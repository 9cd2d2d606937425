"""History: what happened to a registered model's champion, an event a tag of the model in MLflow.

Tags of their own names are only ever added, so that no event is lost when two are written at once, and whoever reads
the registry, by its page too, sees them.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from mlflow import MlflowClient

PREFIX = "history."
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

    @property
    def sentence(self) -> str:
        """For a terminal."""
        now = f"champion is version {self.champion}" if self.champion else "there is no champion"
        return f"version {self.version} {self.kind} by {self.by}; {now}{f'. {self.reason}' if self.reason else ''}"


def record(model_name: str, event: Event) -> Event:
    """Add an event; it stays."""
    now = datetime.now(UTC)
    written = Event(**{**asdict(event), "at": now.isoformat(timespec="microseconds")})
    key = f"{PREFIX}{now:%Y%m%dT%H%M%S.%f}-{secrets.token_hex(2)}"
    MlflowClient().set_registered_model_tag(model_name, key, json.dumps(asdict(written)))
    return written


def read_events(model_name: str) -> list[Event]:
    """All events, oldest first."""
    tags = MlflowClient().get_registered_model(model_name).tags
    return [Event(**json.loads(tags[key])) for key in sorted(tags) if key.startswith(PREFIX)]


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
