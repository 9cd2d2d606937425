"""Registration: a logged classifier becomes a version only if it answers after reloading as it did before."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from zenml import get_step_context

from agile_classifier.config.run import RegistryConfig
from agile_classifier.config.sources import describe_data, file_names
from agile_classifier.data.duplicates.learnt import LearntTexts
from agile_classifier.data.label_and_split import Labelling
from agile_classifier.data.text import text_digest
from agile_classifier.environment import home
from agile_classifier.evaluation.contenders import Evaluation
from agile_classifier.evaluation.drift_sample import DriftSample
from agile_classifier.evaluation.many_classes import name_classes
from agile_classifier.evaluation.reports.model_card import model_card
from agile_classifier.evaluation.score_tables import compare_with_baselines, list_as_good, read_scores
from agile_classifier.models.decision import Decision
from agile_classifier.models.ensemble.members import read_rounding
from agile_classifier.models.spec import ClassifierSpec
from agile_classifier.ops.project import git_commit
from agile_classifier.ops.registry import logged_models
from agile_classifier.ops.registry import packing as logged_classifier
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.registry.history_page import escape
from agile_classifier.ops.runs import links, outputs, tracking


@dataclass(frozen=True)
class Candidate:
    """Tuned classifier before it is a version, with what was measured of it."""

    adapter: Path
    """Folder written by `fine_tune`."""
    base: Path
    """Folder of the base model, or of those of an ensemble."""
    evaluation: Evaluation
    test_scores: pd.DataFrame
    """Scores of the test rows, as `evaluation.score_tables.score_table` makes them."""
    learnt_from: Sequence[str]
    """Texts of train and validation."""
    labelling: Labelling
    reference: DriftSample
    """Sample of the test rows, kept with the version for `agile monitor`."""
    config: Mapping[str, Any]
    """Sections of the run's config that a version records (`RunConfig.recorded`)."""
    mlflow_run_id: str


@dataclass(frozen=True)
class Registered:
    """Result of a registration: the new version, and how well the reloaded model agreed."""

    version: str
    parity_error: float
    """Largest change of a probability between the trained and the reloaded model."""


def register(candidate: Candidate, settings: RegistryConfig) -> Registered:
    """Log, reload in a fresh process, compare, and only then create the version, alias `candidate`.

    What an earlier try of this very registration has made is taken over: there is one version of it, and one logged
    model, however often its process was killed.

    Raises
    ------
    RuntimeError
        A probability changed by more than the tolerance; nothing is registered.
    """
    registration = str(get_step_context().step_run.cache_key)  # the same for equal inputs, settings and code
    one_at_a_time = FileLock(home() / "register.lock")  # of two that are the same, the second takes over the first's
    with one_at_a_time, tracking.resumed_run(candidate.mlflow_run_id):
        made = logged_models.find_registered(settings.model_name, registration)
        if made is not None:
            return _take_over(made, candidate, settings)
        model_uri = _log(candidate, settings, registration)
        parity_error = _check_parity(model_uri, candidate, settings)
        records = _log_records(candidate, registration)
        parity = _parity_tags(parity_error, n=len(_compared(candidate, settings)))
        version = registry.create_version(
            settings.model_name,
            model_uri=model_uri,
            run_id=candidate.mlflow_run_id,
            tags={**_tags(candidate), **records, **parity, logged_models.REGISTRATION: registration},
            description=f"{_description(candidate)} {_links(candidate.mlflow_run_id)}",
        )
    return Registered(version, parity_error)


def _take_over(made: ModelVersion, candidate: Candidate, settings: RegistryConfig) -> Registered:
    """Bring to its end what was registered before, as by a process that was killed: the version names this run now."""
    version = str(made.version)
    print(f"version {version} was made of the very same before; it is taken over", file=sys.stderr, flush=True)
    registry.tag_version(settings.model_name, version, tracking.zenml_tags())
    description = f"{_description(candidate)} {_links(candidate.mlflow_run_id)}"
    MlflowClient().update_model_version(settings.model_name, version, description)
    registry.name_candidate(settings.model_name, version)
    return Registered(version, float(made.tags[registry.PARITY_ERROR]))


def _log(candidate: Candidate, settings: RegistryConfig, registration: str) -> str:
    """Address of the logged model; one that a try before logged whole is not logged again."""
    logged = logged_models.take_over(candidate.mlflow_run_id, registration)
    if logged is not None:
        return logged
    evaluation = candidate.evaluation
    return logged_classifier.log_classifier(
        candidate.adapter,
        base=candidate.base if settings.include_base else None,
        decision=_decision(evaluation),
        learnt_from=_learnt_digests(candidate),
        tested_on=map(text_digest, candidate.test_scores["text"]),
        reference=candidate.reference,
        card=model_card(
            settings.model_name,
            evaluation=evaluation,
            labelling=candidate.labelling,
            config=candidate.config,
            as_good=_as_good(candidate),
            manifest=outputs.read_manifest(get_step_context().pipeline_run),
            starts=ClassifierSpec.load(candidate.adapter).starts,
        ),
        tags={logged_models.REGISTRATION: registration},
    )


def _learnt_digests(candidate: Candidate) -> set[str]:
    """Digests of train and validation, and of what the start had learnt before: no later comparison may use them."""
    kept = LearntTexts.load(candidate.adapter)
    return {*map(text_digest, candidate.learnt_from), *(() if kept is None else kept.digests)}


