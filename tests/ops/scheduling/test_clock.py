"""Ticks: what is due is started in processes of their own, at once; that no ticks come is noticed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from agile_classifier.errors import InputError
from agile_classifier.ops.engines.stacks import StackFile
from agile_classifier.ops.project import COMMAND, root
from agile_classifier.ops.scheduling import clock, crontab, local, runs
from agile_classifier.ops.scheduling.clock import find_problem, tick
from agile_classifier.ops.scheduling.schedulers import list_schedules
from tests.toys.toy_schedules import ENTRY, TOMORROW, apply_file
from tests.toys.waiting import LONGEST, until

pytestmark = pytest.mark.usefixtures("tab")

HERE = StackFile("local", {}, {})
is_daemon_missing = crontab.is_daemon_missing  # `tab` puts another in its place
WAKER = """
import sys
from datetime import datetime
from agile_classifier.ops.scheduling import local, runs
local.command = lambda schedule: [sys.executable, {script!r}, schedule.name]
print(runs.run_if_due(sys.argv[-1], now=datetime.fromisoformat({now!r})))
"""
"""`agile schedule run` of a day to come, with a run that a test writes."""
RUN = """
import os, pathlib, sys, time
print(f"session {os.getsid(0)}", flush=True)
while sys.argv[1] == "long" and not pathlib.Path(%r).exists():
    time.sleep(0.05)
"""
THREE = [{**ENTRY, "name": "long"}, {**ENTRY, "name": "short"}, {**ENTRY, "name": "off", "enabled": False}]


@pytest.fixture
def end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three schedules, applied today; a long run goes on until this file is there."""
    script, waker = tmp_path / "script.py", tmp_path / "waker.py"
    script.write_text(RUN % str(tmp_path / "end"))
    waker.write_text(WAKER.format(script=str(script), now=TOMORROW.isoformat()))
    monkeypatch.setattr(clock, "COMMAND", (sys.executable, str(waker)))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(root()), *filter(None, sys.path)]))
    apply_file(tmp_path / "s.yaml", *THREE)
    return tmp_path / "end"


def test_what_is_due_is_started_beside_one_another_once_and_not_waited_for(end: Path) -> None:
    assert tick(datetime.now(UTC)) == []
    assert tick(TOMORROW) == ["long", "short"]
    until(lambda: runs.describe_last("short").endswith(" done"), lambda: runs.describe_last("short"))
    until(lambda: runs.describe_last("long").endswith(" still going"), lambda: runs.describe_last("long"))
    assert tick(TOMORROW + timedelta(days=1)) == ["short"], "the long run still goes"
    end.touch()
    until(lambda: runs.describe_last("long").endswith(" done"), lambda: runs.describe_last("long"))
    day_after = TOMORROW + timedelta(days=1)
    until(lambda: runs.may_start("long", local.applied()["long"], day_after), "the long run may not start again")
    assert tick(TOMORROW) == [], "each was dealt with"
    log = runs.log_path("long").read_text()
    assert log.count("session") == 1
    assert f"session {os.getsid(0)}\n" not in log, "whoever ticks may be stopped with its session"
    assert "done; its output is in" in (local.folder() / "long.waking.txt").read_text()


