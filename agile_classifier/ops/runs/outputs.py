"""Outputs: what a step of a run has made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zenml.models import ArtifactVersionResponse, PipelineRunResponse
from zenml.utils import source_utils

from agile_classifier.errors import InputError


def output_of(run: PipelineRunResponse, step: str, artifact: str) -> Any:
    """Load what a step of a run has made; raises as `find_output`."""
    return find_output(run, step, artifact).load()


def find_output(run: PipelineRunResponse, step: str, artifact: str) -> ArtifactVersionResponse:
    """Find what a step of a run has made, for another step to load.

    Raises
    ------
    InputError
        It was deleted, or an earlier project made it, whose modules are gone: nothing can load it any more.
    """
    outputs = run.steps[step].outputs if step in run.steps else {}
    found: ArtifactVersionResponse | None = next(iter(outputs.get(artifact, ())), None)
    if found is None:
        raise InputError(f"run {run.name}: {artifact} of its step {step} was deleted; train again")
    if "://" not in found.uri and not Path(found.uri).exists():
        raise InputError(
            f"run {run.name}: {artifact} of its step {step} is gone from {found.uri}; restore it from a backup (`agile"
            " restore`), or train again with --no-cache"
        )
    for source in (found.materializer, found.data_type):
        try:
            source_utils.load(source)
        except (ImportError, AttributeError):
            raise InputError(
                f"run {run.name}: {artifact} was made by an earlier agile-classifier ({source.import_path}) and "
                "cannot be read; train again"
            ) from None
    return found
