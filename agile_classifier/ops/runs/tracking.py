"""Tracking: the MLflow run that belongs to one trained adapter, and its links to ZenML and back."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.entities import Run
from pydantic import BaseModel
from zenml import get_step_context, log_metadata

from agile_classifier.config.run import CostsConfig
from agile_classifier.config.training import DEVICE_FIELDS, FineTuneConfig
from agile_classifier.data.label_and_split import Labelling
from agile_classifier.data.tables import examples_digest
from agile_classifier.evaluation.contenders import Evaluation
from agile_classifier.models.spec import TAUGHT, ClassifierSpec
from agile_classifier.ops.state.home import mlflow_artifacts
from agile_classifier.training.history import History

logging.getLogger("mlflow.system_metrics").setLevel(logging.WARNING)

TRAINING_KEY = "agile.training_key"
ZENML_RUN = "zenml.run"


@contextmanager
def training_run(experiment: str, *, key: str) -> Iterator[str]:
    """Open the MLflow run of a training; a training that was killed continues in the run that it began.

    Parameters
    ----------
    key : str
        Digest of everything that the training depends on; it names the checkpoints too.
    """
    experiment_id = _experiment(experiment)
    began = mlflow.search_runs(
        [experiment_id],
        filter_string=f"tags.`{TRAINING_KEY}` = '{key}' and attributes.status = 'RUNNING'",
        output_format="list",
        max_results=1,
    )
    run = began[0] if began else None
    with mlflow.start_run(
        run_id=run.info.run_id if isinstance(run, Run) else None,
        experiment_id=experiment_id,
        run_name=get_step_context().pipeline_run.name,
        log_system_metrics=True,
    ) as active:
        mlflow.set_tags({TRAINING_KEY: key, **_zenml_tags()})
        _link(active.info.run_id)
        yield active.info.run_id


@contextmanager
def resumed_run(run_id: str) -> Iterator[str]:
    """Reopen the MLflow run of a finished training to log more into it."""
    with mlflow.start_run(run_id=run_id, log_system_metrics=False):
        _link(run_id)
        yield run_id


def training_key(
    train: pd.DataFrame, validation: pd.DataFrame, spec: ClassifierSpec, settings: FineTuneConfig, *, n_devices: int
) -> str:
    """Digest of everything that the outcome of a training depends on, 16 hex digits.

    Of where it is trained only the number of devices counts, where they are several: each draws its own dropout, and
    has its own random state in a checkpoint.
    """
    parts = [
        examples_digest(part[[name for name in ("text", *TAUGHT) if name in part]]) for part in (train, validation)
    ]
    tuned = settings.model_dump(mode="json", exclude=set(DEVICE_FIELDS))
    several = [n_devices] if n_devices > 1 else []
    described = json.dumps([*parts, asdict(spec), tuned, *several], sort_keys=True)
    return hashlib.sha256(described.encode()).hexdigest()[:16]


def price_per_hour() -> float | None:
    """Price of a device-hour in the run that this step belongs to, from the pipeline's own parameters.

    A cost is a fact of the run, not of its adapter. As a parameter of a step the price would be part of its cache key,
    and another price train again what is there.
    """
    given = get_step_context().pipeline_run.config.parameters or {}
    return CostsConfig.model_validate(given.get("costs") or {}).price_per_hour


def log_settings(sections: Mapping[str, BaseModel], *, labelling: Labelling) -> None:
    """Log sections of the config, and what the labels came from, as MLflow parameters `section.field`."""
    parameters = {
        f"{name}.{field}": value for name, section in sections.items() for field, value in section.model_dump().items()
    }
    parts = {
        f"labelling.{part}.{fact}": value
        for part, facts in labelling.parts.items()
        for fact, value in facts.model_dump().items()
    }
    mlflow.log_params({**parameters, "labelling.label_threshold": labelling.label_threshold, **parts})


def log_epoch(row: Mapping[str, float]) -> None:
    """Log one epoch's metrics as a point on every training curve."""
    values = {name: float(value) for name, value in row.items() if name != "step"}
    mlflow.log_metrics(values, step=int(row["step"]))


def log_history(history: History) -> dict[str, Any]:
    """Log the time and memory that a training took as metrics and tags; returns the history without its curves."""
    facts = history.facts
    mlflow.log_metrics({f"training_{name}": value for name, value in facts.items() if _is_number(value)})
    mlflow.set_tags({f"training.{name}": str(value) for name, value in facts.items() if not _is_number(value)})
    return facts


def log_evaluation(evaluation: Evaluation, *, report: str, figures: Mapping[str, bytes]) -> None:
    """Log an evaluation: metrics by their flat names, the report, and its figures as images."""
    mlflow.log_metrics(evaluation.flat())
    mlflow.log_text(report, "report.html")
    with tempfile.TemporaryDirectory() as scratch:
        for name, png in figures.items():
            (Path(scratch) / f"{name}.png").write_bytes(png)
        mlflow.log_artifacts(scratch, "figures")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _experiment(name: str) -> str:
    found = mlflow.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    local = mlflow.get_tracking_uri().startswith("sqlite")
    return str(mlflow.create_experiment(name, artifact_location=f"{mlflow_artifacts()}/{name}" if local else None))


def _zenml_tags() -> dict[str, str]:
    run = get_step_context().pipeline_run
    return {ZENML_RUN: str(run.id), "zenml.run_name": run.name}


def _link(run_id: str) -> None:
    log_metadata({"mlflow_run_id": run_id, "mlflow_tracking_uri": _without_password(mlflow.get_tracking_uri())})


def _without_password(uri: str) -> str:
    scheme, separator, rest = uri.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
