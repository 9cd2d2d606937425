"""Scorer: a registered version in memory, a function of texts."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from packaging.requirements import InvalidRequirement, Requirement

from agile_classifier.errors import InputError
from agile_classifier.ops.registry.contents.version_files import download_version

logger = logging.getLogger(__name__)


class Scorer:
    """A version that answers by the code that it carries, whatever code this process runs.

    `Scorer("ethos", "3")(["a text"])`.

    Raises
    ------
    InputError
        The version's own code refuses, as where its base model cannot be had any more.
    """

    mixing_key: Hashable | None
    """What it has in common with those that `MixedScorer` takes together with it; None: it scores by itself alone."""
    several: bool
    """Whether a text may carry several labels: then `label` is a JSON list of names."""
    columns: tuple[str, ...]
    """Columns of an answer: `label`, `probability_NAME` of every class, and `decision` where the version has bands."""

    def __init__(self, model_name: str, version: str) -> None:
        with _refusals_as_ours():
            loaded = load_pyfunc(model_name, version)
        self.columns = tuple(loaded.metadata.get_output_schema().input_names())
        self._model = loaded.unwrap_python_model()  # MLflow's check of a frame takes milliseconds
        self.mixing_key = getattr(self._model, "mixing_key", None)  # a version of before knows of no mixing
        self.several = getattr(self._model, "several", False)  # nor of several labels

    def __call__(self, texts: Sequence[str]) -> pd.DataFrame:
        """One row a text, with `columns`."""
        with _refusals_as_ours():
            frame: pd.DataFrame = self._model.predict(None, pd.DataFrame({"text": list(texts)}))
        return frame


class MixedScorer:
    """Versions of one mixing key, which score in one pass.

    `MixedScorer([a, b])([(0, ["for a"]), (1, ["for b", "too"])])`.

    Raises
    ------
    RuntimeError
        Together they answer otherwise than alone.
    """

    def __init__(self, scorers: Sequence[Scorer]) -> None:
        self._models = [scorer._model for scorer in scorers]
        self._mixture = self._models[0].mix(self._models)

    def __call__(self, parts: Sequence[tuple[int, Sequence[str]]]) -> list[pd.DataFrame]:
        """Answers to each part, the number of a version and texts for it."""
        with _refusals_as_ours():
            scored = self._mixture.score(parts)
        return [self._models[number].answer(found) for (number, _), found in zip(parts, scored, strict=True)]


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


@contextmanager
def _refusals_as_ours() -> Iterator[None]:
    """Give an InputError of a version's code, a class of its own, the class that is caught here."""
    try:
        yield
    except Exception as error:
        if type(error).__name__ != InputError.__name__:
            raise
        raise InputError(str(error)) from error


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
