"""A study, whole: cells in processes of their own, resumed, one that fails, a budget, and the page."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from agile_classifier.errors import InputError
from agile_classifier.studies.file import Study, list_cells, load_study
from agile_classifier.studies.plan import plan

PROJECT = Path(__file__).parents[2]
Agile = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def place(tiny_model: Path, tiny_examples: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of configs, with one on the tiny model and one whose data is not there, and a study over them."""
    folder = tmp_path_factory.mktemp("study")
    tiny_examples.to_csv(folder / "examples.csv", index=False)
    config = {
        "data": {"source": str(folder / "examples.csv"), "columns": {"text": "text", "score": "score", "id": "id"}},
        "split": {"train": 70, "validation": 10, "test": 40},
        "model": {"source": str(tiny_model), "max_length": 32},
        "fine_tune": {"epochs": 1, "rank": 4, "learning_rate": 1e-2, "batch_size": 8},
        "registry": {"model_name": "toy"},
    }
    missing = {**config, "data": {**config["data"], "source": str(folder / "nowhere.csv")}}
    (folder / "studies").mkdir()
    for name, parameters in {"toy": config, "broken": missing}.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({"parameters": parameters}), encoding="utf-8")
    study = {
        "title": "A toy",
        "reference": "tfidf",
        "sizes": [40, 70],
        "splits": [0, 1],
        "contenders": {
            "majority": {"config": "toy", "baseline": "majority"},
            "tfidf": {"config": "toy", "baseline": "tfidf", "title": "TF-IDF"},
            "frozen": {"config": "toy", "baseline": "frozen", "sizes": [70], "splits": [0]},
            "tuned": {"config": "toy", "sizes": [70], "splits": [0], "set": {"fine_tune.rank": 2}},
            "broken": {"config": "broken", "baseline": "tfidf", "sizes": [70], "splits": [0]},
        },
        "published": [{"name": "Somebody", "source": "a paper", "size": 70, "roc_auc": 0.9}],
    }
    (folder / "studies" / "toy.yaml").write_text(yaml.safe_dump({"study": study}), encoding="utf-8")
    return folder


@pytest.fixture
def agile(place: Path, tmp_path: Path) -> Agile:
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("ZENML_", "MLFLOW_"))}

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "agile_classifier", "study", str(place / "studies" / "toy.yaml"), "--results", str(tmp_path / "cells"),
             "--output", str(tmp_path / "RESULTS.md"), *arguments],
            capture_output=True, text=True, check=False, timeout=300, cwd=PROJECT, env={**mine, "AGILE_HOME": str(tmp_path / "home")},
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
    kept = list((tmp_path / "cells").glob("*.json"))
    assert len(kept) == 10
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
    cell = next(
        found for path in kept if "rank" in (found := json.loads(path.read_text()))["decides"].get("fine_tune", {})
    )
    assert cell["decides"]["fine_tune"]["rank"] == 2
    assert len(cell["y_true"]) == len(cell["y_score"]) == 40
    assert cell["made"]["command"].startswith("agile study")
    assert cell["seconds"] >= cell["train_seconds"] > 0


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
    place: Path, tmp_path: Path, agile: Agile
) -> None:
    (tmp_path / "RESULTS.md").write_text("my own notes", encoding="utf-8")
    refused = agile()
    assert refused.returncode == 2
    assert "exists already, and is no page of studies; name another file" in refused.stderr.splitlines()[-1]
    (tmp_path / "RESULTS.md").unlink()
    beside = place / "studies" / "other.yaml"
    beside.write_text("study: {title: Theirs, reference: a, contenders: {a: {config: nowhere}}}", encoding="utf-8")
    (place / "studies" / "a-run.yaml").write_text("parameters: {}", encoding="utf-8")  # no study: passed over
    try:
        refused = agile()
    finally:
        beside.unlink()
    assert refused.returncode == 2
    assert "nowhere.yaml: no such config file" in refused.stderr
    assert not (tmp_path / "cells").exists()


def test_a_cell_that_is_cut_off_is_named(place: Path, tmp_path: Path) -> None:
    from agile_classifier.studies.plan import plan

    cell = list_cells(load_study(place / "studies" / "toy.yaml"), folder=place / "studies")[0]
    (tmp_path / f"{cell.key}.json").write_text('{"key": "', encoding="utf-8")
    with pytest.raises(InputError, match=f"{cell.key}.json: not a finished cell; remove it"):
        plan(place / "studies" / "toy.yaml", folder=tmp_path)


