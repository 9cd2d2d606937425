"""ingest: data source → raw_examples."""

from typing import Annotated

import pandas as pd
from zenml import step

from classifier.config_data import DataConfig
from classifier.places import cache, mirror
from classifier.sources import fetch_file
from classifier.tables import read_table, to_examples
from operations.caching import on_reached_files
from operations.materializers import ExamplesMaterializer


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
