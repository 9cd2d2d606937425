"""Registration: a logged classifier becomes a version only if it answers after reloading as it did before."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from zenml import get_step_context

from agile_classifier.data.text import text_digest
from agile_classifier.evaluation.contenders import Evaluation, read_scores
from agile_classifier.evaluation.drift_sample import DriftSample
from agile_classifier.evaluation.reports.model_card import model_card
from agile_classifier.models.decision import Decision
from agile_classifier.models.spec import ClassifierSpec
from agile_classifier.ops.project import git_commit
from agile_classifier.ops.registry import packing as logged_classifier
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.runs import links, tracking


@dataclass(frozen=True)
class Registered:
    """Result of a registration: the new version, and how well the reloaded model agreed."""

    version: str
    parity_error: float
    """Largest change of a probability between the trained and the reloaded model."""


def register(
    *,
    adapter: Path,
    base: Path | None,
    evaluation: Evaluation,
    test_scores: pd.DataFrame,
    learnt_from: Sequence[str],
    labelling: Mapping[str, Any],
    mlflow_run_id: str,
    config: Mapping[str, Any],
    model_name: str,
    parity_rows: int,
    parity_tolerance: float | None,
    reference: DriftSample | None = None,
) -> Registered:
    """Log, reload in a fresh process, compare, and only then create the version, alias `candidate`.

    Parameters
    ----------
    learnt_from : sequence of str
        Texts of train and validation.
    parity_rows : int
        Test texts compared (all, where there are fewer).
    parity_tolerance : float or None
        Largest allowed change of a probability; None: what rounding in another batch explains.
    reference : DriftSample, optional
        Sample of the test rows, kept with the version for `agile monitor`.

    Raises
    ------
    RuntimeError
        A probability changed by more than the tolerance; nothing is registered.
    """
    compared = test_scores.head(parity_rows)
    tolerance = ClassifierSpec.load(adapter).rounding if parity_tolerance is None else parity_tolerance
    with tracking.resumed_run(mlflow_run_id):
        model_uri = logged_classifier.log_classifier(
            adapter,
            base=base,
            decision=Decision(decision_threshold=evaluation.decision_threshold, calibration=evaluation.calibration),
            learnt_from=map(text_digest, learnt_from),
            reference=reference,
            card=model_card(model_name, evaluation=evaluation, labelling=labelling, config=config),
        )
        parity_error = _check_parity(model_uri, compared, class_names=labelling["class_names"], tolerance=tolerance)
        mlflow.log_dict(dict(config), "config.json")
        version = registry.create_version(
            model_name,
            model_uri=model_uri,
            run_id=mlflow_run_id,
            tags=_tags(
                evaluation,
                labelling,
                config,
                mlflow_run_id=mlflow_run_id,
                n_compared=len(compared),
                parity_error=parity_error,
            ),
            description=f"{_description(evaluation, labelling, config)} {_links(mlflow_run_id)}",
        )
    return Registered(version, parity_error)


def _check_parity(model_uri: str, compared: pd.DataFrame, *, class_names: Sequence[str], tolerance: float) -> float:
    reloaded = logged_classifier.score_in_fresh_process(model_uri, list(compared["text"]), class_names=class_names)
    parity_error = float(np.abs(reloaded - read_scores(compared, "candidate")).max())
    mlflow.log_metric("largest_parity_error", parity_error)
    if not parity_error <= tolerance:  # NaN fails too
        raise RuntimeError(
            f"reload parity: a probability moved by {parity_error:.2g} after saving and reloading,"
            f" {tolerance:g} is allowed; nothing was registered"
        )
    return parity_error


def _tags(
    evaluation: Evaluation,
    labelling: Mapping[str, Any],
    config: Mapping[str, Any],
    *,
    mlflow_run_id: str,
    n_compared: int,
    parity_error: float,
) -> dict[str, str]:
    run = get_step_context().pipeline_run
    return {
        "zenml.run": str(run.id),
        "zenml.run_name": run.name,
        "report": f"runs:/{mlflow_run_id}/report.html",
        "git_commit": git_commit(),
        "config": json.dumps(config, sort_keys=True),
        "seed": str(config["fine_tune"]["seed"]),
        registry.PARITY_ERROR: f"{parity_error:.6g}",
        "parity": f"largest change {parity_error:.2g} over {n_compared} texts",
        **{f"digest.{part}": facts["digest"] for part, facts in labelling["parts"].items()},
        **{name: f"{value:.4f}" for name, value in evaluation.flat().items() if name.startswith("test_")},
    }


def _description(evaluation: Evaluation, labelling: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    names, parts = labelling["class_names"], labelling["parts"]
    metrics, tuning = evaluation.metrics["candidate"], config["fine_tune"]
    member = "" if tuning["ensemble_with"] == "none" else ", in an ensemble with TF-IDF + linear SVM"
    return (
        f"Tells {' / '.join(names)}. {config['model']['source'].partition('/model')[0]}, {config['model']['quantization']}, LoRA rank"
        f" {tuning['rank']}{member}; trained on {parts['train']['n_rows']} texts of {config['data']['source'].rpartition('/')[2]}. On"
        f" {evaluation.n_test} test texts: ROC AUC {metrics['roc_auc']:.3f}, F1 {metrics['f1']:.3f}."
    )


def _links(mlflow_run_id: str) -> str:
    """Links for the version's description, in Markdown, which MLflow's page renders."""
    run = get_step_context().pipeline_run
    return (
        f"[ZenML run {run.name}]({links.run_address(run)}); report: artifact `report.html` of"
        f" [MLflow run {mlflow_run_id}]({links.mlflow_run_address(mlflow_run_id)})."
    )
