"""compare_versions: model_version, champion → promotion_decision, on which a person is asked."""

from typing import Annotated

import pandas as pd
from zenml import get_step_context, log_metadata, step

from agile_classifier.config.evaluation import PromotionConfig
from agile_classifier.evaluation.contenders import Evaluation
from agile_classifier.ops.promotion import approval
from agile_classifier.ops.promotion import compare as promotion
from agile_classifier.ops.promotion.gate import PromotionDecision


@step(enable_cache=False)
def compare_versions(
    model_version: str,
    evaluation: Evaluation,
    test_scores: pd.DataFrame,
    model_name: str,
    settings: PromotionConfig,
) -> Annotated[PromotionDecision, "promotion_decision"]:
    """Judge the version; where the policy would promote it, record that a person is asked."""
    decision = promotion.judge(
        model_name=model_name,
        candidate=model_version,
        evaluation=evaluation,
        test_scores=test_scores,
        settings=settings,
    )
    approval.ask(decision, model_name=model_name, run=get_step_context().pipeline_run.name)
    log_metadata({"promote": decision.promote, "reason": decision.reason})
    return decision
