"""Outputs: what a step of a run has made, and what the run says of its data."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.data.dataset_source_registry import resolve_dataset_source
from mlflow.data.meta_dataset import MetaDataset
from mlflow.exceptions import MlflowException
from zenml import get_step_context
from zenml.models import ArtifactVersionResponse, PipelineRunResponse
from zenml.utils import source_utils

from agile_classifier.data.snapshots.manifest import Manifest
from agile_classifier.errors import InputError

INGEST = "ingest"
EXAMPLES, EARLIER, MANIFEST = "raw_examples", "earlier_labels", "manifest"
"""The step that reads the data, and its outputs."""
SNAPSHOT, DATA_DIGEST = "data.snapshot", "data.digest"
"""Tags of a version: ZenML's id of the examples that it was made of, and their digest."""
TRIES = 3
"""Times that a data set is logged where other runs log the same one."""
LONGEST_DIGEST = 36
"""Characters of a digest that MLflow keeps of a data set."""


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
    made_by = run.steps.get(step)  # ZenML asks its store for all steps, each time
    outputs = made_by.outputs if made_by else {}
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


def read_manifest(run: PipelineRunResponse) -> Manifest | None:
    """What a run states of its data; None of a run without a manifest, as an earlier project's."""
    step = run.steps.get(INGEST)
    if step is None or not step.outputs.get(MANIFEST):
        return None
    found: Manifest = output_of(run, INGEST, MANIFEST)
    return found


def version_tags(run: PipelineRunResponse) -> dict[str, str]:
    """Tags by which a version names the data that it was made of."""
    manifest = read_manifest(run)
    if manifest is None:
        return {}
    return {SNAPSHOT: str(find_output(run, INGEST, EXAMPLES).id), DATA_DIGEST: manifest.digest}


def log_data() -> None:
    """Log the examples of this run as the data set of the MLflow run that is open, once."""
    run, active = get_step_context().pipeline_run, mlflow.active_run()
    manifest = read_manifest(run)
    if active is None or manifest is None:
        return
    logged = MlflowClient().get_run(active.info.run_id).inputs
    if logged is not None and logged.dataset_inputs:  # by a try that was cut short
        return
    examples = find_output(run, INGEST, EXAMPLES)
    data = _Examples(manifest, examples.uri)
    for tries_left in reversed(range(TRIES)):
        try:
            mlflow.log_input(data, context="training", tags={SNAPSHOT: str(examples.id)})
            return
        except MlflowException as error:  # another run has put the same data set there in this moment
            if "IntegrityError" not in str(error) or not tries_left:
                raise


class _Examples(MetaDataset):
    """A data set of MLflow that says how many rows came from where."""

    def __init__(self, manifest: Manifest, uri: str) -> None:
        self._manifest = manifest
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a path is of two of MLflow's kinds, both of this machine
            source = resolve_dataset_source(uri)
        super().__init__(source, name=manifest.model_name, digest=manifest.digest[:LONGEST_DIGEST])

    @property
    def profile(self) -> dict[str, Any]:
        """Number of rows, also of each source."""
        rows = {source.name: source.n_rows for source in self._manifest.sources}
        return {"num_rows": self._manifest.n_rows, "rows_of_source": rows}

    def to_dict(self) -> dict[str, Any]:
        """What MLflow keeps, each value a text."""
        return {**super().to_dict(), "profile": json.dumps(self.profile)}
