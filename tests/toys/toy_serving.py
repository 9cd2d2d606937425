"""A registered toy that scores a text by its length, and what a test asks of a server that answers with it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.toys.waiting import LONGEST, until_said

SCORER = Path(__file__).parent / "toy_held_scorer.py"
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

    def make_version(self) -> str:
        import mlflow
        from mlflow.models import ModelSignature
        from mlflow.types import ColSpec, DataType, Schema

        from agile_classifier.ops.registry.versions import create_version

        outputs = [("label", DataType.string), ("probability_short", DataType.double), ("probability_long", DataType.double)]  # fmt: skip
        signature = ModelSignature(
            Schema([ColSpec(DataType.string, "text")]), Schema([ColSpec(kind, name) for name, kind in outputs])
        )
        with mlflow.start_run(run_id=self.run_id):
            logged = mlflow.pyfunc.log_model(
                name="classifier", python_model=str(SCORER), signature=signature, pip_requirements=["mlflow"]
            )
        return create_version("toy", model_uri=str(logged.model_uri), run_id=self.run_id, tags={}, description="")

    def promote(self, version: str) -> None:
        self.client.set_registered_model_alias("toy", "champion", version)


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
