"""promotion: a registered version and the champion in.

Perhaps a new champion out, once a person agrees where the policy says so.
"""

from zenml import pipeline, wait

from agile_classifier.config.evaluation import PromotionConfig
from agile_classifier.ops.promotion import approval
from steps.promotion.compare_versions import compare_versions
from steps.promotion.conclude_promotion import conclude_promotion
from steps.promotion.promote import promote


@pipeline(name=approval.PIPELINE, dynamic=True, enable_cache=False)
def promotion(model_name: str, version: str, settings: PromotionConfig) -> None:
    """With `settings.approval` at `person` it waits between comparing and promoting.

    Paused meanwhile, it goes on from there.
    """
    judged = approval.find_judged(model_name, version)
    if settings.approval == "automatic":
        promote(version, judged.evaluation, judged.test_scores, model_name, settings)
        return
    decision = compare_versions(version, judged.evaluation, judged.test_scores, model_name, settings)
    judged_so = decision.load()
    if judged_so.promote:
        with approval.left_open():
            wait(
                name=approval.QUESTION,
                question=approval.question(judged_so, model_name=model_name),
                metadata=approval.evidence_in_short(judged_so),
                timeout=settings.wait,
                poll_interval=2,
            )
    conclude_promotion(decision, model_name)
