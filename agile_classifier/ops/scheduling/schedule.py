"""Schedule: which run starts when, and whether one is due; pure, the clock is a parameter.

Times are those of the schedule's own zone. Where clocks go forward, a time that does not exist is later by what they
skip, an hour mostly; where they go back, a named hour comes once, the first time, and a line for every hour (`*`)
counts both.

cronsim is asked for times of the wall clock, without a zone. With one it does as Debian's cron does: a time that does
not exist is moved to the first minute that does (02:30 becomes 03:00, not 03:30), and `*/30 2 * * *` comes never or
twice while clocks change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from agile_classifier.config.bounds import MOST_ROWS, Address, Cell, Title

Pipeline = Literal["training", "scoring", "monitoring"]
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
EPOCH = datetime(2024, 1, 1)  # noqa: DTZ001  # wall clock; a leap year
FIELDS: Mapping[str, tuple[int, int, tuple[str, ...]]] = {
    "minute": (0, 59, ()),
    "hour": (0, 23, ()),
    "day of month": (1, 31, ()),
    "month": (1, 12, MONTHS),
    "day of week": (0, 7, DAYS),
}
"""Fields of a cron line: smallest and greatest number, and the names that stand for numbers."""
MOST_ARGUMENTS = 100
"""Most further words of a command line."""
MOST_VARIABLES = 100
"""Most further variables that a schedule's runs get."""
MOST_DAYS = 3650
"""Longest wait for new labels, in days."""
MOST_MISSED = 90
"""Kubernetes gives up on a schedule that has missed a hundred times."""
LONGEST_LATENESS = timedelta(days=7)
CLOCK_CHANGE = timedelta(hours=3)
"""More than any zone's clocks are ever put forward or back."""
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]
"""Name of an environment variable."""
_PART = re.compile(r"(?:\*|(?P<low>\w+)(?:-(?P<high>\w+))?)(?:/(?P<step>\d+))?")


_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True, allow_inf_nan=False)


class When(BaseModel):
    """What a training waits for beside its time: labels that the model's last run did not see."""

    model_config = _STRICT

    min_new_labels: Annotated[int, Field(ge=1, le=MOST_ROWS)]
    """Fewest labels, new or changed since the model's last completed run, that start a run."""
    or_days: Annotated[int, Field(ge=1, le=MOST_DAYS)] | None = None
    """Days since that run after which any change of the data starts a run; without it, only labels count."""


class Schedule(BaseModel):
    """One entry of a schedules file."""

    model_config = _STRICT

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,50}$")
    """Small letters, digits and hyphens; names its lock and its log."""
    pipeline: Pipeline
    """Pipeline that runs: `training`, `scoring` or `monitoring`."""
    config: Address
    """The file it runs on: a run configuration for training, texts for scoring, a scored batch for monitoring; relative
    to the schedules file."""
    cron: Title
    """Five fields: minute, hour, day of month, month, day of week."""
    time_zone: Title = "UTC"
    """Name in the IANA database, as `Europe/Paris`."""
    enabled: bool = True
    """Whether the schedule starts runs; a disabled one is listed and kept."""
    arguments: Annotated[tuple[Cell, ...], Field(max_length=MOST_ARGUMENTS, strict=False)] = ()
    """Further words of the command line, as `--limit`, `400`."""
    when: When | None = None
    """What a training waits for beside its time, as `{min_new_labels: 50, or_days: 30}`; without it, for nothing."""
    variables: Annotated[tuple[Variable, ...], Field(max_length=MOST_VARIABLES, strict=False)] = ()
    """Names of further environment variables that the runs need, as `PGPASSWORD`; kept as they are at `agile schedule
    apply`."""

    @field_validator("cron")
    @classmethod
    def _check_cron(cls, cron: str) -> str:
        words = cron.split()
        if len(words) != len(FIELDS):
            raise ValueError(f"{cron!r} has {len(words)} fields; allowed are five: {', '.join(FIELDS)}")
        for word, (field, allowed) in zip(words, FIELDS.items(), strict=True):
            if not all(_is_part(part, *allowed) for part in word.split(",")):
                raise ValueError(f"{field} {word!r}; allowed: {_in_words(*allowed)}")
        try:
            next(_wall_times(cron, EPOCH))
        except (CronSimError, StopIteration):
            raise ValueError(f"{cron!r} names a day that never comes") from None
        return " ".join(words)

    @model_validator(mode="after")
    def _check_when(self) -> Schedule:
        if self.when is not None and self.pipeline != "training":
            raise ValueError(f"when belongs to pipeline training; found pipeline {self.pipeline}")
        return self

    @field_validator("time_zone")
    @classmethod
    def _check_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                f"{zone!r} is no time zone; allowed: a name of the IANA database, as Europe/Paris"
            ) from None
        return zone


