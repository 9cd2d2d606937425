"""Loading of a registered version as MLflow's pyfunc, with a warning if it was made with other packages."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import mlflow
from packaging.requirements import InvalidRequirement, Requirement

from agile_classifier.ops.registry.versions import download_version

logger = logging.getLogger(__name__)


def load_pyfunc(model_name: str, version: str) -> Any:
    """Load a version as MLflow's PyFuncModel, once its files are verified; other packages are a warning.

    MLflow's own check of the packages reads the files of everything that is installed: two CPU seconds a load.
    """
    folder = download_version(model_name, version)
    if differing := list(_differences(folder / "requirements.txt")):
        logger.warning(
            "model %s, version %s was made with other packages than are here: %s", model_name, version,
            ", ".join(differing),
        )  # fmt: skip
    return mlflow.pyfunc.load_model(str(folder), suppress_warnings=True)


def _differences(requirements: Path) -> Iterator[str]:
    """Name each required package that is missing here, or is here in another version."""
    lines = requirements.read_text(encoding="utf-8").splitlines() if requirements.is_file() else []
    for line in lines:
        try:
            requirement = Requirement(line.partition("#")[0])
        except InvalidRequirement:  # an option of pip, or an empty line: it names no version
            continue
        try:
            here = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            yield f"{requirement} (missing)"
            continue
        if not requirement.specifier.contains(here.partition("+")[0], prereleases=True):
            yield f"{requirement} (here {here})"
