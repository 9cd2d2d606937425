"""Versions and runs of which something is gone: each command that needs it says in one line what, and how to go on.

Real commands in this process, on toys that ZenML and MLflow hold.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agile_classifier.cli import app as cli
from agile_classifier.errors import InputError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_module")]
NAME = "gone"
COMMANDS = {
    "score": ["score", "a text", "--model", NAME],
    "score a file": ["score", "--input", "texts.csv", "--output", "scored.csv", "--model", NAME],
    "serve": ["serve", "--model", NAME, "--port", "0"],
    "export": ["export", "--model", NAME, "--output", "exported"],
    "queue": ["queue", "--pool", "texts.csv", "--output", "to_label.csv", "--model", NAME],
    "monitor": ["monitor", "scored.csv", "--model", NAME],
}


def folder_of(version: Any) -> Path:
    """Folder of a version's files."""
    from agile_classifier.ops.registry.logged_models import find_folder

    folder = find_folder(version.source.removeprefix("models:/"))
    assert folder is not None
    return folder


def remove_folder(version: Any) -> None:
    shutil.rmtree(folder_of(version))


def remove_file(version: Any) -> None:
    next(folder_of(version).rglob("toy_scorer.py")).unlink()


DAMAGES: dict[str, tuple[Callable[[Any], None], str]] = {
    "its folder": (remove_folder, "its files are gone"),
    "one file": (remove_file, "toy_scorer.py is missing since it was registered"),
}


@pytest.fixture
def version(state_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A champion of its own model, and a folder with texts."""
    from mlflow import MlflowClient

    from tests.toys import toy_training

    client = MlflowClient()
    toy_training.train(NAME)
    newest = max(client.search_model_versions(f"name = '{NAME}'"), key=lambda found: int(found.version))
    client.set_registered_model_alias(NAME, "champion", newest.version)
    monkeypatch.chdir(tmp_path)
    Path("texts.csv").write_text("text\na text\nanother text\n")
    Path("scored.csv").write_text(
        f"text,label,probability_short,probability_long,model_version\na text,short,0.9,0.1,{newest.version}\n"
    )
    return newest


def run(*words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> tuple[Any, str]:
    """Run a command in this process; returns its exit code and what it said of an error."""
    monkeypatch.setattr(sys, "argv", ["agile", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().err
    return ended.value.code, said.partition("agile: error: ")[2]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_command_says_what_of_a_version_is_gone(
    damage: str, version: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make, said = DAMAGES[damage]
    make(version)
    for words in COMMANDS.values():
        code, error = run(*words, capsys=capsys, monkeypatch=monkeypatch)
        assert code == 2, (words, error)
        assert f"model {NAME}, version {version.version}: " in error, words
        assert said in error, words
        assert "agile restore" in error, words
        assert error.count("\n") == 1, words


def test_a_promotion_says_that_the_run_of_its_candidate_is_gone(
    version: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from zenml.client import Client

    promote = ["promote", str(version.version), "--model", NAME]
    code, error = run(*promote, capsys=capsys, monkeypatch=monkeypatch)
    assert (code, error.count("\n")) == (2, 1), error
    assert "evaluation of its step evaluate was deleted; train again, or `agile promote" in error
    Client().zen_store.delete_run(Client().get_pipeline_run(version.tags["zenml.run"]).id)
    code, error = run(*promote, capsys=capsys, monkeypatch=monkeypatch)
    assert (code, error.count("\n")) == (2, 1)
    assert f"the run that made version {version.version} is gone from ZenML" in error


def test_an_output_whose_file_is_gone_names_the_file(version: Any) -> None:
    from zenml.client import Client

    from agile_classifier.ops.runs.outputs import output_of

    made = Client().get_pipeline_run(version.tags["zenml.run"])
    place = made.steps["fine_tune"].outputs["output"][0].uri
    shutil.rmtree(place)
    with pytest.raises(InputError, match=f"output of its step fine_tune is gone from {place}"):
        output_of(made, "fine_tune", "output")


def test_an_mlflow_run_that_a_reused_step_names_is_deleted(version: Any) -> None:
    from mlflow import MlflowClient

    from agile_classifier.ops.runs.tracking import resumed_run

    MlflowClient().delete_run(version.run_id)
    with pytest.raises(InputError, match=f"mlflow runs restore --run-id {version.run_id}"), resumed_run(version.run_id):
        pass
    with (
        pytest.raises(InputError, match="MLflow run nobody, which a reused step names, is gone"),
        resumed_run("nobody"),
    ):
        pass
