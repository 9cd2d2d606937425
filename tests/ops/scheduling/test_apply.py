"""Applying: what would fail is refused, a machine without a clock is told, and a run is started by hand."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from agile_classifier.cli.schedules import _check_words
from agile_classifier.errors import InputError
from agile_classifier.ops.engines.stacks import StackFile
from agile_classifier.ops.scheduling import crontab, local, runs, schedulers
from agile_classifier.ops.scheduling.file import read_schedules
from agile_classifier.ops.scheduling.local import words_of
from agile_classifier.ops.scheduling.schedule import Schedule
from tests.toys.toy_schedules import ENTRY, TOMORROW, apply_file, write_file

pytestmark = pytest.mark.usefixtures("tab")

HERE = StackFile("local", {}, {})
SECRET = "whsec_" + "QUJD" * 8


def apply(path: Path, *entries: dict[str, Any], dry_run: bool = False, **variables: str) -> list[str]:
    wanted = read_schedules(write_file(path, *entries))
    return schedulers.apply(
        HERE, wanted, variables=variables, load_pipeline=lambda: None, check_words=_check_words, dry_run=dry_run
    )


@pytest.mark.parametrize(
    ("fields", "variables", "said"),
    [
        ({}, {"AGILE_WEBHOOK_URL": "https://hook.example"}, "AGILE_WEBHOOK_SECRET: not set; it signs"),
        ({}, {"AGILE_WEBHOOK_URL": "http://hook.example", "AGILE_WEBHOOK_SECRET": SECRET}, "https://… is wanted"),
        ({"variables": ["PGPASSWORD"]}, {}, "the environment variable PGPASSWORD is not set"),
        ({"arguments": ["--nonsense"]}, {}, "No such option: --nonsense"),
        ({"arguments": ["--help"]}, {}, "they ask for help"),
        ({"pipeline": "scoring"}, {}, "--output FILE is missing"),
        ({"pipeline": "monitoring", "arguments": ["two", "files"]}, {}, "unexpected extra argument"),
    ],
)
def test_a_schedule_that_would_fail_or_tell_nobody_is_refused_and_nothing_applied(
    tmp_path: Path, fields: dict[str, Any], variables: dict[str, str], said: str
) -> None:
    with pytest.raises(InputError) as refused:
        apply(tmp_path / "s.yaml", {**ENTRY, **fields}, **variables)
    line = str(refused.value)
    assert line.startswith("schedule nightly: ")
    assert said in line
    assert line.endswith("nothing was applied")
    assert "\n" not in line
    assert local.applied() == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "fine_tune.epoch=3"], "fine_tune.epoch: unknown field"),
        (["--limit", "many"], "invalid int value: 'many'"),
        (["--set"], "expected one argument"),
    ],
)
def test_arguments_that_the_config_does_not_take_are_refused(tmp_path: Path, arguments: list[str], said: str) -> None:
    with pytest.raises(InputError, match=f"schedule nightly: config: .*{said}"):
        read_schedules(write_file(tmp_path / "s.yaml", {**ENTRY, "arguments": arguments}))


@pytest.mark.parametrize("section", ["data", "validation"])
def test_a_file_that_the_config_names_and_that_is_not_there_is_refused(tmp_path: Path, section: str) -> None:
    (tmp_path / "texts.csv").write_text("text,label\n")
    sections: dict[str, Any] = {
        "data": {"source": str(tmp_path / "texts.csv")}, "labels": {"rule": "given", "columns": ["label"]},
        "model": {"source": "owner/name"}, "registry": {"model_name": "comments"},
    }  # fmt: skip
    gone = tmp_path / "gone.file"
    sections[section] = {"source": str(gone)} if section == "data" else {"suite": str(gone)}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({"parameters": sections}))
    with pytest.raises(InputError, match=rf"schedule nightly: config: .*{gone}: no such file"):
        read_schedules(write_file(tmp_path / "s.yaml", {**ENTRY, "config": "c.yaml"}))


def test_a_database_of_which_nobody_says_where_it_is_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state_folder: Path
) -> None:
    sections: dict[str, Any] = {
        "data": {"source": "sql://labels", "query": "SELECT text, label FROM comments"},
        "labels": {"rule": "given", "columns": ["label"]}, "model": {"source": "owner/name"},
        "registry": {"model_name": "comments"},
    }  # fmt: skip
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({"parameters": sections}))
    entry = {**ENTRY, "config": str(tmp_path / "c.yaml")}
    with pytest.raises(InputError, match=r"schedule nightly: sql://labels: .*AGILE_SQL_LABELS.*nothing was applied"):
        apply(tmp_path / "s.yaml", entry)
    monkeypatch.setenv("AGILE_SQL_LABELS", "sqlite:///labels.db")
    assert apply(tmp_path / "s.yaml", entry)[0].startswith("added     nightly")


def test_what_a_disabled_schedule_lacks_stops_nothing(tmp_path: Path) -> None:
    fields = {"enabled": False, "variables": ["PGPASSWORD"]}
    assert apply(tmp_path / "s.yaml", {**ENTRY, **fields}, AGILE_WEBHOOK_URL="https://hook.example") == [
        "added     nightly: training, 0 3 * * * Europe/Paris"
    ]


def test_variables_that_a_schedule_names_are_kept_for_its_runs(tmp_path: Path) -> None:
    apply(tmp_path / "s.yaml", {**ENTRY, "variables": ["PGPASSWORD"]}, PGPASSWORD="sentinel", OTHER="not kept")
    assert json.loads((local.folder() / "environment.json").read_text()) == {"PGPASSWORD": "sentinel"}


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_machine_on_which_no_clock_is_running_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dry_run: bool
) -> None:
    monkeypatch.setattr(crontab, "is_daemon_missing", lambda: True)
    *_, last = apply(tmp_path / "s.yaml", ENTRY, dry_run=dry_run)
    assert last.startswith(
        "schedules: no clock is running on this machine: no cron daemon runs (no tick yet); start one"
    )
    assert len(apply(tmp_path / "s.yaml", {**ENTRY, "enabled": False}, dry_run=dry_run)) == 1


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ({"or_days": 3}, "when.min_new_labels: Field required"),
        ({"min_new_labels": 0}, "when.min_new_labels: Input should be greater than or equal to 1; found 0"),
        ({"min_new_labels": 5, "or_days": 4000}, "when.or_days: Input should be less than or equal to 3650; found 4000"),
        ({"min_new_labels": "50"}, "when.min_new_labels: Input should be a valid integer; found '50'"),
        ({"min_labels": 5}, "when.min_labels: unknown field; allowed here: min_new_labels, or_days"),
    ],
)  # fmt: skip
def test_what_a_schedule_cannot_wait_for_is_one_line(tmp_path: Path, when: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        read_schedules(write_file(tmp_path / "s.yaml", {**ENTRY, "when": when}))
    assert said in str(refused.value)


def test_only_a_training_waits_for_labels(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="when belongs to pipeline training; found pipeline monitoring"):
        read_schedules(
            write_file(tmp_path / "s.yaml", {**ENTRY, "pipeline": "monitoring", "when": {"min_new_labels": 5}})
        )


def test_a_schedule_that_waits_hands_it_on_to_the_training() -> None:
    schedule = Schedule.model_validate(
        {**ENTRY, "when": {"min_new_labels": 50, "or_days": 30}, "arguments": ["--no-cache"]}
    )
    words = words_of(schedule)
    assert words[2:] == ["--no-cache", "--min-new-labels", "50", "--or-days", "30"]
    _check_words(words)


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A disabled schedule whose run says that there was nothing new."""
    script = tmp_path / "script.py"
    script.write_text(
        "from agile_classifier.ops.scheduling.runs import note_finding\nprint('it ran'); note_finding('nothing new')"
    )
    monkeypatch.setattr(local, "command", lambda schedule: [sys.executable, str(script)])
    monkeypatch.setenv("PYTHONPATH", ":".join(filter(None, [str(Path.cwd()), *sys.path])))
    apply_file(tmp_path / "s.yaml", {**ENTRY, "enabled": False})
    return script


def test_a_run_that_is_started_by_hand_runs_though_it_is_disabled_and_says_what_it_found(found: Path) -> None:
    assert runs.run_if_due("nightly", now=TOMORROW) == "schedule nightly: disabled"
    said = schedulers.run_now(HERE, "nightly")
    assert said == f"schedule nightly: done: nothing new; its output is in {runs.log_path('nightly')}"
    assert runs.describe_last("nightly").endswith(" done: nothing new")
    listed = schedulers.list_schedules(HERE)
    assert "done: nothing new" in listed[1]
    found.write_text("print('agile: error: no more rows'); raise SystemExit(2)")
    with pytest.raises(RuntimeError, match="exit code 2"):
        runs.run_now("nightly", now=datetime.now(UTC))
    assert runs.describe_last("nightly").endswith(" failed, exit code 2: agile: error: no more rows")
    found.write_text("")
    assert runs.run_now("nightly", now=datetime.now(UTC)).startswith("schedule nightly: done; ")
    assert runs.describe_last("nightly").endswith(" done"), "what an earlier run found is not this one's"
    with pytest.raises(InputError, match="schedule nightl: not applied; there are: nightly"):
        runs.run_now("nightl", now=datetime.now(UTC))
