"""evaluate: adapter, base_model, train, validation, test, findings → evaluation, test_scores, report."""

from typing import Annotated, Any

import pandas as pd
from zenml import log_metadata, step
from zenml.types import HTMLString

from agile_classifier.config.evaluation import EvaluationConfig
from agile_classifier.config.moderation.decision import DecisionConfig
from agile_classifier.data.label_and_split import Labelling
from agile_classifier.evaluation.contenders import Evaluation
from agile_classifier.ops.runs import links, tracking
from agile_classifier.ops.runs.caching import on_reached_files
from agile_classifier.ops.runs.materializers import ExamplesMaterializer, Folder


@step(cache_policy=on_reached_files(__name__), output_materializers={"test_scores": ExamplesMaterializer})
def evaluate(
    adapter: Folder,
    base_model: Folder,
    train: pd.DataFrame,
    validation: pd.DataFrame,
    test: pd.DataFrame,
    labelling: Labelling,
    findings: list[dict[str, Any]],
    mlflow_run_id: str,
    settings: EvaluationConfig,
    title: str,
    metric: str,
    decision: DecisionConfig = DecisionConfig(),
    epochs: int = 1,
) -> tuple[
    Annotated[Evaluation, "evaluation"],
    Annotated[pd.DataFrame, "test_scores"],
    Annotated[HTMLString, "report"],
]:
    """Score best and last checkpoint and the baselines on every test row, find the bands, and draw the report.

    `epochs` is how many checkpoints there may have been, of an ensemble combinations of them, among which validation
    has chosen.
    """
    from agile_classifier.evaluation.evaluate import examine, require_whole_texts
    from agile_classifier.evaluation.reports.content import draw_page
    from agile_classifier.evaluation.reports.page import put_into_frame

    examined = examine(
        adapter=adapter.path,
        base=base_model.path,
        train=train,
        validation=validation,
        test=test,
        label_threshold=labelling.label_threshold,
        settings=settings,
        bands=decision.bands,
        n_checkpoints=epochs,
    )
    evaluation = examined.evaluation
    for sentence in [] if evaluation.banding is None else evaluation.banding.bands.sentences:
        print(f"evaluate: {sentence}")
    require_whole_texts(evaluation, limit=settings.cut_limit)
    page = draw_page(
        examined,
        adapter=adapter.path,
        labelling=labelling,
        findings=findings,
        title=title,
        metric=metric,
        seed=settings.seed,
        about=links.describe_run(),
    )
    with tracking.resumed_run(mlflow_run_id):
        tracking.log_evaluation(evaluation, report=page.html, figures=page.figures)
    log_metadata(metadata=dict(evaluation.flat()), artifact_name="evaluation", infer_artifact=True)
    return evaluation, examined.test_scores, HTMLString(put_into_frame(page.html))