def test_a_tick_imports_neither_torch_nor_zenml_nor_mlflow(tmp_path: Path) -> None:
    apply_file(tmp_path / "s.yaml", *THREE)
    code = (
        "import sys; from agile_classifier.cli.app import app; app(['schedule', 'tick'], standalone_mode=False);"
        "print(sorted({'torch', 'zenml', 'mlflow', 'transformers', 'pandas'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root(), capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_tick_without_schedules_leaves_nothing_behind() -> None:
    assert tick(datetime.now(UTC)) == []
    assert not local.folder().exists()


def test_run_forever_ticks_at_once_and_at_the_beginning_of_every_minute(
    end: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(clock.time, "sleep", sleep)
    monkeypatch.setattr(clock.time, "time", lambda: 1_200_000_045.5)
    with pytest.raises(KeyboardInterrupt):
        clock.tick_forever(print)
    assert slept == [14.5, 14.5]


def test_run_forever_goes_on_until_it_is_interrupted(tmp_path: Path) -> None:
    apply_file(tmp_path / "s.yaml", ENTRY)
    process = subprocess.Popen([*COMMAND, "schedule", "run-forever"], cwd=root(), start_new_session=True)
    until((local.folder() / "ticked").exists, "nothing ticks")
    process.send_signal(signal.SIGINT)
    assert process.wait(LONGEST) == 130, "it had not ended by itself"


def test_silence_is_noticed_and_what_to_do_is_said(tmp_path: Path, tab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    later = now + timedelta(minutes=4)
    assert find_problem(now) is None
    apply_file(tmp_path / "s.yaml", {**ENTRY, "enabled": False})
    assert find_problem(later) is None
    apply_file(tmp_path / "s.yaml", ENTRY)
    monkeypatch.setattr(crontab, "is_daemon_missing", lambda: False)
    assert find_problem(now) is None, "cron has had no time yet"
    assert f"nothing ticks, though the crontab says so (no tick yet)', remedy='{crontab.output()} may say why" in str(
        find_problem(later)
    )
    monkeypatch.setattr(crontab, "is_daemon_missing", lambda: True)
    assert "no cron daemon runs (no tick yet)" in str(find_problem(now)), "it is seen at once"
    tick(now)
    assert "no cron daemon runs (last tick " in str(find_problem(later))
    os.utime(local.folder() / "ticked", (later.timestamp(), later.timestamp()))
    assert find_problem(later) is None
    silent = later + timedelta(minutes=4)
    tab.write_bytes(b"# " + crontab.line(Path(os.environ["AGILE_HOME"])))
    assert "the crontab has lost its line" in str(find_problem(silent))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "there is no crontab command here" in str(find_problem(silent))


@pytest.mark.parametrize(("runs_here", "missing"), [({}, True), ({77: "crond"}, False), ({77: "python"}, True)])
def test_a_cron_daemon_is_seen_among_the_processes(
    monkeypatch: pytest.MonkeyPatch, runs_here: dict[int, str], missing: bool
) -> None:
    def among(seen: dict[int, str]) -> bool:
        processes = [SimpleNamespace(pid=pid, info={"name": name}) for pid, name in seen.items()]
        monkeypatch.setattr(crontab.psutil, "process_iter", lambda _: iter(processes))
        return is_daemon_missing()

    assert among({1: "init", **runs_here}) is missing
    assert not among(runs_here), "of other users' processes that are hidden nothing is known"


def test_a_line_that_names_what_is_gone_ticks_no_longer(
    tmp_path: Path, tab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_file(tmp_path / "s.yaml", ENTRY)
    assert crontab.find_gone() is None
    moved = tmp_path / "100 % python"
    tab.write_bytes(
        tab.read_bytes().replace(str(sys.executable).encode(), f"'{str(moved).replace('%', chr(92) + '%')}'".encode())
    )
    assert crontab.find_gone() == f"the crontab's line names {moved}, which is gone"
    moved.touch()
    assert crontab.find_gone() is None


def test_who_may_have_no_crontab_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apply_file(tmp_path / "s.yaml", ENTRY)

    def refuse() -> bytes:
        raise InputError("crontab -l: you are not allowed to use this program")

    monkeypatch.setattr(crontab, "read", refuse)
    found = find_problem(datetime.now(UTC))
    assert found is not None
    assert found.found == "crontab -l: you are not allowed to use this program (no tick yet)"


def test_a_damaged_record_is_named_with_what_to_do(tmp_path: Path) -> None:
    apply_file(tmp_path / "s.yaml", ENTRY)
    local.records_path().write_text('{"nightly": {}}')
    with pytest.raises(InputError, match=r"applied\.json: damaged: .*; remove it, and apply your schedules again"):
        local.applied()


def test_without_a_crontab_command_applying_and_listing_say_how_runs_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    apply_file(tmp_path / "s.yaml", ENTRY)
    advice = "schedules: no clock is running on this machine: there is no crontab command here (no tick yet); keep agile schedule run-forever running"
    assert list_schedules(HERE)[2:] == [advice]
    tick(datetime.now(UTC))
    assert len(list_schedules(HERE)) == 2


def test_the_list_has_the_last_run_and_the_next_time_of_each_schedule(tmp_path: Path) -> None:
    apply_file(tmp_path / "s.yaml", ENTRY, {**ENTRY, "name": "off", "enabled": False})
    titles, nightly, off = list_schedules(HERE)
    assert titles.split() == ["name", "pipeline", "cron", "zone", "enabled", "last", "run", "next"]
    assert "0 3 * * *  Europe/Paris  yes      never     2" in nightly
    assert nightly.endswith("03:00 Europe/Paris")
    assert off.endswith("no       never     -")
