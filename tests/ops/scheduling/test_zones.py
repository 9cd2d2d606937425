"""Times in any zone while clocks change, against an oracle that knows a zone by its offsets and reads no cron line."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given, settings
from hypothesis import strategies as st

from agile_classifier.ops.scheduling.schedule import due, next_time, previous_time

MINUTE = timedelta(minutes=1)
YEARS = range(2024, 2027)
AROUND = timedelta(hours=5)
"""How long before and after a change of clocks is looked at."""


def offset(zone: str, moment: datetime) -> timedelta:
    return moment.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()


def changes(zone: str) -> list[datetime]:
    """Moments at which a zone's clocks change: days with different offsets at both ends, halved down to the minute."""
    days = [datetime(YEARS.start, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(366 * len(YEARS))]
    offsets = [offset(zone, day) for day in days]
    return [
        _first_minute_of_other_offset(zone, day, later)
        for day, later, was, becomes in zip(days, days[1:], offsets, offsets[1:], strict=False)
        if was != becomes
    ]


def _first_minute_of_other_offset(zone: str, before: datetime, after: datetime) -> datetime:
    while after - before > MINUTE:
        middle = before + (after - before) // (2 * MINUTE) * MINUTE
        before, after = (middle, after) if offset(zone, middle) == offset(zone, before) else (before, middle)
    return after


CHANGES = [(zone, moment) for zone in sorted(available_timezones()) for moment in changes(zone)]
"""Every change of clocks of every zone: a few hundred zones still have them."""


@dataclass(frozen=True)
class Line:
    """A line as the oracle knows it: which minutes, hours and days it names, and whether it names every hour."""

    text: str
    minutes: Set[int]
    hours: Set[int]
    days: Set[int]
    weekdays: Set[int]
    is_hourly: bool
    is_either: bool
    """Whether a day that is named in one way suffices."""

    def names(self, wall: datetime) -> bool:
        by_date, by_weekday = wall.day in self.days, wall.isoweekday() % 7 in self.weekdays
        is_day = by_date or by_weekday if self.is_either else by_date and by_weekday
        return is_day and wall.hour in self.hours and wall.minute in self.minutes


@st.composite
def fields(draw: st.DrawFn, least: int, most: int) -> tuple[str, Set[int]]:
    """A field, and what it names."""
    every = range(least, most + 1)
    kind = draw(st.sampled_from(["star", "step", "list", "range"]))
    if kind == "star":
        return "*", set(every)
    if kind == "step":
        step = draw(st.integers(2, min(most, 20)))
        return f"*/{step}", set(every[::step])
    if kind == "list":
        numbers = draw(st.sets(st.integers(least, most), min_size=1, max_size=3))
        return ",".join(map(str, numbers)), numbers
    low = draw(st.integers(least, most - 1))
    high = draw(st.integers(low + 1, most))
    return f"{low}-{high}", set(range(low, high + 1))


@st.composite
def lines(draw: st.DrawFn) -> Line:
    (minute, minutes), (hour, hours) = draw(fields(0, 59)), draw(fields(0, 23))
    (day, days), (weekday, weekdays) = draw(fields(1, 31)), draw(fields(0, 6))
    return Line(
        f"{minute} {hour} {day} * {weekday}", minutes, hours, days, weekdays,
        is_hourly=hour.startswith("*"), is_either="*" not in (day, weekday),
    )  # fmt: skip


def named_moments(line: Line, zone: str, begin: datetime, end: datetime) -> set[datetime]:
    """Every minute of UTC from begin to end that a line names, by its wall clock or by one that the clocks have skipped."""
    moments: set[datetime] = set()
    seen: set[datetime] = set()
    last = offset(zone, begin)
    for number in range(int((end - begin) / MINUTE) + 1):
        moment = begin + number * MINUTE
        now = offset(zone, moment)
        wall = (moment + now).replace(tzinfo=None)
        if line.names(wall) and (line.is_hourly or wall not in seen):
            moments.add(moment)
        seen.add(wall)
        skipped = [wall - step * MINUTE for step in range(1, int((now - last) / MINUTE) + 1)]
        moments |= {(each - last).replace(tzinfo=UTC) for each in skipped if line.names(each)}
        last = now
    return moments


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(CHANGES), lines(), st.integers(-280, 280))
def test_what_is_due_next_and_last_is_what_the_oracle_names(
    change: tuple[str, datetime], line: Line, minutes: int
) -> None:
    zone, moment = change
    named = named_moments(line, zone, moment - AROUND, moment + 2 * AROUND)
    now = moment + minutes * MINUTE
    before, after = {each for each in named if each <= now}, {each for each in named if each > now}
    following, last = next_time(line.text, zone, now), previous_time(line.text, zone, now)
    assert following == min(after) if after else following > moment + 2 * AROUND
    assert last == max(before) if before else last < moment - AROUND
    assert due(line.text, zone, last, now) is None
    assert due(line.text, zone, last - MINUTE, now) == last


def test_the_oracle_is_asked_about_many_zones_and_unusual_ones() -> None:
    zones = {zone for zone, _ in CHANGES}
    assert {"Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Antarctica/Troll", "Europe/Dublin"} <= zones
    assert len(zones) > 150
