"""ingest_base_model: model source → base_model. A step of its own, so that new data does not fetch the model again."""

from typing import Annotated

from zenml import step

from agile_classifier.environment import cache, hub_token, mirror
from agile_classifier.models.gguf import fetch_base_model
from agile_classifier.ops.runs.caching import on_reached_files
from agile_classifier.ops.runs.materializers import Folder, FolderMaterializer


@step(cache_policy=on_reached_files(__name__), output_materializers=FolderMaterializer)
def ingest_base_model(
    source: str, sha256: tuple[str, ...] | None, revision: str | None
) -> Annotated[Folder, "base_model"]:
    """Fetch the pinned base model, unpacked where it is a GGUF; no later step needs a network."""
    return Folder(
        fetch_base_model(source, sha256=sha256, revision=revision, token=hub_token(), cache=cache(), mirror=mirror())
    )
