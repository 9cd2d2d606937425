"""Settling: a run whose process was killed ends in ZenML and in MLflow, and no other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agile_classifier.ops.project import root
from agile_classifier.ops.runs import liveness

KILLED = """
from agile_classifier.ops.state.home import prepare_state
prepare_state()
from tests.toys import toy_training as toy
toy.train("settled", end=toy.KILLED)
"""


@pytest.fixture
def killed(state_folder: Path, warm: None) -> str:
    """Name of a run whose process was killed while it trained."""
    liveness.settle_dead_runs()  # of other tests
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=root(), check=False, capture_output=True, text=True)
    (name,) = liveness.list_dead()
    assert done.returncode, done.stderr
    return name


def mlflow_runs(name: str) -> list[str]:
    from mlflow import MlflowClient

    client = MlflowClient()
    experiment = client.get_experiment_by_name("toy")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id], f"tags.`zenml.run_name` = '{name}'")
    return [run.info.status for run in found]


def zenml_run(name: str) -> Any:
    from zenml.client import Client

    return Client().get_pipeline_run(name, allow_name_prefix_match=False)


@pytest.mark.slow
def test_a_killed_run_is_ended_everywhere_by_the_next_that_looks_and_leaves_nothing(
    killed: str, state_folder: Path
) -> None:
    assert zenml_run(killed).status.value == "running"
    assert mlflow_runs(killed) == ["RUNNING"], "its tags were there when it began"
    assert liveness.settle_dead_runs() == {killed: "failed"}
    run = zenml_run(killed)
    assert run.status.value == "failed"
    assert {step.status.value for step in run.steps.values()} == {"failed"}
    assert mlflow_runs(killed) == ["KILLED"]
    assert liveness.list_dead() == []
    ids = {str(step.id) for step in run.steps.values()}
    assert [path for path in (state_folder / "zenml" / "local_stores").rglob("*") if path.name in ids] == []
    assert liveness.settle_dead_runs() == {}


def test_a_run_that_was_killed_before_zenml_knew_of_it_is_forgotten(state_folder: Path) -> None:
    liveness.settle_dead_runs()  # of other tests
    liveness.announce_as_dead(["training-that-never-was"], state_folder)
    assert liveness.settle_dead_runs() == {}
    assert liveness.list_dead() == []


def test_a_run_that_goes_on_is_left_alone(state_folder: Path) -> None:
    with liveness.announced_run("training") as name:
        assert liveness.is_known_alive(name)
        assert liveness.settle_dead_runs() == {}
        assert liveness.is_known_alive(name)
    assert not liveness.is_known_alive(name)


def test_where_none_is_dead_neither_library_is_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from agile_classifier.ops.runs.liveness import settle_dead_runs; settle_dead_runs();"
        " print(sorted({'zenml', 'mlflow'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"AGILE_HOME": str(tmp_path), "PYTHONPATH": str(root())}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
