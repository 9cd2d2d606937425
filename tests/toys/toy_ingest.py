"""A toy of the training pipeline, under its name and with its parameters, that reads as the real one does and learns nothing.

Import it only once `prepare_state` has run.
"""

from __future__ import annotations

from typing import Annotated, Any

import mlflow
import pandas as pd
from zenml import get_step_context, pipeline, step

from agile_classifier.config.data import DataConfig, LabelsConfig
from agile_classifier.config.run import RegistryConfig, RunConfig
from agile_classifier.ops.runs import outputs, tracking
from steps.training.ingest import ingest


@step(enable_cache=False)
def learn(raw_examples: pd.DataFrame, experiment: str, fails: bool) -> Annotated[dict[str, Any], "learnt"]:
    """Log the data as a training does, twice, as one that is gone on with."""
    if fails:
        raise RuntimeError("bad luck")
    run = get_step_context().pipeline_run
    with tracking.training_run(experiment, key=run.name) as mlflow_run:
        outputs.log_data()
        outputs.log_data()
    return {"mlflow_run": mlflow_run, "tags": outputs.version_tags(run)}


@pipeline(enable_cache=False)
def training(data: DataConfig, labels: LabelsConfig, registry: RegistryConfig, fails: bool) -> None:
    """The first step of a training, and one that tells what it was given."""
    kept = labels.columns
    examples, _, _ = ingest(data, kept, labels.not_rated, labels.absent, kept, registry.model_name)
    learn(examples, registry.model_name, fails)


def train(config: RunConfig, *, fails: bool = False) -> Any:
    """Run the toy; returns ZenML's record of the run."""
    assert mlflow.get_tracking_uri()
    return training(data=config.data, labels=config.labels, registry=config.registry, fails=fails)
