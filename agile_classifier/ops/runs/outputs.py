"""Outputs: what a step of a run has made."""

from __future__ import annotations

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
        An earlier project made it, whose modules are gone: nothing can load it any more.
    """
    found: ArtifactVersionResponse = run.steps[step].outputs[artifact][0]
    for source in (found.materializer, found.data_type):
        try:
            source_utils.load(source)
        except (ImportError, AttributeError):
            raise InputError(
                f"run {run.name}: {artifact} was made by an earlier agile-classifier ({source.import_path}) and "
                "cannot be read; train again"
            ) from None
    return found
