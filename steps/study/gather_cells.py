"""gather_cells: outcomes of every shard → study_outcomes, study_table, study_page."""

from typing import Annotated, Any

import pandas as pd
from zenml import log_metadata, step
from zenml.types import HTMLString

from agile_classifier.ops.runs.materializers import ExamplesMaterializer
from agile_classifier.studies import plan as studies


@step(enable_cache=False, output_materializers={"study_table": ExamplesMaterializer})
def gather_cells(
    outcomes: list[list[dict[str, Any]]], file: str, definition: dict[str, Any], folder: str, command: str
) -> tuple[
    Annotated[list[dict[str, Any]], "study_outcomes"],
    Annotated[pd.DataFrame, "study_table"],
    Annotated[HTMLString, "study_page"],
]:
    """The page and the table of what is known: these outcomes and, where the folder is at hand, all earlier ones."""
    found = [outcome for shard in outcomes for outcome in shard]
    table, page = studies.summarize(definition, found, file=file, folder=folder, command=command)
    log_metadata({"n_cells": len(table), "failed": [outcome["name"] for outcome in found if outcome["error"]]})
    return found, table, HTMLString(page)
