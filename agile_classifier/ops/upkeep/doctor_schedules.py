"""Doctor of schedules: whether the runs of this machine's schedules would start, work and tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from agile_classifier.errors import InputError
from agile_classifier.ops.scheduling import clock, local, runs
from agile_classifier.ops.scheduling.hindrances import list_hindrances
from agile_classifier.ops.scheduling.local import Applied
from agile_classifier.ops.upkeep.finding import Finding

NAME = "schedules"


def examine_schedules() -> Iterator[Finding]:
    """Say how many schedules are enabled and what starts them, then what stands in the way of each."""
    try:
        records = local.applied()
        yield _clock(records)
        for each in list_hindrances():
            yield Finding(each.what, each.found, each.remedy)
    except InputError as error:
        yield Finding(NAME, "cannot be read", str(error))


def _clock(records: Mapping[str, Applied]) -> Finding:
    enabled = sorted(name for name, record in records.items() if record.schedule.enabled)
    if not enabled:
        return Finding(NAME, "none enabled on this machine")
    failed = [f"{name} failed last, {runs.log_path(name)} says why" for name in enabled if _has_failed(name)]
    found = "; ".join([f"{len(enabled)} enabled", *failed])
    problem = clock.find_problem(datetime.now(UTC))
    return Finding(NAME, found) if problem is None else Finding(NAME, f"{found}, but {problem.found}", problem.remedy)


def _has_failed(name: str) -> bool:
    last = runs.last_run(name)
    return last is not None and bool(last.exit_code)
