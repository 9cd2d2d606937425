"""keep_threshold: champion → kept_threshold. Never reused: it must see the champion of this moment."""

from typing import Annotated, Any

from zenml import log_metadata, step
from zenml.artifacts.unmaterialized_artifact import UnmaterializedArtifact

from agile_classifier.data.labels.kept import KeptThreshold
from agile_classifier.ops.promotion.label_threshold import find_kept_threshold


@step(enable_cache=False)
def keep_threshold(
    raw_examples: UnmaterializedArtifact, model_name: str, config: dict[str, Any]
) -> Annotated[KeptThreshold, "kept_threshold"]:
    """Look up the label threshold of the champion, so that a class means tomorrow what it means today.

    What it finds is part of the cache key of the steps that label.
    """
    kept = find_kept_threshold(model_name, config, examples=str(raw_examples.content_hash))
    log_metadata({name: value for name, value in kept.model_dump().items() if value is not None})
    return kept
