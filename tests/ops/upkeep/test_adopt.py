"""State folders that were moved or copied: refused, then adopted, and independent of where they came from."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from agile_classifier.errors import InputError
from agile_classifier.files import tree_digest
from agile_classifier.ops.project import root
from agile_classifier.ops.state import version as state_version
from agile_classifier.ops.state.databases import DATABASES
from agile_classifier.ops.state.home import prepare_state
from agile_classifier.ops.upkeep.adopt import adopt

TRAIN = """
from agile_classifier.ops.state.home import prepare_state
prepare_state()
from mlflow import MlflowClient
from tests.toys import toy_training
toy_training.train("moved")
MlflowClient().set_registered_model_alias("moved", "champion", "1")
"""
COUNT = """
from agile_classifier.ops.state.home import prepare_state
prepare_state()
from mlflow import MlflowClient
from zenml.client import Client
versions = MlflowClient().search_model_versions("name = 'moved'")
run = Client().list_pipeline_runs(size=1).items[0]
print(len(versions), Client().list_pipeline_runs().total, run.steps["fine_tune"].output.load())
"""
Home = Callable[..., Path]


def start(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    environment = {**kept, "AGILE_HOME": str(home), "ZENML_CUSTOM_SOURCE_ROOT": str(root())}
    return subprocess.run(
        [sys.executable, *words], cwd=root(), env=environment, capture_output=True, text=True, check=False
    )


def agile(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return start(home, "-m", "agile_classifier", *words)


@pytest.fixture
def home(new_home: Home, tmp_path: Path) -> Iterator[Path]:
    """A state folder in which nothing has run; what `prepare_state` puts into the environment goes at the end."""
    before = dict(os.environ)
    for name in ("ZENML_CONFIG_PATH", "ZENML_STORE_URL", "MLFLOW_TRACKING_URI"):
        os.environ.pop(name, None)
    yield new_home(tmp_path / "home")
    os.environ.clear()
    os.environ.update(before)


def refusal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AGILE_HOME", str(folder))
    with pytest.raises(InputError) as refused:
        prepare_state()
    return str(refused.value)


def test_a_copy_and_a_moved_folder_are_refused_by_a_line_that_names_where_they_were(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(home, tmp_path / "copy"))
    said = refusal(copy, monkeypatch)
    assert f"AGILE_HOME {copy}: was copied from {home}" in said
    assert f"agile adopt makes it a state folder of its own, or name {home} in AGILE_HOME" in said
    moved = home.rename(tmp_path / "moved")
    said = refusal(moved, monkeypatch)
    assert f"AGILE_HOME {moved}: was moved or copied from {home}" in said
    assert f"name {home} in AGILE_HOME" not in said
    assert not home.exists()


def test_a_folder_from_before_places_were_recorded_is_known_by_what_zenml_s_settings_name(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "ready").write_text(json.dumps(state_version.present()))
    moved = home.rename(tmp_path / "moved")
    assert f"was moved or copied from {home}" in refusal(moved, monkeypatch)
    assert adopt().came_from == (str(home),)
    assert adopt().came_from == ()


def test_a_link_to_the_folder_is_no_other_place(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(home)
    monkeypatch.setenv("AGILE_HOME", str(tmp_path / "link"))
    assert prepare_state() == home
    assert adopt().came_from == ()


def test_what_cannot_be_adopted_is_refused_and_nothing_is_changed(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = home.rename(tmp_path / "moved")
    monkeypatch.setenv("AGILE_HOME", str(moved))
    database = moved / DATABASES[1]
    whole = database.read_bytes()
    database.write_bytes(whole[: len(whole) // 2])
    before = tree_digest(moved / "zenml")
    with pytest.raises(InputError, match=f"{database}: damaged"):
        adopt()
    assert tree_digest(moved / "zenml") == before
    database.write_bytes(whole)
    (moved / "ready").write_text(json.dumps({"state": "99"}))
    with pytest.raises(InputError, match="newer agile-classifier"):
        adopt()
    monkeypatch.setenv("AGILE_HOME", str(tmp_path / "nothing"))
    with pytest.raises(InputError, match="is no state folder"):
        adopt()


def test_an_adoption_that_is_cut_short_is_still_refused_and_is_ended_by_a_second_one(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.ops.state import moving

    moved = home.rename(tmp_path / "moved")
    monkeypatch.setenv("AGILE_HOME", str(moved))

    def cut_short(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moving, "write_whole", cut_short)
        with pytest.raises(KeyboardInterrupt):
            adopt()
    assert f"was moved or copied from {home}" in refusal(moved, monkeypatch)
    assert adopt().came_from == (str(home),)
    assert prepare_state() == moved


def named_places(folder: Path) -> str:
    """All text that the databases and settings of a state folder hold."""
    held = [(folder / "zenml" / "config.yaml").read_text(), (folder / "ready").read_text()]
    for name in DATABASES:
        with closing(sqlite3.connect(folder / name)) as database:
            held += database.iterdump()
    return "\n".join(held)


@pytest.fixture(scope="module")
def trained(new_home: Home, tmp_path_factory: pytest.TempPathFactory, warm_module: None) -> Path:
    """A state folder that a run has written to; a test copies or moves it, and puts it back."""
    folder = new_home(tmp_path_factory.mktemp("trained") / "home")
    done = start(folder, "-c", TRAIN)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("way", ["copied", "moved"])
def test_an_adopted_folder_works_alone_and_leaves_its_original_as_it_was(
    trained: Path, tmp_path: Path, way: str
) -> None:
    second = tmp_path / "eine zweite ä"
    shutil.copytree(trained, second)
    original = tree_digest(trained)
    hidden = trained.rename(trained.with_name("hidden")) if way == "moved" else trained
    try:
        refused = agile(second, "score", "a text")
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
        assert "agile adopt" in refused.stderr
        doctor = agile(second, "doctor")
        assert doctor.returncode == 2
        assert f"AGILE_HOME         {second}" in doctor.stdout
        assert f"from {trained}" in doctor.stdout
        adopted = agile(second, "adopt")
        assert adopted.returncode == 0, adopted.stderr
        assert f"{second} no longer names {trained}" in adopted.stdout
        assert str(trained) not in named_places(second)
        scored = agile(second, "score", "a text")
        assert scored.returncode == 0, scored.stderr
        assert "\nshort " in scored.stdout
        again = start(second, "-c", TRAIN)
        assert again.returncode == 0, again.stderr
        counted = start(second, "-c", COUNT)
        assert counted.stdout.split()[:2] == ["2", "2"], counted.stderr
        assert str(trained) not in named_places(second)
        settings = yaml.safe_load((second / "zenml" / "config.yaml").read_text())
        assert settings["store"]["url"] == f"sqlite:///{second / DATABASES[1]}"
        assert way == "copied" or not trained.exists(), "nothing may go on where the folder was"
    finally:
        if way == "moved":
            hidden.rename(trained)
    assert tree_digest(trained) == original
