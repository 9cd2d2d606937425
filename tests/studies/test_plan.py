"""A study, whole: cells in processes of their own, resumed, one that fails, a budget, and the page."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from agile_classifier.studies.cells import CellStore, read_cells
from agile_classifier.studies.plan import plan

pytestmark = pytest.mark.usefixtures("warm_module")

PROJECT = Path(__file__).parents[2]
Agile = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def agile(study_folder: Path, new_home: Callable[[Path], Path], tmp_path: Path) -> Agile:
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("ZENML_", "MLFLOW_"))}

    new_home(tmp_path / "home")

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "agile_classifier", "study", str(study_folder / "studies" / "toy.yaml"), "--results", str(tmp_path / "cells"),
             "--output", str(tmp_path / "RESULTS.md"), *arguments],
            capture_output=True, text=True, check=False, cwd=PROJECT, env={**mine, "AGILE_HOME": str(tmp_path / "home")},
        )  # fmt: skip

    return call


def steps_of_runs(home: Path) -> list[str]:
    """Names of the steps in ZenML's own database."""
    with sqlite3.connect(home / "zenml" / "local_stores" / "default_zen_store" / "zenml.db") as database:
        return [name for (name,) in database.execute("SELECT name FROM step_run WHERE status = 'completed'")]


@pytest.mark.slow
def test_a_cell_that_fails_is_told_of_the_rest_goes_on_and_a_second_call_runs_only_what_is_missing(
    agile: Agile, tmp_path: Path
) -> None:
    first = agile("--jobs", "2")
    assert first.returncode == 1, first.stderr
    assert "11 cells, 11 to run" in first.stderr
    assert "broken size 70 split 0 seed 0: failed:" in first.stderr
    assert "nowhere.csv" in first.stderr
    kept = read_cells(tmp_path / "cells" / "toy.parquet")
    assert len(kept) == 10
    assert list((tmp_path / "cells").rglob("*.json")) == [], "folded in"
    page = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "### 40 training examples" in page
    assert "### Against TF-IDF, split by split" in page
    assert "| Somebody | 70 | 0.900 | a paper |" in page
    reports = tmp_path / "home" / "reports"
    table = pd.read_parquet(reports / "study-toy.parquet")
    assert len(table) == 10
    assert {"contender", "size", "split", "seed", "roc_auc", "train_seconds", "key", "commit"} <= set(table)
    assert "Best" in (reports / "study-toy.html").read_text(encoding="utf-8")
    runs = steps_of_runs(tmp_path / "home")
    assert sorted(runs) == ["gather_cells", "map:run_cells:0", "map:run_cells:1", "plan_cells"], "a shard a job"
    second = agile("--dry-run")
    assert "11 cells, 1 to run" in second.stderr
    only = agile("--only", "tuned", "--only", "majority")
    assert only.returncode == 0, only.stderr
    assert "5 cells, 0 to run" in only.stderr
    (cell,) = (cell for cell in kept if "rank" in cell.decides.get("fine_tune", {}))
    assert cell.decides["fine_tune"]["rank"] == 2
    assert len(cell.y_true) == len(cell.y_score) == 40
    assert cell.made.command.startswith("agile study")
    assert cell.seconds >= cell.train_seconds > 0


def test_a_grid_too_large_for_its_budget_says_what_it_would_cost_and_runs_nothing(agile: Agile, tmp_path: Path) -> None:
    refused = agile("--budget", "0.5")
    assert refused.returncode == 2
    assert (
        "--budget 0.5: 11 cells, 11 to run, about 7 min (11 of them guessed: none of their contender has run yet); give"
        in refused.stderr.splitlines()[-1]
    )
    assert not (tmp_path / "cells").exists()
    dry = agile("--budget", "0.5", "--dry-run")
    assert (dry.returncode, dry.stderr.splitlines()[-1]) == (2, refused.stderr.splitlines()[-1])
    unknown = agile("--only", "nobody")
    assert unknown.returncode == 2
    assert "--only nobody: no such contender; there are broken, frozen, majority, tfidf, tuned" in unknown.stderr


def test_what_would_keep_the_page_from_being_written_is_said_before_anything_runs(
    study_folder: Path, tmp_path: Path, agile: Agile
) -> None:
    (tmp_path / "RESULTS.md").write_text("my own notes", encoding="utf-8")
    refused = agile()
    assert refused.returncode == 2
    assert "exists already, and is no page of studies; name another file" in refused.stderr.splitlines()[-1]
    (tmp_path / "RESULTS.md").unlink()
    beside = study_folder / "studies" / "other.yaml"
    beside.write_text("study: {title: Theirs, reference: a, contenders: {a: {config: nowhere}}}", encoding="utf-8")
    (study_folder / "studies" / "a-run.yaml").write_text("parameters: {}", encoding="utf-8")  # no study: passed over
    try:
        refused = agile()
    finally:
        beside.unlink()
    assert refused.returncode == 2
    assert "nowhere.yaml: no such config file" in refused.stderr
    assert not (tmp_path / "cells").exists()


def test_the_longest_shard_says_how_long_a_study_takes(study_folder: Path) -> None:
    store = CellStore(file=study_folder / "none" / "toy.parquet", shared=(), loose=study_folder / "none")
    planned = plan(study_folder / "studies" / "toy.yaml", only=["tuned"], store=store)
    assert planned.seconds(jobs=4) == planned.seconds(jobs=1) > 0, "one cell cannot be shared"