def previous_time(cron: str, zone: str, now: datetime) -> datetime:
    """Last time, in UTC, at or before `now` that a cron line names.

    Example: `previous_time("0 3 * * *", "Europe/Paris", now)`
    """
    latest = _wall_clock(now, zone) + CLOCK_CHANGE
    moments: list[datetime] = []
    for wall in _wall_times(cron, latest, reverse=True):
        if moments and wall < latest - 2 * CLOCK_CHANGE:
            break
        moments += [moment for moment in _moments(wall, cron, zone) if moment <= now]
    return max(moments)


def next_time(cron: str, zone: str, now: datetime) -> datetime:
    """First time, in UTC, after `now` that a cron line names."""
    earliest = _wall_clock(now, zone) - CLOCK_CHANGE
    moments: list[datetime] = []
    for wall in _wall_times(cron, earliest):
        if moments and wall > earliest + 2 * CLOCK_CHANGE:
            break
        moments += [moment for moment in _moments(wall, cron, zone) if moment > now]
    return min(moments)


def due(cron: str, zone: str, last: datetime, now: datetime) -> datetime | None:
    """Time for which a run must start now, or None; of several missed ones, the last alone.

    Parameters
    ----------
    last : datetime
        The moment that was dealt with last, or when the schedule was applied.
    """
    moment = previous_time(cron, zone, now)
    return moment if moment > last else None


def longest_lateness(cron: str) -> int:
    """Time after which a missed run is given up, in seconds.

    Within any such span a line names no more than a hundred moments.
    """
    times = takewhile(lambda time: time < EPOCH + 8 * LONGEST_LATENESS, _wall_times(cron, EPOCH))
    moments = list(islice(times, 20 * MOST_MISSED))
    spans = (later - earlier for earlier, later in zip(moments, moments[MOST_MISSED:], strict=False))
    return int(min([LONGEST_LATENESS, *spans]).total_seconds())


def without_seventh_day(cron: str) -> str:
    """Cron line for a cron that knows Sunday as 0 alone."""
    *others, day = cron.split()
    if "7" not in day:
        return cron
    days = {number % 7 for number in CronSim(_spelled_out(cron), EPOCH).weekdays if isinstance(number, int)}
    return " ".join([*others, ",".join(map(str, sorted(days)))])


def _wall_times(cron: str, begin: datetime, *, reverse: bool = False) -> Iterator[datetime]:
    """Times of the wall clock that a line names, after `begin` or, in reverse, before it."""
    return CronSim(_spelled_out(cron), begin, reverse=reverse)


def _spelled_out(cron: str) -> str:
    """Cron line with `*/2` spelled out as a range where it stands for days.

    Where both kinds of day are narrowed, either suffices; a leading `*` would make cronsim, like Debian's cron, want
    both.
    """
    minute, hour, day, month, weekday = cron.split()
    return " ".join([minute, hour, _spelled_days(day, "1-31"), month, _spelled_days(weekday, "0-6")])


def _spelled_days(field: str, every: str) -> str:
    parts = field.split(",")
    if {"*", "*/1"} & {*parts}:
        return "*"
    return ",".join(part.replace("*", every) for part in parts)


def _wall_clock(now: datetime, zone: str) -> datetime:
    return now.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def _moments(wall: datetime, cron: str, zone: str) -> Iterator[datetime]:
    """Times in UTC of a wall-clock time: two if clocks go back and the line names every hour, else one."""
    first, second = (wall.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1))
    yield first
    if second > first and cron.split()[1].startswith("*"):  # of a time that does not exist the second is earlier
        yield second


def _is_part(part: str, least: int, most: int, names: tuple[str, ...]) -> bool:
    found = _PART.fullmatch(part)
    if found is None or (found["step"] is not None and not 0 < int(found["step"]) <= most):
        return False
    if found["step"] is not None and found["low"] is not None and found["high"] is None:
        return False
    ends = [_number(word, least, names) for word in (found["low"], found["high"]) if word is not None]
    return all(least <= end <= most for end in ends) and ends == sorted(ends)


def _number(word: str, least: int, names: tuple[str, ...]) -> int:
    if word.lower() in names:
        return names.index(word.lower()) + least
    return int(word) if word.isascii() and word.isdigit() else -1


def _in_words(least: int, most: int, names: tuple[str, ...]) -> str:
    named = f" or {names[0]} to {names[-1]}" if names else ""
    return f"*, {least} to {most}{named}, ranges (1-5), steps (*/2), lists (1,3)"
