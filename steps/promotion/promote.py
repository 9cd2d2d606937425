"""promote: model_version → promotion_decision. Never reused: it must see the champion of this moment."""

from typing import Annotated

import pandas as pd
from zenml import get_step_context, log_metadata, step

from agile_classifier.config.evaluation import PromotionConfig
from agile_classifier.evaluation.contenders import Evaluation
from agile_classifier.ops.notifications import cluster_changes_told
from agile_classifier.ops.promotion import compare as promotion
from agile_classifier.ops.promotion.gate import PromotionDecision


@step(enable_cache=False)
def promote(
    model_version: str,
    evaluation: Evaluation,
    test_scores: pd.DataFrame,
    model_name: str,
    settings: PromotionConfig,
) -> Annotated[PromotionDecision, "promotion_decision"]:
    """Compare candidate and champion on rows that neither has seen; move the aliases only if the decision says so."""
    with cluster_changes_told(model_name):
        decision = promotion.judge_and_carry_out(
            model_name=model_name,
            candidate=model_version,
            evaluation=evaluation,
            test_scores=test_scores,
            settings=settings,
            run=get_step_context().pipeline_run.name,
        )
    log_metadata({"promote": decision.promote, "reason": decision.reason})
    return decision
