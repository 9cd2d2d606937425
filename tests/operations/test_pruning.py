"""Pruning: what old runs left goes, and nothing that an alias, or a run that stays, rests on.

The choice is tested on tables; carrying it out on a real state folder, with runs of a toy pipeline named `training`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

NOW = datetime.now(UTC)
LONG_AGO, YESTERDAY = NOW - timedelta(days=90), NOW - timedelta(days=1)
BEFORE = NOW - timedelta(days=30)


@pytest.fixture(scope="module")
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if "ZENML_CONFIG_PATH" not in os.environ:  # ZenML reads it once a process; tests that ran before may have set it
        os.environ["AGILE_HOME"] = str(tmp_path_factory.mktemp("agile-home"))
    from operations.state import prepare_state

    return prepare_state()


def version(number: str, **facts: Any) -> Any:
    from operations.mlflow_leftovers import Version

    known = {"has_alias": False, "run_id": f"mlflow-{number}", "zenml_run": f"zenml-{number}", "created": LONG_AGO}
    return Version(model_name="toy", number=number, logged_model=f"m-{number}", **{**known, **facts})


def training_run(id: str, **facts: Any) -> Any:
    from operations.mlflow_leftovers import TrainingRun

    known = {"training_key": id, "zenml_run": id.replace("mlflow", "zenml"), "says_running": False, "used": LONG_AGO}
    return TrainingRun(id=id, name=id, experiment="1", folder=None, **{**known, **facts})


def pipeline_run(id: str, **facts: Any) -> Any:
    from operations.zenml_leftovers import PipelineRun

    known = {"status": "completed", "is_finished": True, "is_over": True, "used": LONG_AGO, "wrote": (), "reads": frozenset()}
    return PipelineRun(id=id, name=id, **{**known, **facts})


def chosen(
    *, versions: Iterable[Any] = (), runs: Iterable[Any] = (), pipelines: Iterable[Any] = (), names: dict[str, str] | None = None
) -> tuple[list[str], list[str], list[str]]:
    """Numbers of versions, ids of MLflow runs and of ZenML runs that go; `names`: ZenML run → MLflow run it names."""
    from operations.pruning import choose

    def named_by(kept: Iterable[Any]) -> frozenset[str]:
        return frozenset((names or {})[run.id] for run in kept if run.id in (names or {}))

    choice = choose(list(pipelines), list(versions), list(runs), before=BEFORE, named_by=named_by)
    return (
        [version.number for version in choice.versions],
        [run.id for run in choice.training_runs],
        [run.id for run in choice.pipeline_runs],
    )


def test_an_old_version_goes_with_its_runs() -> None:
    found = chosen(versions=[version("1")], runs=[training_run("mlflow-1")], pipelines=[pipeline_run("zenml-1")])
    assert found == (["1"], ["mlflow-1"], ["zenml-1"])


@pytest.mark.parametrize("facts", [{"has_alias": True}, {"created": YESTERDAY}], ids=["with an alias", "that is young"])
def test_a_version_stays_with_everything_it_rests_on(facts: dict[str, Any]) -> None:
    found = chosen(
        versions=[version("1", **facts)], runs=[training_run("mlflow-1")], pipelines=[pipeline_run("zenml-1")]
    )
    assert found == ([], [], [])


def test_an_old_version_of_a_run_that_an_aliased_one_rests_on_goes_alone() -> None:
    found = chosen(
        versions=[version("1", run_id="mlflow-2"), version("2", has_alias=True)],
        runs=[training_run("mlflow-2")],
        pipelines=[pipeline_run("zenml-1"), pipeline_run("zenml-2")],
    )
    assert found == (["1"], [], ["zenml-1"])


def test_what_a_young_run_reused_stays_for_the_next_run_to_reuse() -> None:
    found = chosen(
        versions=[version("1")],
        runs=[training_run("mlflow-1")],
        pipelines=[pipeline_run("zenml-1"), pipeline_run("zenml-9", used=YESTERDAY)],
        names={"zenml-9": "mlflow-1"},
    )
    assert found == ([], [], ["zenml-1"])


def test_a_training_under_way_keeps_its_run_however_long_ago_it_began() -> None:
    running = {"status": "running", "is_finished": False, "is_over": False}
    found = chosen(
        runs=[training_run("mlflow-1", says_running=True)], pipelines=[pipeline_run("zenml-1", **running)]
    )
    assert found == ([], [], [])


def test_an_old_run_whose_process_is_dead_goes() -> None:
    dead = {"status": "running", "is_finished": False, "is_over": True}
    found = chosen(runs=[training_run("mlflow-1", says_running=True)], pipelines=[pipeline_run("zenml-1", **dead)])
    assert found == ([], ["mlflow-1"], ["zenml-1"])


def test_a_run_that_says_it_runs_though_zenml_forgot_it_goes_when_it_is_old() -> None:
    runs = [training_run("mlflow-1", says_running=True), training_run("mlflow-2", says_running=True, used=YESTERDAY)]
    assert chosen(runs=runs) == ([], ["mlflow-1"], [])


def toy_run(*, stops: bool = False) -> tuple[Any, str]:
    """A run of a pipeline named `training`, as the real one leaves it: an MLflow run, a logged model, a version."""
    import mlflow
    from zenml import get_step_context, pipeline, step

    from operations import liveness

    @step(enable_cache=False)
    def fine_tune() -> str:
        with mlflow.start_run(experiment_id=experiment()) as run:
            mlflow.set_tags({"agile.training_key": run.info.run_id, "zenml.run": str(get_step_context().pipeline_run.id)})
            mlflow.log_text("x" * 50_000, "report.html")
            if stops:
                raise KeyboardInterrupt
        return run.info.run_id

    @pipeline(enable_cache=False)
    def training() -> None:
        fine_tune()

    with liveness.announced_run("training") as name:
        run = training.with_options(run_name=name)()
    return run, run.steps["fine_tune"].outputs["output"][0].load()


def experiment() -> str:
    import mlflow

    from operations.state import mlflow_artifacts

    found = mlflow.get_experiment_by_name("toy")
    if found is not None:
        return str(found.experiment_id)
    return str(mlflow.create_experiment("toy", artifact_location=f"{mlflow_artifacts()}/toy"))


def test_zz(state_folder: Path) -> None:
    print(toy_run())
