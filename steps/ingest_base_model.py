"""ingest_base_model: model source → base_model. A step of its own, so that new data does not fetch the model again."""

from typing import Annotated

from zenml import step

from classifier.folders import Folder
from classifier.gguf_models import fetch_base_model
from classifier.places import cache, hub_token, mirror
from operations.caching import on_reached_files
from operations.materializers import FolderMaterializer


@step(cache_policy=on_reached_files(__name__), output_materializers=FolderMaterializer)
def ingest_base_model(
    source: str, sha256: tuple[str, ...] | None, revision: str | None
) -> Annotated[Folder, "base_model"]:
    """Fetch the pinned base model, unpacked where it is a GGUF; no later step needs a network."""
    return Folder(
        fetch_base_model(source, sha256=sha256, revision=revision, token=hub_token(), cache=cache(), mirror=mirror())
    )
