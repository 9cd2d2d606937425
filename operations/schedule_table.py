"""Schedule table: what `agile schedule list` says of every schedule of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from operations import scheduled_runs, schedules

TITLES = ("name", "pipeline", "cron", "zone", "enabled", "last run", "next")


def rows() -> Iterator[str]:
    """A line a schedule under a line of titles, then one for each that the machine's timer has lost."""
    applied = schedules.applied()
    now = datetime.now(UTC)
    cells = [TITLES]
    for name, record in sorted(applied.items()):
        entry = record.schedule
        enabled = "yes" if entry.enabled else "no"
        last, following = scheduled_runs.describe_last(name), scheduled_runs.describe_next(entry, now)
        cells.append((name, entry.pipeline, entry.cron, entry.time_zone, enabled, last, following))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    for name, record in sorted(applied.items()):
        if record.schedule.enabled and not schedules.is_awake(name):
            yield f"schedule {name}: this machine's timer has lost it; agile schedule apply brings it back"
