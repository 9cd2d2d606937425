"""State version: what a folder of another project's keeps and loses, and who may open it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agile_classifier.errors import InputError
from agile_classifier.ops.state import version as state_version


@pytest.mark.parametrize("recorded", [{}, {"state": "1", "mlflow": "3.17.0"}])
def test_what_a_folder_from_before_the_modules_moved_has_lost_is_said_in_one_line(recorded: dict[str, str]) -> None:
    said = state_version.describe_loss(recorded) or ""
    for part in ("registered versions still score", "cannot be read: train again", "another folder in AGILE_HOME"):
        assert part in said
    assert "\n" not in said


def test_a_folder_of_this_project_has_lost_nothing_and_an_older_project_may_not_open_it() -> None:
    assert state_version.describe_loss(state_version.present()) is None
    with pytest.raises(InputError, match=r"newer agile-classifier \(state version 3, this one knows 2\)"):
        state_version.require_not_newer({"state": "3"}, "AGILE_HOME")


@pytest.mark.slow
@pytest.mark.usefixtures("warm")
def test_a_command_tells_of_an_older_folder_once_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "ready").write_text(json.dumps({**state_version.present(), "state": "1"}))

    def ask() -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH")}
        return subprocess.run(
            [sys.executable, "-m", "agile_classifier", "score", "a text"],
            env={**kept, "AGILE_HOME": str(tmp_path), "HOME": str(tmp_path)}, text=True, capture_output=True,
        )  # fmt: skip

    told, again = ask(), ask()
    line = f"bringing the state folder {tmp_path} up to date (once): {state_version.describe_loss({'state': '1'})}"
    assert told.stderr.splitlines()[0] == line
    assert "no registered model has a champion" in told.stderr
    assert "up to date" not in again.stderr
    assert (told.returncode, again.returncode) == (2, 2)
    assert state_version.read_versions(tmp_path) == state_version.present()
