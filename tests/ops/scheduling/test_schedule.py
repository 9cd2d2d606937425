"""Schedules as values: cron lines and zones that are refused, what is due when clocks change; the clock is an argument."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from agile_classifier.ops.scheduling.schedule import (
    Schedule,
    due,
    longest_lateness,
    next_time,
    previous_time,
    without_seventh_day,
)

PARIS = "Europe/Paris"
ENTRY: dict[str, Any] = {"name": "nightly", "pipeline": "training", "config": "a.yaml", "cron": "0 3 * * *"}
BAD_LINES = {
    "61 * * * *": "minute '61'",
    "0 24 * * *": "hour '24'",
    "0 0 0 * *": "day of month '0'",
    "0 0 * foo *": "month 'foo'",
    "0 0 * * 8": "day of week '8'",
    "5-1 * * * *": "minute '5-1'",
    "*/0 * * * *": "minute '*/0'",
    "* * * *": "has 4 fields",
    "@daily": "has 1 fields",
    "0 0 31 2 *": "never comes",
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def starts(cron: str, zone: str, begin: str, end: str, *, step: int = 1) -> list[str]:
    """When runs start if somebody asks every minute, or every few; the run before has always ended."""
    last = now = at(begin)
    found = []
    while now < at(end):
        now += timedelta(minutes=step)
        moment = due(cron, zone, last, now)
        if moment is not None:
            last = moment
            found.append(f"{now:%d %H:%M}")
    return found


@pytest.mark.parametrize(("cron", "said"), BAD_LINES.items())
def test_a_bad_cron_line_is_refused_and_its_field_is_named(cron: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said.replace("*", r"\*")):
        Schedule.model_validate({**ENTRY, "cron": cron})


@pytest.mark.parametrize(
    "cron", ["*/15 0-6,22 1 jan-mar mon", "0 0 29 2 *", "7 3 * * 7", "0 3 * * SUN", "1-9/2 * * * *"]
)
def test_a_line_that_cron_takes_is_taken(cron: str) -> None:
    assert Schedule.model_validate({**ENTRY, "cron": cron}).cron == cron


@pytest.mark.parametrize("zone", ["Mars/Base", "", "../etc/passwd", "/etc/localtime"])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValidationError, match="is no time zone"):
        Schedule.model_validate({**ENTRY, "time_zone": zone})


def test_three_in_the_morning_in_paris_is_another_hour_after_the_clocks_have_changed() -> None:
    assert starts("0 3 * * *", PARIS, "2026-03-27T12:00", "2026-03-31T00:00") == ["28 02:00", "29 01:00", "30 01:00"]


def test_an_hour_that_does_not_exist_starts_one_run_and_an_hour_that_comes_twice_one() -> None:
    assert starts("30 2 * * *", PARIS, "2026-03-28T12:00", "2026-03-30T12:00") == ["29 01:30", "30 00:30"]
    assert starts("30 2 * * *", PARIS, "2026-10-24T12:00", "2026-10-26T12:00") == ["25 00:30", "26 01:30"]


def test_a_line_for_every_hour_goes_on_evenly_while_clocks_change() -> None:
    for day in ("2026-03-29", "2026-10-25"):
        found = starts("0 * * * *", PARIS, f"{day}T00:00", f"{day}T05:30")
        assert found == [f"{day[-2:]} {hour:02d}:00" for hour in (1, 2, 3, 4, 5)]


def test_of_many_missed_runs_the_last_alone_is_caught_up_and_once() -> None:
    applied, awake = at("2026-01-01T00:00"), at("2026-01-09T13:37")
    moment = due("0 3 * * *", "UTC", applied, awake)
    assert moment == at("2026-01-09T03:00")
    assert due("0 3 * * *", "UTC", moment, awake) is None


def test_a_new_schedule_owes_no_run_of_the_past() -> None:
    assert due("0 3 * * *", "UTC", at("2026-01-09T13:00"), at("2026-01-09T13:37")) is None


@pytest.mark.parametrize("cron", ["0 3 * * *", "*/7 * * * *", "0 0 29 2 *", "0 12 1 * mon"])
def test_the_next_time_is_the_previous_one_as_soon_as_it_has_come(cron: str) -> None:
    now = at("2026-03-28T23:11")
    following = next_time(cron, PARIS, now)
    assert following > now
    assert previous_time(cron, PARIS, following) == following
    assert previous_time(cron, PARIS, following - timedelta(seconds=1)) <= now


@pytest.mark.parametrize(
    ("cron", "days"),
    [
        ("0 0 */10 * mon", ["01", "08", "11", "15", "21", "22", "29", "31"]),
        ("0 0 15 * */3", ["03", "06", "07", "10", "13", "14", "15", "17", "20", "21", "24", "27", "28", "31"]),
        ("0 0 * * 5-7", ["05", "06", "07", "12", "13", "14", "19", "20", "21", "26", "27", "28"]),
        ("0 0 10-12 * *", ["10", "11", "12"]),
        ("0 0 5,*/1 * 7", ["07", "14", "21", "28"]),
    ],
)  # fmt: skip
def test_where_both_kinds_of_day_are_narrowed_either_suffices(cron: str, days: list[str]) -> None:
    found = starts(cron, "UTC", "2024-06-30T23:59", "2024-07-31T00:01", step=60)
    assert [day for day, _ in map(str.split, found)] == days


@pytest.mark.parametrize(
    ("cron", "without"),
    [
        ("0 3 * * 5-7", "0 3 * * 0,5,6"),
        ("0 3 1 * 7", "0 3 1 * 0"),
        ("7 3 * * 1", "7 3 * * 1"),
        ("0 3 * * */7", "0 3 * * 0"),
    ],
)
def test_a_cron_that_calls_sunday_0_alone_is_told_the_same_days(cron: str, without: str) -> None:
    assert without_seventh_day(cron) == without


@pytest.mark.parametrize(
    ("cron", "seconds"), [("*/5 * * * *", 90 * 5 * 60), ("* * * * *", 90 * 60), ("0 3 * * *", 7 * 24 * 3600)]
)
def test_a_missed_time_is_given_up_before_a_hundred_were_missed(cron: str, seconds: int) -> None:
    assert longest_lateness(cron) == seconds
