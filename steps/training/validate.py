"""validate: raw_examples, kept_threshold → validated_examples, validation_report."""

from typing import Annotated

import pandas as pd
from zenml import log_metadata, step
from zenml.types import HTMLString

from agile_classifier.config.data import LabelsConfig, ValidationConfig
from agile_classifier.data.labels.kept import KeptThreshold
from agile_classifier.ops.runs.caching import on_reached_files
from agile_classifier.ops.runs.materializers import ExamplesMaterializer
from agile_classifier.ops.state.home import suite_path


@step(
    cache_policy=on_reached_files(__name__),
    output_materializers={"validated_examples": ExamplesMaterializer},
)
def validate(
    raw_examples: pd.DataFrame,
    validation: ValidationConfig,
    labels: LabelsConfig,
    max_length: int,
    suite_digest: str,  # noqa: ARG001  (keys the reuse of this step)
    kept: KeptThreshold = KeptThreshold(),
    min_agreement: float | None = None,
) -> tuple[Annotated[pd.DataFrame, "validated_examples"], Annotated[HTMLString, "validation_report"]]:
    """Hold the examples against the expectation suite; a critical failure ends the run, warnings are recorded.

    Where several raters answered, their agreement is told, and the run ends below `data_quality.min_agreement`.

    `suite_digest` stands in the cache key for the content of the suite's file.
    """
    from agile_classifier.data.expectations.examples import check_examples
    from agile_classifier.data.raters.facts import describe_raters, refuse_disagreement
    from agile_classifier.data.raters.page import add_raters

    report = check_examples(
        raw_examples,
        labels,
        suite=suite_path(validation.suite),
        bounds={**validation.model_dump(exclude={"suite"}), "max_words": max_length},
        kept=kept,
    )
    raters = describe_raters(raw_examples)
    warnings = [*(warning.sentence for warning in report.warnings), *(raters.warnings if raters else ())]
    described = {} if raters is None else {"raters": {"agreement": raters.sentence, **raters.model_dump(mode="json")}}
    log_metadata({"n_expectations": report.n_expectations, "warnings": warnings, **described})
    for warning in warnings:
        print(f"validate: warning: {warning}")
    refuse_disagreement(raters, limit=min_agreement)
    return raw_examples, HTMLString(add_raters(report.html, raters))
