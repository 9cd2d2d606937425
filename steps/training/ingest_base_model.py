"""ingest_base_model: model sources → base_model. A step of its own, so that new data does not fetch the model again."""

from typing import Annotated

from zenml import step

from agile_classifier.environment import cache, hub_token, mirror
from agile_classifier.models.ensemble.bases import Pin, fetch_bases, gather_bases
from agile_classifier.ops.runs.caching import on_reached_files
from agile_classifier.ops.runs.materializers import Folder, FolderMaterializer
from agile_classifier.ops.state.home import scratch


@step(cache_policy=on_reached_files(__name__), output_materializers=FolderMaterializer)
def ingest_base_model(
    source: str,
    sha256: tuple[str, ...] | None,
    revision: str | None,
    further: tuple[tuple[str, tuple[str, ...] | None, str | None], ...] = (),
) -> Annotated[Folder, "base_model"]:
    """Fetch the pinned base model, unpacked where it is a GGUF; no later step needs a network.

    Of an ensemble on several base models, `further` are source, SHA-256 and revision of the others; the folder then
    holds one folder each.
    """
    pins = (Pin(source, sha256, revision), *(Pin(*each) for each in further))
    folders = fetch_bases(pins, token=hub_token(), cache=cache(), mirror=mirror())
    return Folder(folders[0] if len(folders) == 1 else gather_bases(folders, scratch()))
