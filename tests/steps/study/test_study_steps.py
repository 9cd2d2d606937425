"""The steps of a study, each run by itself as ZenML runs it, on one cell of a toy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from agile_classifier.studies.cells import CellStore
from agile_classifier.studies.plan import Plan, plan
from agile_classifier.studies.run import to_shards
from tests.toys.toy_study import write_study

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_module")]

Shard = list[dict[str, Any]]


@pytest.fixture(scope="module")
def steps(state_folder: Path) -> Any:
    """Modules of steps, which ZenML wants imported once its state folder is known."""
    from steps.study.gather_cells import gather_cells
    from steps.study.plan_cells import plan_cells
    from steps.study.run_cells import run_cells

    return SimpleNamespace(plan_cells=plan_cells, run_cells=run_cells, gather_cells=gather_cells)


@pytest.fixture(scope="module")
def planned(tiny_model: Path, tiny_examples: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The four cells of a baseline that needs no training."""
    folder = tmp_path_factory.mktemp("study")
    file = write_study(folder, base=tiny_model, examples=tiny_examples)
    store = CellStore(file=folder / "cells" / "toy.parquet", shared=(), loose=folder / "cells" / "toy")
    store.loose.mkdir(parents=True)
    return plan(file, only=["majority"], store=store)


@pytest.fixture(scope="module")
def shard(planned: Plan) -> Shard:
    """The first of those cells."""
    (all_cells,) = to_shards(planned, jobs=1, command="agile study toy.yaml", commit="abc")
    return all_cells[:1]


@pytest.fixture(scope="module")
def outcomes(steps: Any, shard: Shard) -> Shard:
    return list(steps.run_cells(shard))


def test_plan_cells_makes_an_artifact_of_the_shards_as_they_are(steps: Any, shard: Shard) -> None:
    assert steps.plan_cells([shard, []]) == [shard, []]


def test_run_cells_finishes_each_cell_and_keeps_it_in_the_study_s_store(
    outcomes: Shard, shard: Shard, planned: Plan, logged: Callable[[str], dict[str, Any]]
) -> None:
    (outcome,) = outcomes
    assert outcome["place"].items() >= shard[0]["cell"]["place"].items()
    assert not outcome["error"]
    assert outcome["cell"]["metrics"]["roc_auc"] == 0.5
    assert len(outcome["cell"]["y_true"]) == 40
    assert len(list(planned.store.loose.glob("*.json"))) == 1
    assert logged("run_cells") == {"n_cells": 1, "failed": []}


def test_run_cells_tells_of_a_cell_that_fails(
    steps: Any, shard: Shard, logged: Callable[[str], dict[str, Any]]
) -> None:
    data = {**shard[0]["cell"]["config"]["data"], "source": "nowhere.csv"}
    cell = {**shard[0]["cell"], "config": {**shard[0]["cell"]["config"], "data": data}}
    (outcome,) = steps.run_cells([{**shard[0], "cell": cell}])
    assert outcome["cell"] is None
    assert "nowhere.csv" in outcome["error"]
    (failed,) = logged("run_cells")["failed"]
    assert failed.startswith("majority size 40")


def test_gather_cells_makes_the_table_and_the_page_of_what_is_finished(
    run_step: Callable[..., dict[str, Any]],
    steps: Any,
    outcomes: Shard,
    planned: Plan,
    logged: Callable[[str], dict[str, Any]],
) -> None:
    definition, store = (part.model_dump(mode="json") for part in (planned.study, planned.store))
    made = run_step(steps.gather_cells, [outcomes], str(planned.file), definition, store, "agile study toy.yaml")
    assert [outcome["cell"]["key"] for outcome in made["study_outcomes"]] == [outcomes[0]["cell"]["key"]]
    assert list(made["study_table"]["contender"]) == ["majority"]
    assert "A toy" in made["study_page"]
    assert logged("gather_cells") == {"n_cells": 1, "failed": []}
