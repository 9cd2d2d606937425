"""ingest_start: model.start_from, base_model → start. Never reused: an alias may have moved since."""

from typing import Annotated

from zenml import log_metadata, step

from agile_classifier.config.ensemble.members import require_members
from agile_classifier.config.training import FineTuneConfig, ModelConfig
from agile_classifier.files import tree_digest
from agile_classifier.models.ensemble.bases import list_pins, place_bases
from agile_classifier.ops.registry.contents.starts import bring_start
from agile_classifier.ops.runs.materializers import Folder, FolderMaterializer
from agile_classifier.ops.state.home import scratch


@step(enable_cache=False, output_materializers=FolderMaterializer)
def ingest_start(base_model: Folder, model: ModelConfig, settings: FineTuneConfig) -> Annotated[Folder, "start"]:
    """Bring the adapter that training goes on from, verified, once a run; an alias is resolved here.

    What it finds is part of the cache key of the steps that split and tune: a moved alias trains anew.
    """
    folder = scratch()
    first = place_bases(base_model.path, list_pins(require_members(model, settings)))[0]
    start = bring_start(model, settings, base_digest=tree_digest(first), to=folder)
    print(f"ingest_start: training goes on from {start.sentence}")
    log_metadata(
        {"start": {"address": str(model.start_from), **{k: v for k, v in start.facts.items() if v is not None}}}
    )
    return Folder(folder)
