"""Equal trainings at once: one trains, the other waits, says so and reuses; what a killed one left is gone on with."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pandas as pd
import pytest

from agile_classifier.config.ensemble.members import Planned, list_members
from agile_classifier.config.training import FineTuneConfig, ModelConfig
from agile_classifier.models.spec import ClassifierSpec
from agile_classifier.ops.project import root
from agile_classifier.ops.state.databases import MLFLOW
from tests.toys import waiting
from tests.toys.toy_config import make_sections, write_config

WAITS = "fine_tune: the same training is under way: run training-"
OWN, FINISHED, RUNNING = (UUID(int=number) for number in (1, 2, 3))
ALONE = ModelConfig(source="toy")
REUSED = "fine_tune: the wait is over, and the result of that run is reused"


def members_of(model: ModelConfig) -> list[tuple[Planned, ClassifierSpec]]:
    """Each member of a config with the specification that it is trained by."""
    planned = list_members(model, FineTuneConfig())
    return [
        (member, ClassifierSpec.describe(member.model, class_names=("no", "yes"), base_digest="")) for member in planned
    ]


def test_equal_trainings_of_two_models_have_two_keys(state_folder: Path, tiny_examples: pd.DataFrame) -> None:
    from agile_classifier.ops.runs.tracking import training_key

    rows = tiny_examples.assign(label=0)
    names = ("comments", "reviews", "comments")
    keys = {training_key(rows, rows, members_of(ALONE), experiment=name, n_devices=1) for name in names}
    assert len(keys) == 2


def test_what_another_member_is_trained_with_is_in_the_key(state_folder: Path, tiny_examples: pd.DataFrame) -> None:
    from agile_classifier.ops.runs.tracking import training_key

    rows = tiny_examples.assign(label=0)
    beside: list[dict[str, Any]] = [{"fine_tune": {"seed": 1}}, {"fine_tune": {"seed": 2}}, {"kind": "tfidf_svm"}]
    ensembles = [ModelConfig(source="toy", members=(member,)) for member in beside]
    keys = {
        training_key(rows, rows, members_of(model), experiment="comments", n_devices=1) for model in (ALONE, *ensembles)
    }
    assert len(keys) == 4


@pytest.mark.parametrize(
    ("tags", "is_left"),
    [
        ({"zenml.run": str(OWN)}, True),
        ({"zenml.run": str(FINISHED)}, True),
        ({"zenml.run": str(RUNNING)}, False),
        ({"zenml.run": str(UUID(int=4))}, False),
        ({}, False),
    ],
)
def test_on_a_team_s_server_only_what_is_known_to_be_over_is_gone_on_with(
    tags: dict[str, str], is_left: bool, state_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.ops.runs import tracking

    def get_pipeline_run(run: UUID) -> Any:
        if run not in (FINISHED, RUNNING):
            raise KeyError(run)
        return SimpleNamespace(name="elsewhere", status=SimpleNamespace(is_finished=run == FINISHED), steps={})

    monkeypatch.setattr(tracking, "Client", lambda: SimpleNamespace(get_pipeline_run=get_pipeline_run))
    context = SimpleNamespace(pipeline_run=SimpleNamespace(id=OWN), step_run=SimpleNamespace(name="fine_tune"))
    monkeypatch.setattr(tracking, "get_step_context", lambda: context)
    run: Any = SimpleNamespace(data=SimpleNamespace(tags=tags), info=SimpleNamespace(status="RUNNING"))
    assert tracking._was_cut_short(run), "in the state folder's own database the lock proves it"
    monkeypatch.setattr(tracking, "is_mlflow_embedded", lambda: False)
    assert tracking._was_cut_short(run) == is_left


class Trainings:
    """Commands that train the same, each with a file of what it says."""

    def __init__(self, folder: Path, home: Path, config: Path) -> None:
        self.folder, self.home, self.config = folder, home, config
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> int:
        """Start one; returns its number."""
        number = len(self.processes)
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
        environment = {**kept, "AGILE_HOME": str(self.home), "ZENML_CUSTOM_SOURCE_ROOT": str(root())}
        with self._log(number).open("wb") as log:
            command = [sys.executable, "-m", "agile_classifier", "train", str(self.config)]
            self.processes.append(subprocess.Popen(command, cwd=root(), env=environment, stdout=log, stderr=log))
        return number

    def said(self, number: int) -> str:
        return self._log(number).read_text(encoding="utf-8")

    def end(self, number: int) -> str:
        """Wait until one has ended well; returns what it said."""
        assert self.processes[number].wait(waiting.LONGEST) == 0, self.said(number)
        return self.said(number)

    def ask(self, statement: str) -> list[Any]:
        with closing(sqlite3.connect(self.home / MLFLOW)) as database:
            return database.execute(statement).fetchall()

    def _log(self, number: int) -> Path:
        return self.folder / f"{number}.txt"


@pytest.fixture
def trainings(
    tmp_path: Path, new_home: Callable[[Path], Path], tiny_model: Path, tiny_examples: pd.DataFrame, warm: None
) -> Iterator[Trainings]:
    tiny_examples.to_csv(tmp_path / "examples.csv", index=False)
    sections = make_sections(tmp_path / "examples.csv", tiny_model, name="twice", epochs=25)
    config = write_config(tmp_path / "run.yaml", sections)
    trainings = Trainings(tmp_path, new_home(tmp_path / "home"), config)
    yield trainings
    for process in trainings.processes:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_of_two_equal_trainings_at_once_one_trains_and_the_other_waits_and_reuses_all_of_it(
    trainings: Trainings,
) -> None:
    both = [trainings.start(), trainings.start()]
    said = [trainings.end(number) for number in both]
    (second,) = (text for text in said if WAITS in text)
    assert REUSED in second
    assert "evaluate, register" in second.partition("reused: ")[2].partition("\n")[0]
    assert trainings.ask("SELECT count(*) FROM model_versions") == [(1,)]
    assert trainings.ask("SELECT status FROM runs") == [("FINISHED",)]
    assert list((trainings.home / "checkpoints").iterdir()) == []


@pytest.mark.slow
def test_a_training_that_waited_for_one_that_was_killed_goes_on_where_that_stood(trainings: Trainings) -> None:
    first = trainings.start()
    waiting.until(lambda: list(trainings.home.glob("checkpoints/*/checkpoint-*")), lambda: trainings.said(first))
    second = trainings.start()
    waiting.until_said(WAITS, trainings.processes[second], lambda: trainings.said(second))
    trainings.processes[first].send_signal(signal.SIGKILL)
    said = trainings.end(second)
    assert "the wait is over, and this run trains by itself" in said
    assert trainings.ask("SELECT count(*) FROM model_versions") == [(1,)]
    assert trainings.ask("SELECT status FROM runs") == [("FINISHED",)]
