"""Schedules files, what applying them changes, and runs that are due: one at a time, logged, remembered."""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agile_classifier.errors import InputError
from agile_classifier.ops.project import root
from agile_classifier.ops.scheduling import crontab
from agile_classifier.ops.scheduling import local as schedules
from agile_classifier.ops.scheduling import runs as scheduled_runs
from agile_classifier.ops.scheduling.file import read_schedules, shipped_file
from agile_classifier.ops.scheduling.local import applied, compare, remove
from agile_classifier.ops.scheduling.runs import describe_last, last_run, log_path, run_if_due
from tests.toys.toy_schedules import ENTRY, TOMORROW, apply_file, write_file
from tests.toys.waiting import LONGEST, until

pytestmark = pytest.mark.usefixtures("tab")


def test_the_shipped_file_reads_and_starts_nothing() -> None:
    shipped = read_schedules(shipped_file())
    assert shipped
    assert not any(schedule.enabled for schedule in shipped.values())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"pipeline": "tuning"}, "pipeline: Input should be 'training', 'scoring' or 'monitoring'; found 'tuning'"),
        ({"config": "none.yaml"}, "none.yaml: no such file"),
        ({"config": str(shipped_file())}, "the sections"),
        ({"cron": "0 25 * * *"}, "schedule nightly: cron: hour '25'; allowed: *, 0 to 23"),
        ({"time_zone": "Mars/Base"}, "schedule nightly: time_zone: 'Mars/Base' is no time zone"),
        (
            {"after": "now"},
            "after: unknown field; allowed here: arguments, config, cron, enabled, name, pipeline, time_zone, variables, when",
        ),
        ({"name": "Night ly"}, "name: String should match pattern '^[a-z0-9][a-z0-9-]{0,50}$'; found 'Night ly'"),
        ({"enabled": "perhaps"}, "enabled: Input should be a valid boolean; found 'perhaps'"),
        ({"cron": None}, "cron: Input should be a valid string; found None"),
    ],
)
def test_a_bad_entry_is_one_line_that_names_file_entry_and_field(
    tmp_path: Path, fields: dict[str, Any], said: str
) -> None:
    path = write_file(tmp_path / "s.yaml", {**ENTRY, "name": "good"}, {**ENTRY, **fields})
    with pytest.raises(InputError) as refused:
        read_schedules(path)
    line = str(refused.value)
    assert line.startswith(f"{path}: schedule ")
    assert said in line
    assert "\n" not in line


def test_names_that_stand_twice_and_a_file_that_is_no_list_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="schedule nightly: the name stands there twice"):
        read_schedules(write_file(tmp_path / "s.yaml", ENTRY, ENTRY))
    (tmp_path / "s.yaml").write_text("schedules: 3")
    with pytest.raises(InputError, match="that holds a list"):
        read_schedules(tmp_path / "s.yaml")
    with pytest.raises(InputError, match="no such file"):
        read_schedules(tmp_path / "none.yaml")


def test_applying_is_idempotent_and_edits_and_removals_reach_the_crontab(tmp_path: Path, tab: Path) -> None:
    tab.write_bytes(b"# theirs\n")
    file = tmp_path / "s.yaml"
    assert apply_file(file, ENTRY, {**ENTRY, "name": "b"}, dry_run=True) == [("added", "b"), ("added", "nightly")]
    assert tab.read_bytes() == b"# theirs\n"
    assert applied() == {}
    apply_file(file, ENTRY, {**ENTRY, "name": "b"})
    first = tab.read_bytes()
    assert apply_file(file, ENTRY, {**ENTRY, "name": "b"}) == [("unchanged", "b"), ("unchanged", "nightly")]
    assert tab.read_bytes() == first
    assert apply_file(file, {**ENTRY, "cron": "7 4 * * *"}) == [("removed", "b"), ("changed", "nightly")]
    assert tab.read_bytes() == first, "one line, whatever the schedules are"
    remove("nightly")
    assert tab.read_bytes() == b"# theirs\n"
    with pytest.raises(InputError, match="schedule nightly: not applied"):
        remove("nightly")