def test_a_cell_is_known_by_what_decides_its_outcome_alone(place: Path) -> None:
    study = load_study(place / "studies" / "toy.yaml")
    cells = {cell.name: cell for cell in list_cells(study, folder=place / "studies")}
    assert len({cell.key for cell in cells.values()}) == len(cells) == 11
    tuned = cells["tuned size 70 split 0 seed 0"]
    changed = tuned.config.model_copy(
        update={"registry": tuned.config.registry.model_copy(update={"model_name": "other"})}
    )
    assert replace(tuned, config=changed).key == tuned.key
    slower = tuned.config.model_copy(
        update={"fine_tune": tuned.config.fine_tune.model_copy(update={"learning_rate": 1e-4})}
    )
    assert replace(tuned, config=slower).key != tuned.key


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"reference": "nobody"}, "reference 'nobody' is no contender; there are a"),
        ({"contenders": {"a": {"config": "toy", "baseline": "luck"}}}, "baseline 'luck'; allowed are majority, tfidf"),
        ({"contenders": {}}, "study.contenders"),
        (
            {"contenders": {"a": {"config": "toy", "set": {"split.seed": 3}}}},
            "set.split.seed: the grid sets it; use splits",
        ),
        ({"contenders": {"a": {"config": "toy"}, "b": {"blend": ["a"], "seeds": [1]}}}, "seeds belongs to a config"),
        ({"nonsense": 1}, "study.nonsense: unknown field"),
    ],
    ids=["reference", "baseline", "no contender", "the grid's own field", "a blend's seeds", "unknown field"],
)
def test_a_mistake_in_the_file_is_told_in_one_line(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    document = {"title": "t", "reference": "a", "contenders": {"a": {"config": "toy"}}, **changed}
    (tmp_path / "s.yaml").write_text(yaml.safe_dump({"study": document}), encoding="utf-8")
    with pytest.raises(InputError) as refused:
        load_study(tmp_path / "s.yaml")
    assert str(refused.value).startswith(f"{tmp_path / 's.yaml'}: ")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("study", "said"),
    [
        ({"contenders": {"a": {"config": "columns"}}, "splits": [0, 1]}, "a: split.method columns has one split"),
        ({"contenders": {"a": {"config": "group"}}, "sizes": [3]}, "a: split.method group counts groups"),
        ({"contenders": {"a": {"config": "toy"}, "b": {"config": "few"}}}, "b: split.train 40.0, where a has 70.0"),
        (
            {"contenders": {"a": {"config": "toy"}, "b": {"config": "few"}, "c": {"blend": ["a", "b"]}}, "sizes": [40]},
            "blend c: b has another `split` than a",
        ),
    ],
    ids=["columns", "groups", "sizes", "blend"],
)
def test_a_grid_that_its_splits_cannot_give_is_refused(
    place: Path, tmp_path: Path, study: dict[str, Any], said: str
) -> None:
    toy = yaml.safe_load((place / "toy.yaml").read_text(encoding="utf-8"))["parameters"]
    splits = {
        "toy": toy["split"],
        "few": {**toy["split"], "train": 40, "validation": 20},
        "columns": {"method": "columns", "column": "part"},
        "group": {"method": "group", "train": 0.5, "validation": 0.2, "test": 0.3},
    }
    for name, split in splits.items():
        data = {**toy["data"], "columns": {**toy["data"]["columns"], "group": "group"}}
        parameters = {**toy, "data": data, "split": split}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump({"parameters": parameters}), encoding="utf-8")
    described = Study.model_validate({"title": "t", "reference": "a", **study})
    with pytest.raises(InputError, match=said):
        list_cells(described, folder=tmp_path / "studies")


def test_a_file_that_has_changed_is_another_cell(place: Path, tmp_path: Path) -> None:
    (tmp_path / "examples.csv").write_bytes((place / "examples.csv").read_bytes())
    parameters = yaml.safe_load((place / "toy.yaml").read_text(encoding="utf-8"))["parameters"]
    parameters["data"]["source"] = str(tmp_path / "examples.csv")
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump({"parameters": parameters}), encoding="utf-8")
    study = Study.model_validate({"title": "t", "reference": "a", "contenders": {"a": {"config": "toy.yaml"}}})
    (before,) = list_cells(study, folder=tmp_path)
    with (tmp_path / "examples.csv").open("a", encoding="utf-8") as file:
        file.write("999,a late text,0.9\n")
    (after,) = list_cells(study, folder=tmp_path)
    assert before.key != after.key


def test_the_longest_shard_says_how_long_a_study_takes(place: Path) -> None:
    planned = plan(place / "studies" / "toy.yaml", only=["tuned"], folder=place / "none")
    assert planned.seconds(jobs=4) == planned.seconds(jobs=1) > 0, "one cell cannot be shared"


def test_every_study_that_is_shipped_describes_cells_that_its_configs_allow() -> None:
    files = sorted((PROJECT / "configs" / "studies").glob("*.yaml"))
    assert files
    for file in files:
        study: Study = load_study(file)
        assert len(list_cells(study, folder=file.parent)) > 10
