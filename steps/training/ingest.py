"""ingest: data source → raw_examples."""

from typing import Annotated

import pandas as pd
from zenml import step

from agile_classifier.config.data import DataConfig
from agile_classifier.data.fetch.sources import fetch_file
from agile_classifier.data.tables import read_table, to_examples
from agile_classifier.environment import cache, mirror
from agile_classifier.ops.runs.caching import on_reached_files
from agile_classifier.ops.runs.materializers import ExamplesMaterializer


@step(cache_policy=on_reached_files(__name__), output_materializers=ExamplesMaterializer)
def ingest(data: DataConfig, kept_columns: tuple[str, ...]) -> Annotated[pd.DataFrame, "raw_examples"]:
    """Fetch the source and map its columns to `id`, `text`, `score`, `group`, and those a later step reads."""
    path = fetch_file(data.source, sha256=data.sha256, revision=data.revision, cache=cache(), mirror=mirror())
    frame = read_table(
        path,
        delimiter=data.delimiter,
        encoding=data.encoding,
        column_names=data.column_names,
        quoting=data.quoting,
        limit=data.limit,
    )
    return to_examples(frame, path_name=data.source, **data.columns.model_dump(), keep=kept_columns, repair=data.repair)
