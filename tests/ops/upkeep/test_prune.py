"""Pruning: what old runs left goes, and nothing that an alias, or a run that stays, rests on.

The choice is tested on tables; carrying it out on a real state folder, with runs of a toy pipeline named `training`.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agile_classifier.ops.project import root

NOW = datetime.now(UTC)
LONG_AGO, YESTERDAY = NOW - timedelta(days=90), NOW - timedelta(days=1)
BEFORE = NOW - timedelta(days=30)


def version(number: str, **facts: Any) -> Any:
    from agile_classifier.ops.upkeep.prune_mlflow import Version

    known = {"has_alias": False, "run_id": f"mlflow-{number}", "zenml_run": f"zenml-{number}", "created": LONG_AGO}
    return Version(model_name="toy", number=number, logged_model=f"m-{number}", **{**known, **facts})


def training_run(id: str, **facts: Any) -> Any:
    from agile_classifier.ops.upkeep.prune_mlflow import TrainingRun

    known = {"training_key": id, "zenml_run": id.replace("mlflow", "zenml"), "says_running": False, "used": LONG_AGO}
    return TrainingRun(id=id, name=id, experiment="1", folder=None, **{**known, **facts})


def pipeline_run(id: str, **facts: Any) -> Any:
    from agile_classifier.ops.upkeep.prune_zenml import PipelineRun

    known = {
        "status": "completed",
        "is_finished": True,
        "is_over": True,
        "used": LONG_AGO,
        "wrote": (),
        "reads": frozenset(),
    }
    return PipelineRun(id=id, name=id, **{**known, **facts})


def chosen(
    *,
    versions: Iterable[Any] = (),
    runs: Iterable[Any] = (),
    pipelines: Iterable[Any] = (),
    names: dict[str, str] | None = None,
) -> tuple[list[str], list[str], list[str]]:
    """Numbers of versions, ids of MLflow runs and of ZenML runs that go; `names`: ZenML run → MLflow run it names."""
    from agile_classifier.ops.upkeep.prune import choose

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
    found = chosen(runs=[training_run("mlflow-1", says_running=True)], pipelines=[pipeline_run("zenml-1", **running)])
    assert found == ([], [], [])


def test_an_old_run_whose_process_is_dead_goes() -> None:
    dead = {"status": "running", "is_finished": False, "is_over": True}
    found = chosen(runs=[training_run("mlflow-1", says_running=True)], pipelines=[pipeline_run("zenml-1", **dead)])
    assert found == ([], ["mlflow-1"], ["zenml-1"])


def test_a_run_that_says_it_runs_though_zenml_forgot_it_goes_when_it_is_old() -> None:
    runs = [training_run("mlflow-1", says_running=True), training_run("mlflow-2", says_running=True, used=YESTERDAY)]
    assert chosen(runs=runs) == ([], ["mlflow-1"], [])


@pytest.fixture
def toy(state_folder: Path) -> Any:
    """The toy pipeline, in a state where nothing else is left to prune."""
    from agile_classifier.ops.upkeep.prune import prune
    from tests.toys import toy_training

    list(prune(days=0, dry_run=False))
    return toy_training


def versions(model_name: str) -> list[str]:
    from mlflow import MlflowClient

    return sorted(str(found.version) for found in MlflowClient().search_model_versions(f"name = '{model_name}'"))


def pipeline_runs() -> dict[str, str]:
    from zenml.client import Client

    return {run.name: run.status.value for run in Client().list_pipeline_runs(size=200).items}


def stored_bytes(folder: Path) -> int:
    """Of everything but databases."""
    files = [path for path in folder.rglob("*") if path.is_file() and ".db" not in path.name]
    return sum(path.stat().st_size for path in files)


@pytest.mark.slow
def test_a_real_state_loses_what_nothing_rests_on_and_keeps_what_the_champion_rests_on(
    toy: Any, state_folder: Path
) -> None:
    from mlflow import MlflowClient

    from agile_classifier.ops.registry.scorer import Scorer
    from agile_classifier.ops.state.home import checkpoints
    from agile_classifier.ops.upkeep.prune import prune

    first, second = toy.train("pruned"), toy.train("pruned")
    MlflowClient().set_registered_model_alias("pruned", "champion", "2")
    with pytest.raises(KeyboardInterrupt):
        toy.train("pruned", end=toy.INTERRUPTED)
    foreign = MlflowClient().create_run("0", start_time=0)
    before = stored_bytes(state_folder)

    foretold = list(prune(days=0, dry_run=True))
    assert versions("pruned") == ["1", "2"]
    assert stored_bytes(state_folder) == before
    assert {first, second} <= set(pipeline_runs())

    said = list(prune(days=0, dry_run=False))
    assert [line.replace("would go", "removed") for line in foretold[:-1]] == said[:-1]
    assert "removed  model version pruned version 1" in " ".join(said)
    assert versions("pruned") == ["2"]
    assert first not in pipeline_runs()
    assert second in pipeline_runs()
    assert list(checkpoints().iterdir()) == []
    assert list((state_folder / "alive").iterdir()) == []
    assert MlflowClient().get_run(foreign.info.run_id).info.lifecycle_stage == "active"
    freed = before - stored_bytes(state_folder)
    assert freed > 170_000  # two reports and a checkpoint
    assert f"{freed / 1e6:,.1f} MB" in said[-1]
    assert list(Scorer("pruned", "2")(["a text"])["label"]) == ["short"]
    assert list(prune(days=0, dry_run=False)) == ["0 things older than 0 days, 0 bytes"]


@pytest.mark.slow
def test_nothing_goes_before_its_days_are_over(toy: Any) -> None:
    from agile_classifier.ops.upkeep.prune import prune

    with pytest.raises(KeyboardInterrupt):
        toy.train("young", end=toy.INTERRUPTED)
    assert list(prune(days=1, dry_run=False)) == ["0 things older than 1 days, 0 bytes"]


def test_in_a_remote_store_old_checkpoints_go_but_those_of_a_training_under_way_stay(
    state_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.ops.runs import checkpoint_store as checkpoints
    from agile_classifier.ops.upkeep import prune as pruning
    from tests.toys.toy_store import SCHEME

    store = tmp_path / "store"
    for key, written in {"old": LONG_AGO, "young": YESTERDAY, "open": LONG_AGO, "cut": None, "beginning": None}.items():
        (store / key / "checkpoint-1").mkdir(parents=True)
        if written:
            marker = {"written": written.isoformat(), "files": {"model.safetensors": 2_000_000}}
            (store / key / "checkpoint-1" / checkpoints.MARKER).write_text(json.dumps(marker))
    running = {"status": "running", "is_finished": False, "is_over": False}
    runs = [
        training_run("mlflow-1", training_key="open", says_running=True),
        training_run("mlflow-2", training_key="beginning", used=YESTERDAY),
        training_run("mlflow-3", training_key="cut"),
    ]
    monkeypatch.setattr(checkpoints, "_store", lambda: f"{SCHEME}{store}")
    monkeypatch.setattr(pruning.mlflow_side, "read_versions", list)
    monkeypatch.setattr(pruning.mlflow_side, "read_training_runs", lambda: runs)
    monkeypatch.setattr(pruning.mlflow_side, "remove_run", lambda _: None)
    monkeypatch.setattr(pruning.logged_models, "list_folders", lambda _: {})
    monkeypatch.setattr(pruning.zenml_side, "read_pipeline_runs", lambda: [pipeline_run("zenml-1", **running)])
    monkeypatch.setattr(pruning.zenml_side, "mlflow_runs_named_by", lambda _: frozenset())

    said = list(pruning.prune(days=30, dry_run=False))
    assert [line for line in said if "stored" in line] == [
        f"removed  stored checkpoints {SCHEME}{store}/cut  0 bytes",
        f"removed  stored checkpoints {SCHEME}{store}/old  2.0 MB",
    ]
    assert sorted(path.name for path in store.iterdir()) == ["beginning", "open", "young"]


def test_parts_whose_scoring_was_never_gone_on_with_go_when_they_are_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.ops.upkeep import prune as pruning

    monkeypatch.setenv("AGILE_HOME", str(tmp_path))
    for name, written in {"old": LONG_AGO, "young": YESTERDAY}.items():
        (tmp_path / "parts" / name).mkdir(parents=True)
        (tmp_path / "parts" / name / "part-000000.csv").write_bytes(bytes(9))
        for path in (tmp_path / "parts" / name / "part-000000.csv", tmp_path / "parts" / name):
            os.utime(path, (written.timestamp(), written.timestamp()))
    (found,) = pruning._half_scored(LONG_AGO + (YESTERDAY - LONG_AGO) / 2)
    assert (found.kind, found.name, found.n_bytes) == ("half-scored parts", "old", 9)
    found.remove()
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["young"]


KILLED = """
from agile_classifier.ops.state.home import prepare_state
prepare_state()
from tests.toys import toy_training as toy
toy.train("killed", end=toy.KILLED)
"""


@pytest.mark.slow
@pytest.mark.usefixtures("warm")
def test_a_killed_run_is_ended_only_when_its_process_is_known_to_be_dead(toy: Any, state_folder: Path) -> None:
    from agile_classifier.ops.upkeep.prune import prune

    subprocess.run([sys.executable, "-c", KILLED], cwd=root(), check=False, capture_output=True)
    announcement = next((state_folder / "alive").iterdir())
    name = announcement.stem
    assert pipeline_runs()[name] == "running"

    with announcement.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        alive = list(prune(days=0, dry_run=False))
    unknown_place = announcement.rename(state_folder / "elsewhere")
    unknown = list(prune(days=0, dry_run=False))
    for said in (alive, unknown):
        assert len(said) == 2
        assert f"kept  ZenML run {name}: running since" in said[0]
        assert said[1].startswith("0 things")
    unknown_place.rename(announcement)
    foretold, *_ = prune(days=1, dry_run=True)
    assert "would be marked failed" in foretold
    assert pipeline_runs()[name] == "running"
    marked, *_ = prune(days=1, dry_run=False)
    assert marked.startswith(f"marked failed  ZenML run {name}")
    assert pipeline_runs()[name] == "failed"
    assert not announcement.exists()
    gone = [line for line in prune(days=0, dry_run=False) if line.startswith("removed")]
    assert {line.split("  ")[1].split(" training-")[0] for line in gone} == {"MLflow run", "ZenML run", "checkpoints"}
