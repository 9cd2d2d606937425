"""A training that is told to stop while a step loads a library: said in one line, nothing blamed, and gone on with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from agile_classifier.config.run import RunConfig
from agile_classifier.ops.project import root

pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("warm")
def test_a_step_that_is_told_to_stop_while_it_loads_a_library_blames_nothing(
    new_home: Callable[[Path], Path], config_of: Callable[..., RunConfig], tmp_path: Path
) -> None:
    config = config_of(tmp_path / "rows.csv", "stopped", fine_tune__epochs=1)
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump({"parameters": config.model_dump(mode="json")}), encoding="utf-8")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ZENML_", "MLFLOW_"))}
    environment = {**inherited, "AGILE_HOME": str(new_home(tmp_path / "home")), "PYTHONPATH": str(root())}

    def train(code: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, str(file)], env=environment, cwd=root(), capture_output=True, text=True, check=False
        )  # fmt: skip

    stopped = train(STOPPED)
    said = stopped.stderr.splitlines()
    assert stopped.returncode == 128 + signal.SIGTERM, stopped.stderr
    assert said[-1] == "agile: stopped by SIGTERM; the same command, given again, goes on or begins anew"
    assert [line for line in said if "rror" in line or "Traceback" in line or "not a model" in line] == []
    assert stopped.stdout.splitlines()[-1] == "Step `fine_tune` has started."
    done = train(AGAIN)
    assert done.returncode == 0, done.stderr
    assert "reused: ingest" in done.stdout
    assert "model stopped version 1;" in done.stdout
    assert statuses(tmp_path / "home") == ["FINISHED"], "none is left running"


def statuses(home: Path) -> list[Any]:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(home / "mlflow.db")) as database:
        return [status for (status,) in database.execute("SELECT status FROM runs ORDER BY start_time")]


AGAIN = """
import sys
sys.argv[:] = ["agile", "train", sys.argv[1]]
from agile_classifier.__main__ import main
main()
"""
STOPPED = f"""
import os, signal, sys
class At:
    def find_spec(self, name, path=None, target=None):
        if name == "agile_classifier.training.fine_tuning":
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGTERM)
sys.meta_path.insert(0, At())
{AGAIN}"""
