"""Snapshots: what each training has read, as artifacts of its step `ingest` that nobody changes.

`raw_examples` (Parquet) is what was learnt from and judged by, `earlier_labels` what counts no more, `manifest` what
came, changed and went since the last training of the model that came to its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from zenml.client import Client
from zenml.models import ArtifactVersionResponse, PipelineRunResponse

from agile_classifier.config.run import RunConfig
from agile_classifier.data.examples import read_snapshot
from agile_classifier.data.snapshots.manifest import Previous, Snapshot
from agile_classifier.data.tables import examples_digest, kept_column
from agile_classifier.errors import InputError
from agile_classifier.ops.runs.outputs import EARLIER, EXAMPLES, INGEST, find_output, read_manifest

PIPELINE = "training"
PAGE = 20
"""Runs that are asked for at once."""


def read_fresh(config: RunConfig) -> Snapshot:
    """Read a config's sources as a training at this moment would.

    `agile_classifier.ops.schemes` must be imported, so that every scheme is known.

    Raises
    ------
    InputError
        A source cannot be read.
    """
    labels = config.labels
    return read_snapshot(
        config.data,
        keep=config.kept_columns,
        not_rated=labels.not_rated,
        absent=labels.absent,
        label_columns=labels.columns,
        raters=labels.raters,
        repeated=labels.repeated,
    )


def find_previous(model_name: str) -> Previous | None:
    """The snapshot of the last training of a model that came to its end and whose examples are still there."""
    return next(filter(None, map(_load, list_ended_trainings(model_name))), None)


def list_ended_trainings(model_name: str) -> Iterator[PipelineRunResponse]:
    """Trainings of a model that came to their end, the newest first."""
    page = 1
    while True:
        found = Client().list_pipeline_runs(
            pipeline=PIPELINE, status="completed", sort_by="desc:created", hydrate=True, size=PAGE, page=page
        )
        for run in found.items:
            registry = (run.config.parameters or {}).get("registry") or {}
            if registry.get("model_name") == model_name:
                yield run
        if page >= found.total_pages:
            return
        page += 1


def read_snapshot_of(run: PipelineRunResponse) -> Previous:
    """The examples of a run and what it states of them.

    Raises
    ------
    InputError
        They were deleted, or an earlier project made them.
    """
    manifest = read_manifest(run)
    if manifest is None:
        raise InputError(f"run {run.name}: says nothing of its data: an earlier agile-classifier made it; train again")
    return Previous(find_output(run, INGEST, EXAMPLES).load(), find_output(run, INGEST, EARLIER).load(), manifest)


def find_run(name: str) -> PipelineRunResponse:
    """A training by its whole name.

    Raises
    ------
    InputError
        There is no such run.
    """
    try:
        return Client().get_pipeline_run(name, allow_name_prefix_match=False)
    except KeyError:
        raise InputError(f"run {name}: no such run; `agile ui` lists them") from None


def read_again(snapshot: str, *, keep: tuple[str, ...]) -> Previous:
    """The examples, and all that belongs to them, which an earlier run has read.

    Parameters
    ----------
    snapshot : str
        ZenML's id of the run's `raw_examples`.
    keep : tuple of str
        Source columns that later steps read.

    Raises
    ------
    InputError
        They are gone, are no longer what they were, or lack a column.
    """
    artifact = _find_examples(snapshot)
    found = read_snapshot_of(Client().get_pipeline_run(artifact.producer_pipeline_run_id))  # type: ignore[arg-type]
    if examples_digest(found.examples) != found.manifest.digest:
        raise InputError(f"data.snapshot {snapshot}: its rows are not those that run {found.manifest.run} has read")
    missing = [name for name in keep if kept_column(name) not in found.examples]
    if missing:
        raise InputError(
            f"data.snapshot {snapshot}: run {found.manifest.run} kept no column {missing[0]!r}, which labels, split or"
            " slices of this config read"
        )
    return found


def _load(run: PipelineRunResponse) -> Previous | None:
    try:
        return read_snapshot_of(run)
    except InputError:  # deleted, or of an earlier project: the one before it counts
        return None


def _find_examples(snapshot: str) -> ArtifactVersionResponse:
    try:
        return Client().get_artifact_version(UUID(snapshot))
    except (KeyError, ValueError):
        raise InputError(f"data.snapshot {snapshot}: there are no such examples; their run was deleted") from None
