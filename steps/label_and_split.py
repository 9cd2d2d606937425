"""label_and_split: validated_examples → train, validation, test, labelling."""

from typing import Annotated, Any

import pandas as pd
from zenml import log_metadata, step

from classifier import labelling
from classifier.config_data import LabelsConfig, SplitConfig
from operations.caching import on_reached_files
from operations.materializers import ExamplesMaterializer


@step(
    cache_policy=on_reached_files(__name__),
    output_materializers=dict.fromkeys(("train", "validation", "test"), ExamplesMaterializer),
)
def label_and_split(
    validated_examples: pd.DataFrame, labels: LabelsConfig, split: SplitConfig
) -> tuple[
    Annotated[pd.DataFrame, "train"],
    Annotated[pd.DataFrame, "validation"],
    Annotated[pd.DataFrame, "test"],
    Annotated[dict[str, Any], "labelling"],
]:
    """Turn scores into labels and cut the examples into parts; `labelling` states threshold, ties, shares, digests."""
    labelled = labelling.label_and_split(validated_examples, **labels.model_dump(), **split.model_dump())
    log_metadata({"labelling": labelled.facts})
    parts = labelled.parts
    return parts["train"], parts["validation"], parts["test"], labelled.facts
