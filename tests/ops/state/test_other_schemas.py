"""Databases of an older or newer schema than their library here: brought up to date, or refused in one line."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from agile_classifier.ops.project import root
from agile_classifier.ops.state.databases import MLFLOW, ZENML

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_module")]


def history(home: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "agile_classifier", "history"],
        cwd=root(), env={**kept, "AGILE_HOME": str(home)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("name", [MLFLOW, ZENML])
@pytest.mark.parametrize("revision", ["99.99.0", "older"])
def test_a_schema_that_its_library_does_not_know_or_cannot_migrate_is_one_line(
    name: str, revision: str, new_home: Callable[[Path], Path], tmp_path: Path
) -> None:
    home = new_home(tmp_path / "home")
    older = {MLFLOW: "451aebb31d03", ZENML: "0.70.0"}[name]  # their tables are there already
    with closing(sqlite3.connect(home / name)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = ?", (older if revision == "older" else revision,))
    told = history(home)
    assert told.returncode == 2, told.stderr
    *_, line = told.stderr.splitlines()
    assert line.startswith("agile: error: AGILE_HOME")
    assert "has a schema that is not of mlflow" in line
    assert "agile restore FILE" in line
    assert len(told.stderr.splitlines()) == 2, "a line on what is tried, and one on how it went"


def test_a_first_preparation_that_was_killed_is_begun_anew(new_home: Callable[[Path], Path], tmp_path: Path) -> None:
    home = new_home(tmp_path / "home")
    (home / "ready").unlink()
    (home / "preparing").write_text(f"{MLFLOW}\n{ZENML}\n")
    (home / MLFLOW).write_bytes(b"")
    with closing(sqlite3.connect(home / ZENML)) as database, database:
        database.execute("DROP TABLE alembic_version")  # ZenML writes it last
    told = history(home)
    assert "name a model with --model, one of: none" in told.stderr
    assert not (home / "preparing").exists()
    assert history(home).stderr.count("\n") == 1, "it is prepared once"
