"""Doctor: what it says of a machine that a run could use, and of one that it could not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from agile_classifier.errors import InputError
from agile_classifier.ops.scheduling import local, runs
from agile_classifier.ops.scheduling.clock import tick
from agile_classifier.ops.upkeep import doctor
from agile_classifier.ops.upkeep.doctor import PACKAGES, examine
from agile_classifier.ops.upkeep.doctor_schedules import examine_schedules
from agile_classifier.ops.upkeep.finding import Finding
from tests.toys.toy_schedules import ENTRY, TOMORROW, apply_file
from tests.toys.waiting import LONGEST


def found(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def test_a_state_folder_and_a_mirror_that_cannot_be_used_are_named_with_a_remedy_and_no_store_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("AGILE_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setenv("AGILE_MIRROR", str(tmp_path / "gone"))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    findings = found(list(examine()))
    assert [name for name, finding in findings.items() if finding.remedy] == ["mirror", "AGILE_HOME"]
    assert f"AGILE_HOME {tmp_path}/file/home: cannot be written" in str(findings["AGILE_HOME"].remedy)
    assert "GB free" in findings["AGILE_HOME"].value
    assert {"ZenML", "MLflow"} & set(findings) == set()
    assert {"python", *PACKAGES} <= set(findings)
    assert findings["torch"].value.startswith("2.13.0")
    assert " threads, computes in " in findings["hardware"].value
    assert findings["HF_TOKEN"].value == "set"
    assert "hf_secret" not in str(findings)


def found_of_schedules() -> Finding:
    return next(finding for finding in examine() if finding.name == "schedules")


def test_schedules_that_nothing_starts_are_named_with_a_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AGILE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "home").mkdir()
    assert found_of_schedules() == Finding("schedules", "none enabled on this machine")
    apply_file(tmp_path / "s.yaml", ENTRY, {**ENTRY, "name": "off", "enabled": False})
    finding = found_of_schedules()
    assert finding.value == "1 enabled, but there is no crontab command here (no tick yet)"
    assert finding.remedy == "keep agile schedule run-forever running"
    tick(datetime.now(UTC))
    assert found_of_schedules() == Finding("schedules", "1 enabled")


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the stores of a busy machine take their time to answer."""
    monkeypatch.setattr(doctor, "LONGEST_WAIT", LONGEST)


def test_what_stands_in_the_way_of_a_schedule_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AGILE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("AGILE_WEBHOOK_URL", "https://hooks.example.org/x")
    monkeypatch.delenv("AGILE_WEBHOOK_SECRET", raising=False)
    texts, config = tmp_path / "texts.csv", tmp_path / "mine.yaml"
    texts.touch()
    parameters = {"data": {"source": "gone.csv", "columns": {"score": "s"}}, "model": {"source": "a/model"}}
    config.write_text(yaml.safe_dump({"parameters": {**parameters, "registry": {"model_name": "mine"}}}))
    (tmp_path / "gone.csv").touch()
    scoring = {
        **ENTRY,
        "name": "daily",
        "pipeline": "scoring",
        "config": str(texts),
        "arguments": ["--output", "o.csv"],
    }
    apply_file(
        tmp_path / "s.yaml", scoring, {**ENTRY, "name": "weekly", "config": str(config)}, {**ENTRY, "name": "fine"}
    )
    tick(datetime.now(UTC))
    texts.unlink()
    (tmp_path / "gone.csv").unlink()
    runs._write_last("fine", runs.LastRun(moment=TOMORROW, started=TOMORROW, ended=TOMORROW, exit_code=1))
    findings = {finding.name: finding for finding in examine_schedules()}
    assert findings["schedules"].value == f"3 enabled; fine failed last, {runs.log_path('fine')} says why"
    assert findings["schedule daily"].value == f"{texts}: no such file"
    assert "agile schedule remove daily" in str(findings["schedule daily"].remedy)
    assert "data.source gone.csv: no such file" in findings["schedule weekly"].value
    assert "mend the config" in str(findings["schedule weekly"].remedy)
    assert findings["their webhook"].value.startswith("AGILE_WEBHOOK_SECRET: not set")
    assert "agile schedule apply" in str(findings["their webhook"].remedy)
    local.records_path().write_text("{")
    (damaged,) = examine_schedules()
    assert "applied.json: damaged" in str(damaged.remedy)


def test_a_webhook_that_cannot_be_used_and_a_small_place_for_temporary_files_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AGILE_WEBHOOK_URL", "https://hooks.example.org/x")
    monkeypatch.delenv("AGILE_WEBHOOK_SECRET", raising=False)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=10_000_000))
    webhook, places = doctor._webhook(), doctor._temporary_files()
    assert webhook.value.startswith("unusable: AGILE_WEBHOOK_SECRET: not set")
    assert webhook.remedy
    assert "0.0 GB free" in places.value
    assert "TMPDIR" in str(places.remedy)


def test_a_project_that_is_none_is_named_and_nothing_else_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Path:
        raise InputError("AGILE_PROJECT /gone: is no project")

    monkeypatch.setattr(doctor, "root", refuse)
    assert list(examine())[-1] == Finding("project", "none", "AGILE_PROJECT /gone: is no project")


@pytest.mark.slow
@pytest.mark.usefixtures("patient")
def test_a_usable_machine_has_no_remedies_and_both_stores_answer(state_folder: Path) -> None:
    findings = found(list(examine()))
    assert [finding.remedy for finding in findings.values()] == [None] * len(findings)
    assert findings["ZenML"].value.startswith("answered: sqlite:///")
    assert findings["MLflow"].value.startswith("answered: sqlite:///")


@pytest.mark.slow
@pytest.mark.usefixtures("patient")
def test_a_server_that_is_down_is_named_without_its_password(
    state_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:geheim@127.0.0.1:9")
    findings = found(list(examine()))
    assert findings["MLflow"].value.startswith("no answer: ")
    assert "http://***@127.0.0.1:9" in findings["MLflow"].value
    assert "MLFLOW_TRACKING_URI" in str(findings["MLflow"].remedy)
    assert "geheim" not in str(findings)
    assert findings["ZenML"].remedy is None
