"""A real cron daemon fires a real run: what was trained before is reused, and nothing new is registered."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
import yaml

from agile_classifier.ops.project import root
from agile_classifier.ops.scheduling import clock, crontab, runs
from tests.toys.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("cron") is None, reason="no cron on this machine"),
    pytest.mark.skipif(os.geteuid() != 0, reason="cron can be started by root alone"),
]
PID_FILE = Path("/var/run/crond.pid")
"""Written, and locked, by the one cron daemon of a machine."""


@pytest.fixture
def cron() -> Iterator[subprocess.Popen[bytes]]:
    """A daemon of the test's own; the crontab that was there is put back."""
    before = subprocess.run(["crontab", "-l"], capture_output=True, check=False)
    daemon = subprocess.Popen(["cron", "-f"], stderr=subprocess.PIPE)
    until(lambda: daemon.poll() is not None or _is_the_machine_s(daemon), "cron does not start")
    if daemon.poll() is not None:
        pytest.skip("another cron runs on this machine")
    try:
        yield daemon
    finally:
        daemon.terminate()
        daemon.wait()
        if before.returncode == 0:
            subprocess.run(["crontab", "-"], input=before.stdout, check=True)
        else:
            subprocess.run(["crontab", "-r"], capture_output=True, check=False)


def test_cron_fires_a_run_that_reuses_every_step_and_registers_nothing(
    cron: subprocess.Popen[bytes],
    new_home: Callable[[Path], Path],
    tmp_path: Path,
    tiny_model: Path,
    tiny_examples: pd.DataFrame,
    warm_python: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = new_home(tmp_path / "a % home")
    monkeypatch.setenv("AGILE_HOME", str(home))
    config = _config(tmp_path, tiny_model, tiny_examples)
    assert "model timed version 1" in _agile(home, "train", str(config), python=warm_python)
    entry = {"name": "often", "pipeline": "training", "config": str(config), "cron": "* * * * *"}
    file = tmp_path / "schedules.yaml"
    file.write_text(yaml.safe_dump({"schedules": [entry]}))
    before = crontab.read()
    assert "added     often" in _agile(home, "schedule", "apply", "--file", str(file))
    assert crontab.read() == before + crontab.line(home)
    until(lambda: _ended("often", cron), "no run has ended")
    first = runs.last_run("often")
    assert clock.find_problem(datetime.now(UTC)) is None
    _agile(home, "schedule", "remove", "often")
    assert crontab.read() == before
    until(lambda: _ended("often", cron), "a run goes on")  # of another minute, if one began
    log = runs.log_path("often").read_text()
    assert first is not None
    assert first.exit_code == 0, log
    assert "fine_tune" in log.partition("reused:")[2].partition("\n")[0]
    with closing(sqlite3.connect(home / "mlflow.db")) as database:
        assert database.execute("SELECT count(*) FROM model_versions").fetchone() == (1,)


def _agile(home: Path, *words: str, python: str = sys.executable) -> str:
    environment = {
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
        "AGILE_HOME": str(home),
        "COLUMNS": "200",
    }
    done = subprocess.run(
        [python, "-m", "agile_classifier", *words], cwd=root(), env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _is_the_machine_s(daemon: subprocess.Popen[bytes]) -> bool:
    return PID_FILE.exists() and PID_FILE.read_text().strip() == str(daemon.pid)


def _ended(name: str, daemon: subprocess.Popen[bytes]) -> bool:
    assert daemon.poll() is None
    last = runs.last_run(name)
    return last is not None and last.ended is not None


def _config(folder: Path, tiny_model: Path, tiny_examples: pd.DataFrame) -> Path:
    tiny_examples.to_csv(folder / "examples.csv", index=False)
    sections = {
        "data": {"source": str(folder / "examples.csv"), "columns": {"text": "text", "score": "score", "id": "id"}},
        "validation": {"min_rows": 20, "min_class_rows": 5, "score_min": -10, "score_max": 10},
        "split": {"train": 70, "validation": 10, "test": None},
        "model": {"source": str(tiny_model), "max_length": 32},
        "fine_tune": {"epochs": 2, "rank": 4, "batch_size": 8},
        "evaluation": {"n_resamples": 100},
        "promotion": {"min_rows": 10},
        "registry": {"model_name": "timed"},
    }
    (folder / "run.yaml").write_text(yaml.safe_dump({"parameters": sections}))
    return folder / "run.yaml"
