"""A registered toy that scores a text by its length, and what a test asks of a server that answers with it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests

from agile_classifier.models.spec import ClassifierSpec
from agile_classifier.ops.project import root
from tests.toys.waiting import LONGEST, until_said

SCORER, CANDIDATE = (Path(__file__).with_name(name) for name in ("toy_held_scorer.py", "toy_shadow_scorer.py"))
SPEC = ClassifierSpec(
    class_names=("short", "long"), pooling="mean", quantization="none", double_quant=False, compute_dtype="float32",
    max_length=8, hidden_size=0, base_source="", base_sha256=None, base_revision=None, base_digest="",
)  # fmt: skip
"""What a version says of its task, for who asks before it is compared with another."""
TEXTS = ["short", "a text of some length"]
EXPECTED = [
    {"label": "short", "probability_short": 0.75, "probability_long": 0.25, "model_version": "1"},
    {"label": "long", "probability_short": 0.0, "probability_long": 1.0, "model_version": "1"},
]


@dataclass(frozen=True)
class Store:
    """An MLflow store in which `toy` has versions; and the environment in which it is found."""

    client: Any
    run_id: str
    environment: dict[str, str]

    def make_version(
        self, name: str = "toy", *, scorer: Path = SCORER, classes: tuple[str, ...] = ("short", "long")
    ) -> str:
        import mlflow
        from mlflow.models import ModelSignature
        from mlflow.types import ColSpec, DataType, Schema

        from agile_classifier.ops.registry.versions import create_version

        outputs = [("label", DataType.string), ("probability_short", DataType.double), ("probability_long", DataType.double)]  # fmt: skip
        signature = ModelSignature(
            Schema([ColSpec(DataType.string, "text")]), Schema([ColSpec(kind, name) for name, kind in outputs])
        )
        with mlflow.start_run(run_id=self.run_id), tempfile.TemporaryDirectory() as scratch:
            replace(SPEC, class_names=classes).save(Path(scratch))
            logged = mlflow.pyfunc.log_model(
                name="classifier", python_model=str(scorer), signature=signature, pip_requirements=["mlflow"],
                artifacts={"classifier": scratch},
            )  # fmt: skip
        return create_version(name, model_uri=str(logged.model_uri), run_id=self.run_id, tags={}, description="")

    def promote(self, version: str, name: str = "toy") -> None:
        self.client.set_registered_model_alias(name, "champion", version)


@contextmanager
def open_store(folder: Path, new_mlflow: Callable[[Path], str]) -> Iterator[Store]:
    """A store of its own, in which MLflow looks meanwhile, with version 1 of `toy` as champion."""
    import mlflow
    from mlflow import MlflowClient

    shared = mlflow.get_tracking_uri()
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


@dataclass(frozen=True)
class Server:
    """A server's process, its address, and what it says on standard error."""

    process: subprocess.Popen[str]
    address: str
    log: Path

    def ask(self, request: Any = None, **options: Any) -> requests.Response:
        """POST to `/invocations`; bytes as they are."""
        given = {"data": request} if isinstance(request, bytes) else {"json": request}
        headers = {"content-type": "application/json", **options.pop("headers", {})}
        return requests.post(f"{self.address}/invocations", **given, headers=headers, timeout=LONGEST, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(f"{self.address}{path}", timeout=LONGEST, **options)

    def metric(self, line: str) -> float:
        found = re.search(rf"^{re.escape(line)} (\S+)$", self.get("/metrics").text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def until_said(self, words: str) -> None:
        """Wait until the log has these words."""
        until_said(words, self.process, self.log.read_text)


Start = Callable[..., Server]
"""Starts `agile serve` with options, and variables of the environment."""


@contextmanager
def starting(store: Store, make_folder: Callable[[str], Path]) -> Iterator[Start]:
    """`agile serve` with options, on any port; ended afterwards."""
    started: list[subprocess.Popen[str]] = []

    def run(*options: str, **environment: str) -> Server:
        log = make_folder("server") / "log.txt"
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