def _decision(evaluation: Evaluation) -> Decision:
    banding = evaluation.banding
    return Decision(
        decision_threshold=evaluation.decision_threshold,
        calibration=evaluation.calibration,
        bands=None if banding is None else banding.bands,
    )


def _as_good(candidate: Candidate) -> list[str]:
    """Names of the baselines that the candidate is not better than beyond noise, in ROC AUC."""
    return list_as_good(compare_with_baselines(candidate.evaluation, candidate.test_scores, metric="roc_auc"))


def _compared(candidate: Candidate, settings: RegistryConfig) -> pd.DataFrame:
    return candidate.test_scores.head(settings.parity_rows)


def _check_parity(model_uri: str, candidate: Candidate, settings: RegistryConfig) -> float:
    """The largest change of a probability by saving and reloading.

    Without `registry.parity_tolerance`, what rounding in another batch explains is allowed.
    """
    compared, names = _compared(candidate, settings), candidate.labelling.class_names
    reloaded = logged_classifier.score_in_fresh_process(model_uri, list(compared["text"]), class_names=names)
    parity_error = float(np.abs(reloaded - read_scores(compared, "candidate")).max())
    mlflow.log_metric("largest_parity_error", parity_error)
    tolerance = settings.parity_tolerance
    if tolerance is None:
        tolerance = read_rounding(candidate.adapter)
    if not parity_error <= tolerance:  # NaN fails too
        raise RuntimeError(
            f"reload parity: a probability moved by {parity_error:.2g} after saving and reloading,"
            f" {tolerance:g} is allowed; nothing was registered"
        )
    return parity_error


def _log_records(candidate: Candidate, registration: str) -> dict[str, str]:
    """Log what a version records, in files of its own, for several may be of one run; returns tags that name them."""
    labelling = candidate.labelling.model_dump(mode="json", include={"label_threshold", "kept", "threshold"})
    tags = {}
    for tag, record in {registry.CONFIG: dict(candidate.config), registry.LABELLING: labelling}.items():
        mlflow.log_dict(record, f"{tag}-{registration}.json")
        tags[tag] = f"runs:/{candidate.mlflow_run_id}/{tag}-{registration}.json"
    return tags


def _tags(candidate: Candidate) -> dict[str, str]:
    config, measured = candidate.config, candidate.evaluation.flat()
    return {
        **tracking.zenml_tags(),
        **outputs.version_tags(get_step_context().pipeline_run),
        registry.REPORT: f"runs:/{candidate.mlflow_run_id}/{registry.REPORT_FILE}",
        **tracking.start_tags(ClassifierSpec.load(candidate.adapter).starts),
        "git_commit": git_commit(),
        "seed": str(config["fine_tune"]["seed"]),
        **{f"digest.{part}": facts.digest for part, facts in candidate.labelling.parts.items()},
        **{name: f"{value:.4f}" for name, value in measured.items() if name.startswith("test_")},
    }


def _parity_tags(parity_error: float, *, n: int) -> dict[str, str]:
    return {
        registry.PARITY_ERROR: f"{parity_error:.6g}",
        "parity": f"largest change {parity_error:.2g} over {n} texts",
    }


def _description(candidate: Candidate) -> str:
    evaluation, config, parts = candidate.evaluation, candidate.config, candidate.labelling.parts
    metrics, model, tuning = evaluation.metrics["candidate"], config["model"], config["fine_tune"]
    others = " and ".join(one.what for one in evaluation.members[1:])
    member = f", in an ensemble with {escape(others)}" if others else ""
    starts = ClassifierSpec.load(candidate.adapter).starts
    begun = f", started from {escape(starts[0].title)}" if starts else ""
    finds, between = ("Finds", ", ") if candidate.labelling.several else ("Tells", " / ")
    named = escape(name_classes(candidate.labelling.class_names, between=between))
    return (
        f"{finds} {named}. {model['source'].partition('/model')[0]},"
        f" {model['quantization']}, LoRA rank {tuning['rank']}{member}{begun};"
        f" trained on {parts['train'].n_rows} texts of {escape(file_names(describe_data(config['data'])))}."
        f" On {evaluation.n_test} test texts: ROC AUC {metrics['roc_auc']:.3f},"
        f" F1 {metrics['f1']:.3f}{_of_worst(evaluation)}.{_automation(evaluation)}"
    )


def _of_worst(evaluation: Evaluation) -> str:
    """Clause about the worst of several labels; empty where a text has one class."""
    if not evaluation.labels:
        return ""
    areas = {name: one.metrics["candidate"]["roc_auc"] for name, one in evaluation.labels.items()}
    worst = min(areas, key=lambda name: areas[name])
    return f", means over {len(areas)} labels; the worst is {escape(worst)}, ROC AUC {areas[worst]:.3f}"


def _automation(evaluation: Evaluation) -> str:
    """Sentence on what is decided without a person; empty without bands."""
    share = None if evaluation.banding is None else evaluation.banding.on_test.automated.value
    return "" if share is None else f" Decides {share:.1%} of them without a person."


def _links(mlflow_run_id: str) -> str:
    """Links for the version's description, in Markdown, which MLflow's page renders."""
    run = get_step_context().pipeline_run
    return (
        f"[ZenML run {run.name}]({links.run_address(run)}); report: artifact `report.html` of"
        f" [MLflow run {mlflow_run_id}]({links.mlflow_run_address(mlflow_run_id)})."
    )
