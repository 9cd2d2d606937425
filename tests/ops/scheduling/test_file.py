"""Schedules file: a scheduled training reads the data that its config names, though it stands in another folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from agile_classifier.config.files import load_config
from agile_classifier.errors import InputError
from agile_classifier.ops.project import root
from agile_classifier.ops.scheduling.file import read_schedules


@pytest.fixture
def schedules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A schedules file beside a config that names its data by a relative path."""
    monkeypatch.delenv("AGILE_MIRROR", raising=False)
    parameters = {
        "data": {"source": "comments.csv"},
        "labels": {"rule": "given", "columns": ["label"]},
        "model": {"source": "owner/name"},
        "registry": {"model_name": "comments"},
    }
    (tmp_path / "comments.yaml").write_text(yaml.safe_dump({"parameters": parameters}), encoding="utf-8")
    entry = {"name": "nightly", "pipeline": "training", "config": "comments.yaml", "cron": "*/5 * * * *"}
    (tmp_path / "schedules.yaml").write_text(yaml.safe_dump({"schedules": [entry]}), encoding="utf-8")
    return tmp_path / "schedules.yaml"


def test_a_relative_source_counts_from_the_folder_of_the_config(
    schedules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = schedules.with_name("comments.csv")
    source.touch()
    config = Path(read_schedules(schedules)["nightly"].config)
    monkeypatch.chdir(root())  # where the run will stand
    assert load_config(config, needs_sources=True).data.source == str(source)


def test_a_source_that_the_run_would_not_find_is_refused_before_it_is_due(
    schedules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "comments.csv").touch()
    monkeypatch.chdir(elsewhere)  # where it would be found now
    said = rf"data.source comments.csv: no such file or folder in {tmp_path} nor in {root()}$"
    with pytest.raises(InputError, match=said):
        read_schedules(schedules)
