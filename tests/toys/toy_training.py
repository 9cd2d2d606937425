"""A toy of the training pipeline, under its name: it leaves in ZenML and MLflow what the real one leaves, and learns nothing.

Import it only once `prepare_state` has run.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import mlflow
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from zenml import get_step_context, pipeline, step

import agile_classifier.ops.runs.caching  # noqa: F401  (tells ZenML where the source begins, as every real step does)
from agile_classifier.ops.registry.versions import create_version
from agile_classifier.ops.runs import liveness, tracking
from agile_classifier.ops.state.home import checkpoints
from tests.toys.waiting import LONGEST

EXPERIMENT = "toy"
WELL, INTERRUPTED, KILLED = "well", "interrupted", "killed"
END_SIGNALS = {INTERRUPTED: signal.SIGINT, KILLED: signal.SIGKILL}
SCORER = Path(__file__).with_name("toy_scorer.py")


@step(enable_cache=False)
def fine_tune(end: str) -> str:
    """Leave an MLflow run with a report; cut short, leave it with its checkpoints."""
    key = get_step_context().pipeline_run.name
    with tracking.training_run(EXPERIMENT, key=key) as run_id:
        mlflow.log_text("x" * 50_000, "report.html")
        if end != WELL:
            folder = checkpoints() / key / "checkpoint-1"
            folder.mkdir(parents=True)
            (folder / "model.safetensors").write_bytes(bytes(70_000))
            os.kill(os.getpid(), END_SIGNALS[end])
            time.sleep(LONGEST)
    return run_id


@step(enable_cache=False)
def register(run_id: str, model_name: str) -> str:
    """Log a model that scores a text by its length, and make it a version."""
    return make_version(run_id, model_name, zenml_run=str(get_step_context().pipeline_run.id))


@pipeline(enable_cache=False)
def training(model_name: str, end: str) -> None:
    """The two steps that leave something in MLflow."""
    register(fine_tune(end), model_name)


def train(model_name: str, *, end: str = WELL) -> str:
    """Run the toy, announced as the command line announces a run; returns the run's name."""
    with liveness.announced_run("training") as name:
        training.with_options(run_name=name)(model_name=model_name, end=end)
    return name


def make_version(run_id: str, model_name: str, *, zenml_run: str) -> str:
    """Log the toy scorer to an MLflow run and register it; returns the number of the version."""
    outputs = [
        ("label", DataType.string),
        ("probability_short", DataType.double),
        ("probability_long", DataType.double),
    ]
    signature = ModelSignature(
        Schema([ColSpec(DataType.string, "text")]), Schema([ColSpec(kind, name) for name, kind in outputs])
    )
    with mlflow.start_run(run_id=run_id):
        info = mlflow.pyfunc.log_model(
            name="classifier", python_model=str(SCORER), signature=signature, pip_requirements=["mlflow"]
        )
    tags = {tracking.ZENML_RUN: zenml_run}
    return create_version(model_name, model_uri=str(info.model_uri), run_id=run_id, tags=tags, description="")
