"""Doctor: what it says of a machine that a run could use, and of one that it could not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agile_classifier.ops.scheduling.clock import tick
from agile_classifier.ops.upkeep import doctor
from agile_classifier.ops.upkeep.doctor import PACKAGES, Finding, examine
from tests.toys.toy_schedules import ENTRY, apply_file
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
