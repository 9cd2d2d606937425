"""register: adapter, evaluation → model_version, once the reloaded model answers as the trained one."""

from typing import Annotated, Any

import pandas as pd
from zenml import get_step_context, log_metadata, step
from zenml.metadata.metadata_types import MetadataType, Uri

from agile_classifier.config.run import RegistryConfig
from agile_classifier.data.label_and_split import Labelling
from agile_classifier.evaluation.contenders import Evaluation
from agile_classifier.evaluation.score_tables import read_scores
from agile_classifier.ops.registry import registration
from agile_classifier.ops.runs import links
from agile_classifier.ops.runs.caching import on_reached_files
from agile_classifier.ops.runs.materializers import Folder


@step(cache_policy=on_reached_files(__name__, "agile_classifier.ops.registry.pyfunc_model"))
def register(
    adapter: Folder,
    base_model: Folder,
    evaluation: Evaluation,
    test_scores: pd.DataFrame,
    train: pd.DataFrame,
    validation: pd.DataFrame,
    labelling: Labelling,
    mlflow_run_id: str,
    settings: RegistryConfig,
    config: dict[str, Any],
) -> Annotated[str, "model_version"]:
    """Log the classifier, reload it in a fresh process, and make it a version only if its scores survived."""
    from agile_classifier.evaluation.reference import make_reference

    reference = make_reference(
        adapter.path,
        base=base_model.path,
        texts=list(test_scores["text"]),
        y_score=read_scores(test_scores, "candidate"),
        decision_threshold=evaluation.decision_threshold,
    )
    candidate = registration.Candidate(
        adapter=adapter.path,
        base=base_model.path,
        evaluation=evaluation,
        test_scores=test_scores,
        learnt_from=[*train["text"], *validation["text"]],
        labelling=labelling,
        reference=reference,
        config=config,
        mlflow_run_id=mlflow_run_id,
    )
    registered = registration.register(candidate, settings)
    named: dict[str, MetadataType] = {
        "model_name": settings.model_name, "mlflow_model_version": registered.version, "mlflow_run_id": mlflow_run_id,
        "mlflow_version_page": Uri(links.version_address(settings.model_name, registered.version)),
        "mlflow_run_page": Uri(links.mlflow_run_address(mlflow_run_id)),
    }  # fmt: skip
    log_metadata({**named, "largest_parity_error": registered.parity_error})
    log_metadata(metadata=named, run_id_name_or_prefix=str(get_step_context().pipeline_run.id))
    return registered.version
