"""Registry: model versions in MLflow. Stages are gone; `agile_classifier.ops.promotion.champions` moves the aliases."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from agile_classifier.config.addresses.version import VersionAddress
from agile_classifier.errors import InputError, did_you_mean
from agile_classifier.models.digests import DIGEST, MANIFEST, write_manifest

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


def find_address(address: VersionAddress) -> str:
    """Find the number of the version that an address names; raises as `find_version`."""
    wanted = address.alias or address.version or ""
    return find_version(address.name, wanted, is_alias=address.alias is not None)


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
