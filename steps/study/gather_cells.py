"""gather_cells: outcomes of every shard → study_outcomes, study_table, study_page."""

from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from zenml import log_metadata, step
from zenml.types import HTMLString

from agile_classifier.ops.runs.materializers import ExamplesMaterializer
from agile_classifier.studies.cells import CellStore
from agile_classifier.studies.file import Study
from agile_classifier.studies.report.summary import summarize
from agile_classifier.studies.run import Outcome


@step(enable_cache=False, output_materializers={"study_table": ExamplesMaterializer})
def gather_cells(
    outcomes: list[list[dict[str, Any]]], file: str, definition: dict[str, Any], store: dict[str, Any], command: str
) -> tuple[
    Annotated[list[dict[str, Any]], "study_outcomes"],
    Annotated[pd.DataFrame, "study_table"],
    Annotated[HTMLString, "study_page"],
]:
    """The page and the table of what is known: these outcomes and, where the store is at hand, all earlier ones."""
    found = [Outcome.model_validate(outcome) for shard in outcomes for outcome in shard]
    table, page = summarize(
        Study.model_validate(definition), found, file=Path(file), store=CellStore.model_validate(store), command=command
    )
    log_metadata({"n_cells": len(table), "failed": [outcome.place.name for outcome in found if outcome.error]})
    return [outcome.model_dump(mode="json") for outcome in found], table, HTMLString(page)
