"""Tracking: the MLflow run that belongs to one trained adapter, and its links to ZenML and back."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import LifecycleStage, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE
from pydantic import BaseModel
from zenml import get_step_context, log_metadata
from zenml.client import Client

from agile_classifier.config.ensemble.members import Planned
from agile_classifier.config.run import CostsConfig
from agile_classifier.config.training import DEVICE_FIELDS
from agile_classifier.data.label_and_split import Labelling
from agile_classifier.data.tables import examples_digest
from agile_classifier.errors import InputError
from agile_classifier.evaluation.contenders import HEADLINE, Evaluation
from agile_classifier.evaluation.titles import METRICS
from agile_classifier.models.spec import TAUGHT, ClassifierSpec, Start
from agile_classifier.ops.runs import liveness
from agile_classifier.ops.runs.links import ZENML_RUN, ZENML_RUN_NAME
from agile_classifier.ops.state.home import mlflow_artifacts
from agile_classifier.ops.state.stores import is_mlflow_embedded
from agile_classifier.training.history import History

logging.getLogger("mlflow.system_metrics").setLevel(logging.WARNING)

TRAINING_KEY = "agile.training_key"
KIND, TRAINING = "mlflow.experimentKind", "custom_model_development"
"""Tag of an experiment and its value by which MLflow's page opens it on runs, and not on traces of language agents."""


@contextmanager
def training_run(experiment: str, *, key: str, starts: Sequence[Start] = ()) -> Iterator[str]:
    """Open the MLflow run of a training; a training that was cut short continues in the run that it began.

    Nobody else in this state folder may be training with the same key (`agile_classifier.ops.engines.equal_training`).

    Parameters
    ----------
    key : str
        Digest of everything that the training depends on; it names the checkpoints too.
    starts : sequence of Start
        What the training goes on from, for tags.
    """
    experiment_id = _experiment(experiment)
    begun = _find_begun(experiment_id, key)
    tags = {TRAINING_KEY: key, **zenml_tags(), **start_tags(starts)}
    if begun is not None:
        _tag(begun, tags)
    with mlflow.start_run(
        run_id=begun,
        experiment_id=experiment_id,
        run_name=get_step_context().pipeline_run.name,
        tags=tags,
        log_system_metrics=True,
    ) as active:
        _link(active.info.run_id)
        yield active.info.run_id


@contextmanager
def resumed_run(run_id: str) -> Iterator[str]:
    """Reopen the MLflow run of a finished training to log more into it.

    Raises
    ------
    InputError
        The run is deleted.
    """
    _require_run(run_id)
    _tag(run_id, zenml_tags())
    with mlflow.start_run(run_id=run_id, log_system_metrics=False):
        _link(run_id)
        yield run_id


def training_key(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    members: Sequence[tuple[Planned, ClassifierSpec]],
    *,
    experiment: str,
    n_devices: int,
) -> str:
    """Digest of everything that the outcome of a training depends on, and of the model's name, 16 hex digits.

    Trainings of two models never share checkpoints, however equal they are.
    Of where it is trained only the number of devices counts, where they are several: each draws its own dropout, and
    has its own random state in a checkpoint.
    """
    parts = [
        examples_digest(part[[name for name in ("text", *TAUGHT) if name in part]]) for part in (train, validation)
    ]
    tuned = [
        [member.kind, asdict(spec), member.fine_tune.model_dump(mode="json", exclude=set(DEVICE_FIELDS))]
        for member, spec in members
    ]
    several = [n_devices] if n_devices > 1 else []
    described = json.dumps([experiment, *parts, tuned, *several], sort_keys=True)
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
    active = mlflow.active_run()
    logged = mlflow.get_run(active.info.run_id).data.params if active else {}  # by a try that was cut short
    raters = {} if labelling.raters is None else {"labelling.raters.alpha": labelling.raters.alpha}
    copies = {} if labelling.start_copies is None else labelling.start_copies.model_dump()
    parts |= {f"labelling.start_copies.{fact}": value for fact, value in copies.items()}
    facts = {**parameters, "labelling.label_threshold": labelling.label_threshold, **raters, **parts}
    mlflow.log_params({name: value for name, value in facts.items() if name not in logged})


def start_tags(starts: Sequence[Start]) -> dict[str, str]:
    """Tags by which a run or a version names what it was started from; empty without a start."""
    if not starts:
        return {}
    lineage = {"lineage": " ← ".join(start.title for start in starts)} if len(starts) > 1 else {}
    facts = {**starts[0].facts, **lineage}
    return {f"start.{name}": str(value) for name, value in facts.items() if value is not None}


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
    """Log an evaluation: metrics by their names in MLflow, the report, and its figures as images."""
    mlflow.log_metrics(evaluation.logged())
    mlflow.set_tag(MLFLOW_RUN_NOTE, _describe(evaluation))
    mlflow.log_text(report, "report.html")
    with tempfile.TemporaryDirectory() as scratch:
        for name, png in figures.items():
            (Path(scratch) / f"{name}.png").write_bytes(png)
        mlflow.log_artifacts(scratch, "figures")


