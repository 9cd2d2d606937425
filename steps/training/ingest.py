"""ingest: data source → raw_examples."""

from typing import Annotated

import pandas as pd
from zenml import step

from agile_classifier.config.data import DataConfig
from agile_classifier.data.examples import read_examples
from agile_classifier.ops.runs.caching import on_reached_files
from agile_classifier.ops.runs.materializers import ExamplesMaterializer


@step(cache_policy=on_reached_files(__name__), output_materializers=ExamplesMaterializer)
def ingest(
    data: DataConfig, kept_columns: tuple[str, ...], not_rated: tuple[float | str, ...], absent: tuple[str, ...]
) -> Annotated[pd.DataFrame, "raw_examples"]:
    """Fetch the source and map its columns to `id`, `text`, `score`, `group`, and those a later step reads."""
    return read_examples(data, keep=kept_columns, not_rated=not_rated, absent=absent)
