"""ingest: data sources → raw_examples, earlier_labels, manifest."""

from typing import Annotated

import pandas as pd
from zenml import get_step_context, log_metadata, step

import agile_classifier.ops.schemes  # noqa: F401  (puts ZenML's and the project's own sources on the table)
from agile_classifier.config.data import DataConfig
from agile_classifier.data.examples import read_snapshot
from agile_classifier.data.score_cells import Raters, Repeated
from agile_classifier.data.snapshots.manifest import Manifest, take_stock
from agile_classifier.ops.runs import snapshots
from agile_classifier.ops.runs.caching import on_reached_files
from agile_classifier.ops.runs.materializers import ExamplesMaterializer


@step(
    cache_policy=on_reached_files(__name__),
    output_materializers=dict.fromkeys(("raw_examples", "earlier_labels"), ExamplesMaterializer),
)
def ingest(
    data: DataConfig,
    kept_columns: tuple[str, ...],
    not_rated: tuple[float | str, ...],
    absent: tuple[str, ...],
    label_columns: tuple[str, ...],
    model_name: str,
    raters: Raters = "mean",
    repeated: Repeated = "refuse",
) -> tuple[
    Annotated[pd.DataFrame, "raw_examples"],
    Annotated[pd.DataFrame, "earlier_labels"],
    Annotated[Manifest, "manifest"],
]:
    """Fetch the sources and map their columns to `id`, `text`, `score`, `group`, and those a later step reads.

    `ratings` are the answers of several raters, which became the score. `manifest` states what came, changed and went
    since the last run of the model; `earlier_labels` holds what later labels have replaced.
    """
    if data.snapshot is not None:
        again = snapshots.read_again(data.snapshot, keep=kept_columns)
        examples, earlier, manifest = again.examples, again.earlier, again.manifest
    else:
        read = read_snapshot(
            data,
            keep=kept_columns,
            not_rated=not_rated,
            absent=absent,
            label_columns=label_columns,
            raters=raters,
            repeated=repeated,
        )
        previous, run = snapshots.find_previous(model_name), get_step_context().pipeline_run.name
        manifest, earlier = take_stock(read, previous, model_name=model_name, run=run)
        examples = read.examples
    for source in manifest.sources:
        print(f"ingest: {source.sentence}")
    log_metadata({"data": manifest.model_dump(mode="json")})
    return examples, earlier, manifest