def test_a_diff_says_what_each_field_was_and_is() -> None:
    entry = {**ENTRY, "arguments": ["--limit", "400"]}
    old = schedules.Schedule.model_validate(ENTRY)
    new = schedules.Schedule.model_validate(entry)
    (change,) = compare({"nightly": old}, {"nightly": new})
    assert change.details == "arguments: () -> ('--limit', '400')"


def test_a_crontab_that_refuses_leaves_everything_as_it_was(tmp_path: Path, tab: Path) -> None:
    tab.write_bytes(b"# theirs\n")
    apply_file(tmp_path / "s.yaml", {**ENTRY, "enabled": False})
    before = tab.read_bytes(), applied()
    (tmp_path / "bin" / "crontab").write_text(
        '#!/bin/sh\n[ "$1" = -l ] && exec cat "$TAB"; echo "not allowed" >&2; exit 1\n'
    )
    with pytest.raises(InputError, match="crontab -: not allowed"):
        apply_file(tmp_path / "s.yaml", ENTRY)
    assert (tab.read_bytes(), applied()) == before


def test_secrets_are_in_a_file_of_the_user_alone_and_never_in_the_crontab(
    tmp_path: Path, tab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "sentinel-secret")
    apply_file(tmp_path / "s.yaml", ENTRY)
    assert b"sentinel" not in tab.read_bytes()
    kept = Path(os.environ["AGILE_HOME"]) / "schedules" / "environment.json"
    assert "sentinel-secret" in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_nothing_enabled_is_no_line(tmp_path: Path, tab: Path) -> None:
    apply_file(tmp_path / "s.yaml", {**ENTRY, "enabled": False})
    assert not tab.exists()


def test_without_a_crontab_command_schedules_are_applied_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert apply_file(tmp_path / "s.yaml", ENTRY) == [("added", "nightly")]
    remove("nightly")
    assert applied() == {}


