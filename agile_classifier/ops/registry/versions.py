"""Registry: model versions in MLflow. Stages are gone; `agile_classifier.ops.promotion.champions` moves the aliases."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import Model

from agile_classifier.environment import public_key
from agile_classifier.errors import InputError, did_you_mean, one_line
from agile_classifier.models.decision import Decision
from agile_classifier.models.digests import DIGEST, MANIFEST, verify_files, write_manifest
from agile_classifier.models.spec import ClassifierSpec

CANDIDATE, CHAMPION = "candidate", "champion"
LEARNT_FILE, TESTED_FILE = "learnt_from.json", "tested_on.json"
REPORT, REPORT_FILE = "report", "report.html"
"""Tag of a version that says where its report is, and the report's name among the artifacts of its run."""
LABELLING = "labelling"
"""Tag of a version that says where it stands how it was labelled (`agile_classifier.ops.promotion.label_threshold`)."""
CONFIG = "config"
"""Tag of a version that says where the config of its run is."""
PARITY_ERROR = "parity.error"
"""Tag of a version: largest change of a probability by saving and reloading it."""


@dataclass(frozen=True)
class Champion:
    """A registered model and the number of its version in service."""

    model_name: str
    version: str


def create_version(model_name: str, *, model_uri: str, run_id: str, tags: Mapping[str, str], description: str) -> str:
    """Make a logged model a version with alias `candidate`, with the digests of its files; returns its number."""
    client, model_id = MlflowClient(), model_uri.rpartition("/")[2]
    digest = _log_manifest(model_uri, model_id)
    try:
        client.create_registered_model(model_name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    made = client.create_model_version(
        model_name,
        source=model_uri,
        run_id=run_id,
        tags={**tags, DIGEST: digest},
        description=description,
        model_id=model_id,
    )
    name_candidate(model_name, str(made.version))
    return str(made.version)


def name_candidate(model_name: str, version: str) -> None:
    """Give a version the alias `candidate`, unless a newer one has it."""
    client = MlflowClient()
    newest = client.get_registered_model(model_name).aliases.get(CANDIDATE, version)
    if int(newest) <= int(version):
        client.set_registered_model_alias(model_name, CANDIDATE, version)


def find_version(model_name: str, wanted: str, *, is_alias: bool) -> str:
    """Find the number of a version by its number or an alias.

    Raises
    ------
    InputError
        No such model, alias or version; the line names those that there are.
    """
    client = MlflowClient()
    try:
        model = client.get_registered_model(model_name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        there = _listed(model.name for model in client.search_registered_models())
        raise InputError(f"no registered model {model_name!r}; there are: {there}") from None
    if is_alias:
        aliases = {alias: str(version) for alias, version in model.aliases.items()}
        if wanted not in aliases:
            carried = _listed(f"{alias} (version {version})" for alias, version in aliases.items())
            raise InputError(f"model {model_name}: no version has the alias {wanted!r}; aliases: {carried}")
        return aliases[wanted]
    versions = [str(version.version) for version in client.search_model_versions(f"name = '{model_name}'")]
    if wanted not in versions:
        raise InputError(f"model {model_name}: no version {wanted}; there are: {_listed(sorted(versions, key=int))}")
    return wanted


def is_known(model_name: str) -> bool:
    """Whether there is a registered model of that name."""
    return any(found.name == model_name for found in MlflowClient().search_registered_models(f"name = '{model_name}'"))


def read_champion(model_name: str) -> str | None:
    """Number of the version with the alias `champion`; None if there is none."""
    try:
        return str(MlflowClient().get_model_version_by_alias(model_name, CHAMPION).version)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def tag_version(model_name: str, version: str, tags: Mapping[str, str]) -> None:
    """Write tags on a version."""
    for key, value in tags.items():
        MlflowClient().set_model_version_tag(model_name, version, key, value)


def update_report(model_name: str, version: str, change: Callable[[str], str]) -> None:
    """Change the report of the run that made a version, where its artifacts still hold one."""
    client = MlflowClient()
    run_id = client.get_model_version(model_name, version).run_id
    if run_id and any(artifact.path == REPORT_FILE for artifact in client.list_artifacts(run_id)):
        page = mlflow.artifacts.load_text(f"runs:/{run_id}/{REPORT_FILE}")
        client.log_text(run_id, change(page), REPORT_FILE)


def require_version(model_name: str, version: str) -> None:
    """Refuse a version that the registry no longer holds (a reused `register` names one).

    Raises
    ------
    InputError
        The version was deleted.
    """
    try:
        MlflowClient().get_model_version(model_name, version)
    except MlflowException:
        raise InputError(
            f"model {model_name}: version {version}, which a reused step names, is not in the registry; run again "
            "with --no-cache"
        ) from None


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


def read_decision_threshold(model_name: str, version: str) -> float | None:
    """Read a version's decision threshold on the probability of class 1."""
    return Decision.load(read_files(model_name, version).adapter).decision_threshold


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


def read_tags(model_name: str, version: str) -> dict[str, str]:
    """Read the tags of a version."""
    return dict(MlflowClient().get_model_version(model_name, version).tags)


def list_models() -> list[str]:
    """List the names of the registered models."""
    return sorted(model.name for model in MlflowClient().search_registered_models())


def only_model(model_name: str | None) -> str:
    """Name of the given model, or of the only registered one.

    Raises
    ------
    InputError
        There is none, several and none was named, or none of that name.
    """
    names = list_models()
    if model_name is None and len(names) != 1:
        raise InputError(f"name a model with --model, one of: {_listed(names)}")
    if model_name is not None and model_name not in names:
        raise InputError(
            f"no registered model {model_name!r}; there are: {_listed(names)}{did_you_mean(model_name, names)}"
        )
    return model_name or names[0]


def list_champions() -> dict[str, str]:
    """Map the registered models that have a champion to its version."""
    champions = {model.name: read_champion(model.name) for model in MlflowClient().search_registered_models()}
    return {name: version for name, version in champions.items() if version is not None}


def find_champion(model_name: str | None) -> Champion:
    """Find the champion of the named model, or of the only model that has one.

    Raises
    ------
    InputError
        None has one, several have one and none was named, or the named one has none.
    """
    champions = list_champions()
    if not champions:
        names = list_models()
        way_on = (
            f" among {_listed(names)}: `agile score --input FILE --model {names[0]} --version candidate` scores by a"
            f" candidate, `agile promote --model {names[0]}` compares it again"
            if names
            else ": train one first, as with `agile train configs/quickstart.yaml`"
        )
        raise InputError(f"no registered model has a champion{way_on}")
    if model_name is None and len(champions) > 1:
        raise InputError(f"several models have a champion: name one with --model: {', '.join(sorted(champions))}")
    name = next(iter(champions)) if model_name is None else model_name
    if name not in champions:
        raise InputError(f"--model {name}: has no champion; models with one: {', '.join(sorted(champions))}")
    return Champion(name, champions[name])


def _log_manifest(model_uri: str, model_id: str) -> str:
    """Add the list of its files to a logged model; returns the list's own digest."""
    with tempfile.TemporaryDirectory() as scratch:
        digest = write_manifest(Path(mlflow.artifacts.download_artifacts(model_uri)), Path(scratch))
        MlflowClient().log_model_artifact(model_id, str(Path(scratch) / MANIFEST))
    return digest


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
