"""conclude_promotion: promotion_decision → promotion_outcome, once a person has agreed."""

from typing import Annotated

from zenml import get_step_context, log_metadata, step

from agile_classifier.ops.promotion import approval
from agile_classifier.ops.promotion.gate import PromotionDecision


@step(enable_cache=False)
def conclude_promotion(
    decision: PromotionDecision, model_name: str
) -> Annotated[PromotionDecision, "promotion_outcome"]:
    """Carry the decision out, unless another version has become champion since it was made."""
    outcome = approval.conclude(decision, model_name=model_name, run=get_step_context().pipeline_run)
    log_metadata({"promote": outcome.promote, "reason": outcome.reason})
    return outcome
