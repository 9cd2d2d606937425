"""Real servers on loopback, for every test of serving."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agile_classifier.ops.project import root
from tests.toys.toy_serving import Server, Start, Store
from tests.toys.waiting import LONGEST


@pytest.fixture(scope="package")
def store(
    state_folder: Path, new_mlflow: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    import mlflow
    from mlflow import MlflowClient

    folder, shared = tmp_path_factory.mktemp("serving"), mlflow.get_tracking_uri()
    address = new_mlflow(folder)
    mlflow.set_tracking_uri(address)
    client = MlflowClient()
    run = client.create_run(client.create_experiment("toy", artifact_location=(folder / "artifacts").as_uri()))
    (folder / "ready").touch()  # the databases that serving needs are there
    environment = {**os.environ, "AGILE_HOME": str(folder), "MLFLOW_TRACKING_URI": address}
    environment.pop("AGILE_SERVE_TOKEN", None)
    made = Store(client, run.info.run_id, environment)
    made.make_version()
    made.promote("1")
    yield made
    mlflow.set_tracking_uri(shared)


@pytest.fixture(scope="package")
def start(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """`agile serve` with options, on any port; ended afterwards."""
    started: list[subprocess.Popen[str]] = []

    def run(*options: str, **environment: str) -> Server:
        log = tmp_path_factory.mktemp("server") / "log.txt"
        with log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "agile_classifier", "serve", "--port", "0", "--poll", "0.1", *options],
                env=store.environment | environment, stdout=subprocess.PIPE, stderr=file, text=True, cwd=root(),
            )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("serving toy version "), said + log.read_text()
        return Server(process, said.split(" at ")[1].strip(), log)

    yield run
    for process in started:
        process.terminate()
        process.wait(LONGEST)


@pytest.fixture(scope="package")
def server(start: Start) -> Server:
    """On the champion, with small limits."""
    return start("--max-characters", "100", "--max-rows", "5", "--max-bytes", "20000")
