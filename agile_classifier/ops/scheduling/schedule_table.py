"""Schedule table: what `agile schedule list` says of every schedule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from agile_classifier.ops.scheduling import local as schedules
from agile_classifier.ops.scheduling import runs as scheduled_runs
from agile_classifier.ops.scheduling.schedule import Schedule

TITLES = ("name", "pipeline", "cron", "zone", "enabled", "last run", "next")


def table(entries: Iterable[tuple[Schedule, str]]) -> Iterator[str]:
    """A line a schedule, with what became of its last run, under a line of titles."""
    now = datetime.now(UTC)
    cells = [TITLES]
    for entry, last in entries:
        enabled, following = "yes" if entry.enabled else "no", scheduled_runs.describe_next(entry, now)
        cells.append((entry.name, entry.pipeline, entry.cron, entry.time_zone, enabled, last, following))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def rows() -> Iterator[str]:
    """The schedules of this machine, then a line for each that its timer has lost."""
    applied = schedules.applied()
    yield from table((record.schedule, scheduled_runs.describe_last(name)) for name, record in sorted(applied.items()))
    for name, record in sorted(applied.items()):
        if record.schedule.enabled and not schedules.is_awake(name):
            yield f"schedule {name}: this machine's timer has lost it; agile schedule apply brings it back"
