"""Liveness: a run is dead when its process is, and nothing else is taken for a sign of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agile_classifier.ops.runs.liveness import announced_run, forget_dead, is_known_dead

HOLDER = """
import time
from agile_classifier.ops.runs.liveness import announced_run
with announced_run("training") as name:
    print(name, flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AGILE_HOME", str(tmp_path))


def test_a_run_is_alive_until_its_process_is_killed_and_dead_from_then_on() -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert not is_known_dead(name)
        process.kill()
    assert is_known_dead(name)
    forget_dead()
    assert not is_known_dead(name)


def test_a_run_that_nobody_announced_is_not_known_to_be_dead() -> None:
    assert not is_known_dead("training-of-a-cluster")


def test_a_run_that_finished_leaves_no_announcement(tmp_path: Path) -> None:
    with announced_run("training") as name:
        assert not is_known_dead(name)
        assert [path.name for path in (tmp_path / "alive").iterdir()] == [f"{name}.lock"]
    assert list((tmp_path / "alive").iterdir()) == []


def test_a_run_that_was_cut_short_is_known_to_be_dead() -> None:
    with pytest.raises(KeyboardInterrupt), announced_run("training") as name:
        raise KeyboardInterrupt
    assert is_known_dead(name)


def test_two_runs_of_one_second_have_two_names() -> None:
    with announced_run("training") as first, announced_run("training") as second:
        assert first != second


def test_only_the_dead_are_forgotten(tmp_path: Path) -> None:
    with announced_run("training") as name:
        (tmp_path / "alive" / "dead.lock").touch()
        forget_dead()
        assert [path.stem for path in (tmp_path / "alive").iterdir()] == [name]


def test_a_name_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "alive").mkdir()
    (tmp_path / "elsewhere.lock").touch()
    assert not is_known_dead("../elsewhere")
