"""Pruning what the launcher left: launches that are over, and files that were brought to it and nothing refers to."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

NOW = datetime.now(UTC)
LONG_AGO, YESTERDAY = NOW - timedelta(days=90), NOW - timedelta(days=1)
BEFORE = NOW - timedelta(days=30)


@pytest.fixture(autouse=True)
def home(state_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGILE_HOME", str(tmp_path))
    return tmp_path


def aged(folder: Path, written: datetime) -> None:
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (written.timestamp(), written.timestamp()))


def upload(name: str = "comments.csv", *, written: datetime = LONG_AGO) -> Any:
    from agile_classifier.ops.web import uploads

    brought = uploads.keep(name, b"text,label\nyou fool,1\n")
    aged(brought.folder, written)
    return brought


def launch(home: Path, identity: str, *, file: str | None, written: datetime = LONG_AGO, run: str = "") -> Path:
    folder = home / "launches" / identity
    folder.mkdir(parents=True)
    facts = {"id": identity, "config": "comments.csv", "overrides": {}, "started": written.isoformat(), "file": file}
    (folder / "launch.json").write_text(json.dumps(facts))
    (folder / "log.txt").write_text(f"run {run}\n" if run else "")
    (folder / "exit").write_text("0")
    (folder / "lock").touch()
    aged(folder, written)
    return folder


def going(*, runs: Iterable[Any] = (), versions: Iterable[Any] = ()) -> list[Any]:
    """Leftovers of the launcher, beside ZenML runs and versions that stay."""
    from agile_classifier.ops.upkeep import prune_launcher

    chosen = prune_launcher.choose_launches(runs, before=BEFORE)
    old = prune_launcher.list_old_uploads(versions, runs, chosen, before=BEFORE)
    return [*prune_launcher.list_old_launches(chosen), *old]


def names(leftovers: Iterable[Any]) -> list[tuple[str, str]]:
    return [(each.kind, each.name.split()[0]) for each in leftovers]


def test_an_old_upload_goes_with_the_old_launch_that_read_it_and_a_young_one_stays(home: Path) -> None:
    old, young = upload(), upload(written=YESTERDAY)
    launch(home, "20260101T000000-aaaaaaaa", file=old.id)
    found = going()
    assert names(found) == [("launch", "20260101T000000-aaaaaaaa"), ("upload", old.id)]
    assert found[1].name == f"{old.id} comments.csv"
    assert found[1].n_bytes > old.size
    assert [each.remove() for each in found] == [True, True]
    assert [path.name for path in (home / "uploads").iterdir()] == [young.id]
    assert not list((home / "launches").iterdir())


def test_an_upload_that_a_launch_names_stays_while_that_launch_runs_is_young_or_its_run_stays(home: Path) -> None:
    brought = [upload() for _ in range(3)]
    launch(home, "20260101T000000-aaaaaaaa", file=brought[0].id, written=YESTERDAY)
    running = launch(home, "20260101T000000-bbbbbbbb", file=brought[1].id)
    (running / "exit").unlink()
    aged(running, LONG_AGO)
    launch(home, "20260101T000000-cccccccc", file=brought[2].id, run="training-kept")
    with (running / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert going(runs=[SimpleNamespace(name="training-kept", parameters="")]) == []


def test_an_upload_that_a_schedule_config_version_or_run_names_stays(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.ops.scheduling import local
    from agile_classifier.ops.scheduling.schedule import Schedule
    from agile_classifier.ops.upkeep import prune_launcher

    of_schedule, of_scheduled_config, of_config, of_version, of_run, of_nothing = (upload() for _ in range(6))
    configs = tmp_path / "configs" / "studies"
    configs.mkdir(parents=True)
    (configs / "mine.yaml").write_text(f"data: {{source: {of_config.path}}}")
    elsewhere = tmp_path / "elsewhere.yaml"
    elsewhere.write_text(f"data: {{source: {of_scheduled_config.path}}}")
    schedules = {
        name: local.Applied(
            schedule=Schedule(name=name, pipeline="training", config=str(config), cron="0 3 * * *"), since=NOW
        )
        for name, config in {"by-upload": of_schedule.folder / "config.yaml", "elsewhere": elsewhere}.items()
    }
    monkeypatch.setattr(prune_launcher.project, "configs", lambda: tmp_path / "configs")
    monkeypatch.setattr(prune_launcher.local, "applied", lambda: schedules)
    monkeypatch.setattr(
        prune_launcher, "read_config", lambda name, number: {"data": {"source": str(of_version.path), "of": name}}
    )
    run = SimpleNamespace(name="training-1", parameters=str({"data": {"source": str(of_run.path)}}))
    found = going(runs=[run], versions=[SimpleNamespace(model_name="toy", number="1")])
    assert names(found) == [("upload", of_nothing.id)]


def test_an_upload_that_a_launch_has_named_since_it_was_chosen_is_kept(home: Path) -> None:
    brought = upload()
    (found,) = going()
    launch(home, "20260101T000000-aaaaaaaa", file=brought.id, written=NOW)
    assert found.remove() is False
    assert brought.is_whole


def test_a_file_that_never_came_whole_goes_when_it_is_old(home: Path) -> None:
    from agile_classifier.ops.web import uploads

    begun = uploads.begin("comments.csv", 1_000)
    uploads.append(begun.id, 0, b"text")
    assert going() == []
    aged(begun.folder, LONG_AGO)
    assert names(going()) == [("upload", begun.id)]


def test_a_prune_says_what_of_the_launcher_goes_and_a_dry_run_leaves_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.ops.upkeep import prune as pruning

    monkeypatch.setattr(pruning.mlflow_side, "read_versions", list)
    monkeypatch.setattr(pruning.mlflow_side, "read_training_runs", list)
    monkeypatch.setattr(pruning.zenml_side, "read_pipeline_runs", list)
    monkeypatch.setattr(pruning.zenml_side, "mlflow_runs_named_by", lambda _: frozenset())
    monkeypatch.setattr(pruning, "list_stored", list)
    brought = upload()
    launch(home, "20260101T000000-aaaaaaaa", file=brought.id)
    foretold = list(pruning.prune(days=30, dry_run=True))
    assert foretold[0].startswith("would go  launch 20260101T000000-aaaaaaaa comments.csv  ")
    assert foretold[1].startswith(f"would go  upload {brought.id} comments.csv  ")
    assert brought.is_whole
    said = list(pruning.prune(days=30, dry_run=False))
    assert said[:-1] == [line.replace("would go", "removed") for line in foretold[:-1]]
    assert not brought.is_whole