def _describe(evaluation: Evaluation) -> str:
    """The headline metrics as a table in Markdown, which stands first on the run's page."""
    metrics, intervals = evaluation.metrics["candidate"], evaluation.intervals["candidate"]
    rows = [
        ["", *(METRICS[name] for name in HEADLINE)],
        ["---"] * (len(HEADLINE) + 1),
        [f"on {evaluation.n_test} test texts", *(f"{metrics[name]:.3f}" for name in HEADLINE)],
        ["95 % interval", *("{:.3f} – {:.3f}".format(*intervals[name]) for name in HEADLINE)],
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{table}\n\nThe report is the artifact `report.html`."


def zenml_tags() -> dict[str, str]:
    """Tags that say which ZenML run works on an MLflow run, or has made a version."""
    run = get_step_context().pipeline_run
    return {ZENML_RUN: str(run.id), ZENML_RUN_NAME: run.name}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _was_left(run: Run) -> bool:
    """Whether whoever began an MLflow run that is not finished is known to be gone.

    In the state folder's own database that is certain, for the training's lock is held. Into a team's server another
    machine may be logging at this moment: there it must be a try of this very ZenML run, or of one that is over.
    """
    if is_mlflow_embedded():
        return True
    began, name = run.data.tags.get(ZENML_RUN, ""), run.data.tags.get(ZENML_RUN_NAME, "")
    if began == str(get_step_context().pipeline_run.id) or liveness.is_known_dead(name):
        return True
    try:
        return Client().get_pipeline_run(began, allow_name_prefix_match=False).status.is_finished
    except (KeyError, ValueError):
        return False


def _require_run(run_id: str) -> None:
    try:
        found = mlflow.get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise InputError(
            f"MLflow run {run_id}, which a reused step names, is gone; run again with --no-cache"
        ) from None
    if found.info.lifecycle_stage == LifecycleStage.DELETED:
        raise InputError(
            f"MLflow run {run_id}, which a reused step names, is deleted; mlflow runs restore --run-id {run_id} brings"
            " it back, or run again with --no-cache"
        )


def _experiment(name: str) -> str:
    found = mlflow.get_experiment_by_name(name)
    if found is not None and found.lifecycle_stage == LifecycleStage.DELETED:
        raise InputError(
            f"registry.model_name {name}: its experiment in MLflow is deleted; mlflow experiments restore"
            f" --experiment-id {found.experiment_id} brings it back, or name another model"
        )
    if found is not None:
        if KIND not in found.tags:  # of an earlier version, or made by hand
            MlflowClient().set_experiment_tag(found.experiment_id, KIND, TRAINING)
        return str(found.experiment_id)
    local = mlflow.get_tracking_uri().startswith("sqlite")
    try:
        place = f"{mlflow_artifacts()}/{name}" if local else None
        return str(mlflow.create_experiment(name, artifact_location=place, tags={KIND: TRAINING}))
    except MlflowException as error:
        made = mlflow.get_experiment_by_name(name)  # by another training that began in the same moment
        if error.error_code != "RESOURCE_ALREADY_EXISTS" or made is None:
            raise
        return str(made.experiment_id)


def _tag(run_id: str, tags: Mapping[str, str]) -> None:
    """Say who works on an MLflow run from now on, before it says that it is running: whoever is killed is known."""
    MlflowClient().log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])


def _find_begun(experiment_id: str, key: str) -> str | None:
    """Find the MLflow run of a training that was begun and cut short, and that nobody works on; the newest."""
    of_the_training = f"tags.`{TRAINING_KEY}` = '{key}'"
    found = MlflowClient().search_runs([experiment_id], of_the_training, order_by=["attributes.start_time DESC"])
    return next((run.info.run_id for run in found if _was_cut_short(run)), None)


def _was_cut_short(run: Run) -> bool:
    """Whether the step that trains never ended in the ZenML run of an MLflow run, and no other process is at it.

    In the state folder's own database nobody can be at it, for the training's lock is held; into a team's server
    another machine may be logging at this moment.
    """
    here, says_running = get_step_context(), run.info.status == "RUNNING"
    if run.data.tags.get(ZENML_RUN) == str(here.pipeline_run.id):
        return True
    try:
        there = Client().get_pipeline_run(UUID(run.data.tags[ZENML_RUN]))
    except (KeyError, ValueError):  # deleted from ZenML, or of another server
        return says_running and is_mlflow_embedded()
    if not (there.status.is_finished or liveness.is_known_dead(there.name)):
        return says_running and is_mlflow_embedded() and not liveness.is_known_alive(there.name)
    step = there.steps.get(here.step_run.name)
    return step is None or not bool(step.status.is_successful)


def _link(run_id: str) -> None:
    log_metadata({"mlflow_run_id": run_id, "mlflow_tracking_uri": _without_password(mlflow.get_tracking_uri())})


def _without_password(uri: str) -> str:
    scheme, separator, rest = uri.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
