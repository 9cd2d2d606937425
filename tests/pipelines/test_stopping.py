"""A command that is told to stop: said in one line, nothing blamed, nothing left at work, and gone on with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
import yaml

from agile_classifier.config.run import RunConfig
from agile_classifier.ops.project import root
from tests.toys.toy_study import write_study
from tests.toys.waiting import LONGEST, until

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


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_study_that_is_ended_leaves_neither_its_cell_nor_the_cell_s_program_at_work(
    new_home: Callable[[Path], Path], tiny_model: Path, tiny_examples: pd.DataFrame, tmp_path: Path, end: signal.Signals
) -> None:
    program, told = tmp_path / "slow", tmp_path / "told"
    program.mkdir()
    (program / "requirements.txt").write_text("# nothing\n")
    (program / "run.py").write_text(f"""
import os, pathlib, time
pathlib.Path({str(told)!r}).write_text(f"{{os.getpid()}} {{os.getppid()}}\\n")
time.sleep({LONGEST})
""")
    file = write_study(tmp_path, base=tiny_model, examples=tiny_examples)
    study = {
        "title": "Ended",
        "reference": "slow",
        "sizes": [70],
        "contenders": {"slow": {"config": "toy", "external": str(program)}},
    }
    file.write_text(yaml.safe_dump({"study": study}), encoding="utf-8")
    environment = {**os.environ, "AGILE_HOME": str(new_home(tmp_path / "home")), "PYTHONPATH": str(root())}
    command = [sys.executable, "-m", "agile_classifier", "study", str(file)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: told.exists() and told.read_text().endswith("\n"), "no cell has started")
        process.send_signal(end)
        process.communicate()
    numbers = [int(word) for word in told.read_text().split()]
    until(lambda: not any(map(psutil.pid_exists, numbers)), f"one of {numbers} works on")


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
