"""Files of a version, held against the digests that were registered, and what is recorded in them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import Model

from agile_classifier.environment import public_key
from agile_classifier.errors import InputError, one_line
from agile_classifier.metrics.metrics import DecisionThreshold
from agile_classifier.models.decision import Decision
from agile_classifier.models.digests import DIGEST, verify_files
from agile_classifier.models.spec import ClassifierSpec
from agile_classifier.ops.registry.versions import CONFIG, LEARNT_FILE, read_tags


@dataclass(frozen=True)
class VersionFiles:
    """Files of a version, on this machine."""

    adapter: Path
    """Folder of the adapter, for `Predictor.load`."""
    base: Path | None
    """Folder of the base model; None if the version only holds a pinned reference to it."""
    code: Path
    """Folder of the code that scores it (`agile_classifier.ops.registry.scoring_code`)."""


def download_version(model_name: str, version: str) -> Path:
    """Download a version's files, and hold them against the digests that were registered; returns their folder.

    Raises
    ------
    InputError
        The files are gone, or one of them is missing, was changed or was added; or `AGILE_PUBLIC_KEY` asks for a
        signature that is not there.
    """
    place = verify_download(model_name, version)
    if key := public_key():
        from agile_classifier.ops.registry.signing import verify_signature  # an extra, for who asks for signatures

        verify_signature(model_name, version, folder=place, key=key)
    return place


def verify_download(model_name: str, version: str) -> Path:
    """Download a version's files, held against the digests that were registered, whoever signed them."""
    name = f"model {model_name}, version {version}"
    try:
        place = Path(mlflow.artifacts.download_artifacts(f"models:/{model_name}/{version}"))
    except (OSError, MlflowException) as error:
        if getattr(error, "error_code", None) != "RESOURCE_DOES_NOT_EXIST" and "No such file" not in str(error):
            raise
        raise InputError(
            f"{name}: its files are gone ({one_line(error, longest=200)}); restore them from a backup (`agile"
            " restore`), roll back (`agile rollback`) or train again"
        ) from None
    verify_files(place, read_tags(model_name, version).get(DIGEST), name=name)
    return place


def read_files(model_name: str, version: str) -> VersionFiles:
    """Download a version's files.

    Raises
    ------
    InputError
        The version is no classifier of this project, or a file is not what it was.
    """
    place = download_version(model_name, version)
    kept = Model.load(str(place)).flavors.get("python_function", {}).get("artifacts", {})
    if "classifier" not in kept:
        raise InputError(f"model {model_name}: version {version} is no classifier of this project")
    base = place / kept["base_model"]["path"] if "base_model" in kept else None
    return VersionFiles(place / kept["classifier"]["path"], base, place / "code")


def read_learnt_from(model_name: str, version: str) -> frozenset[str]:
    """Read the digests of the texts that a version was trained or chosen on."""
    return frozenset(json.loads((read_files(model_name, version).adapter / LEARNT_FILE).read_text(encoding="utf-8")))


def read_config(model_name: str, version: str) -> dict[str, Any]:
    """Read the config sections that a version records; empty if it records none; raises as `read_record`."""
    return read_record(model_name, version, CONFIG) or {}


def read_record(model_name: str, version: str, tag: str) -> dict[str, Any] | None:
    """Read what a version records in the file that a tag of it names; None without the tag.

    Raises
    ------
    InputError
        The file is gone.
    """
    recorded = MlflowClient().get_model_version(model_name, version).tags.get(tag)
    if recorded is None:
        return None
    try:  # an earlier version kept the record itself in its tag
        text = recorded if recorded.startswith("{") else mlflow.artifacts.load_text(recorded)
    except (OSError, MlflowException) as error:
        raise InputError(
            f"model {model_name}, version {version}: its {tag} {recorded} cannot be read"
            f" ({one_line(error, longest=200)}); restore it from a backup (`agile restore`), or train again"
        ) from None
    record: dict[str, Any] = json.loads(text)
    return record


def read_spec(model_name: str, version: str) -> ClassifierSpec:
    """Read a version's specification: head, classes, base model, prompt."""
    return ClassifierSpec.load(read_files(model_name, version).adapter)


def read_decision_threshold(model_name: str, version: str) -> DecisionThreshold:
    """Read a version's decision threshold on the probability of class 1; of several labels, one each."""
    return Decision.load(read_files(model_name, version).adapter).decision_threshold