def test_lines_and_timers_of_an_earlier_version_are_replaced_and_said(
    tmp_path: Path, tab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = os.environ["AGILE_HOME"]
    earlier = (
        f"# BEGIN agile schedules of {home}: written anew by agile schedule apply\n5 * * * * nightly\n"
        f"# END agile schedules of {home}\n"
    )
    tab.write_text(f"# theirs\n{earlier}1 1 * * * theirs too\n")
    units = tmp_path / "config" / "systemd" / "user"
    units.mkdir(parents=True)
    stem = f"agile-{hashlib.sha256(home.encode()).hexdigest()[:8]}-nightly"
    for name in (f"{stem}.timer", f"{stem}.service", "theirs.timer"):
        (units / name).touch()
    (tmp_path / "bin" / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/asked"\n')
    (tmp_path / "bin" / "systemctl").chmod(0o755)
    kinds = [("added", "nightly"), ("replaced", "crontab"), ("replaced", "systemd")]
    assert apply_file(tmp_path / "s.yaml", ENTRY) == kinds
    assert tab.read_bytes() == b"# theirs\n1 1 * * * theirs too\n" + crontab.line(Path(home))
    assert [path.name for path in units.iterdir()] == ["theirs.timer"]
    assert (tmp_path / "asked").read_text() == f"--user disable --now {stem}.timer\n"
    assert apply_file(tmp_path / "s.yaml", ENTRY) == [("unchanged", "nightly")]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands in for a training: a real process whose words a test writes; applied yesterday."""
    path = tmp_path / "script.py"
    path.write_text("print('it ran')")
    monkeypatch.setattr(schedules, "command", lambda schedule: [sys.executable, str(path)])
    apply_file(tmp_path / "s.yaml", ENTRY)
    return path


def test_a_run_that_is_due_starts_once_and_its_outcome_is_kept(script: Path) -> None:
    assert "nothing is due before" in run_if_due("nightly", now=datetime.now(UTC))
    assert "done" in run_if_due("nightly", now=TOMORROW)
    assert "nothing is due before" in run_if_due("nightly", now=TOMORROW)
    assert log_path("nightly").read_text().count("it ran") == 1
    assert describe_last("nightly").endswith(" done")


def test_a_run_whose_waker_was_killed_before_it_started_it_is_due_again(
    script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", killed)
        with pytest.raises(KeyboardInterrupt):
            run_if_due("nightly", now=TOMORROW)
    assert describe_last("nightly").endswith(" cut short")
    assert "done" in run_if_due("nightly", now=TOMORROW)
    assert "nothing is due before" in run_if_due("nightly", now=TOMORROW)


@pytest.mark.usefixtures("warm")
def test_a_run_that_fails_says_so_and_is_not_tried_again_at_once(script: Path) -> None:
    script.write_text("raise SystemExit(3)")
    with pytest.raises(RuntimeError, match="exit code 3"):
        run_if_due("nightly", now=TOMORROW)
    assert describe_last("nightly").endswith("failed, exit code 3")
    assert "nothing is due" in run_if_due("nightly", now=TOMORROW)


@pytest.mark.usefixtures("warm")
def test_a_run_that_fails_or_is_killed_is_told_once_with_what_it_said_last(script: Path, receiver: Any) -> None:
    script.write_text("import os; print('agile: error: no more rows', flush=True); os.kill(os.getpid(), 9)")
    with pytest.raises(RuntimeError, match="exit code -9"):
        run_if_due("nightly", now=TOMORROW)
    (notice,) = receiver.notices
    assert notice["type"] == "run.failed"
    assert notice["text"] == "schedule nightly: exit code -9: agile: error: no more rows"
    assert "told: the webhook" in log_path("nightly").read_text()


@pytest.mark.usefixtures("warm")
def test_a_run_of_a_schedule_leaves_it_to_the_schedule_to_tell(
    script: Path, receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import sys\nfrom agile_classifier.ops.state.home import prepare_state\nprepare_state(least_free=0)\n"
        "from agile_classifier.ops.notifications import failure_told\nwith failure_told('x'):\n    sys.exit(int('three'))"
    )
    monkeypatch.setattr(schedules, "command", lambda schedule: [sys.executable, "-c", code])
    with pytest.raises(RuntimeError, match="exit code 1"):
        run_if_due("nightly", now=TOMORROW)
    assert len(receiver.notices) == 1


def test_a_long_log_is_put_aside(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduled_runs, "LARGEST_LOG", 10)
    for day in range(1, 4):
        run_if_due("nightly", now=TOMORROW + timedelta(days=day))
    assert log_path("nightly").read_text().count("it ran") == 1
    assert len(list(log_path("nightly").parent.glob("nightly.log*"))) == 2


def test_a_run_whose_waker_was_killed_still_holds_the_lock_until_it_ends(script: Path, tmp_path: Path) -> None:
    script.write_text(f"import time, pathlib; pathlib.Path({str(tmp_path / 'begun')!r}).touch(); time.sleep({LONGEST})")
    waker = (
        "import sys; from datetime import datetime; from agile_classifier.ops.scheduling import local as schedules, runs as scheduled_runs\n"
        f"schedules.command = lambda schedule: [sys.executable, {str(script)!r}]\n"
        "scheduled_runs.run_if_due('nightly', now=datetime.fromisoformat(sys.argv[1]))"
    )
    process = subprocess.Popen([sys.executable, "-c", waker, TOMORROW.isoformat()], cwd=root(), start_new_session=True)
    until((tmp_path / "begun").exists, "the run has not begun")
    process.kill()
    process.wait()
    try:
        assert "still goes" in run_if_due("nightly", now=TOMORROW + timedelta(days=1))
        assert describe_last("nightly").endswith("still going")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
    with log_path("nightly").with_name("nightly.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # waits for the kernel to take the killed run's away
    assert describe_last("nightly").endswith("cut short")
    script.write_text("")
    assert "done" in run_if_due("nightly", now=TOMORROW + timedelta(days=1))
    last = last_run("nightly")
    assert last is not None
    assert last.exit_code == 0
