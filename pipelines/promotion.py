"""promotion: a registered version and the champion in; perhaps a new champion out, once a person agrees where the policy says so."""

from typing import Any

from zenml import pipeline, wait

from agile_classifier.config.run import PromotionConfig
from agile_classifier.ops.engines import require as engines
from agile_classifier.ops.engines import stacks
from agile_classifier.ops.notifications import changes_told, failure_told
from agile_classifier.ops.promotion import approval
from agile_classifier.ops.runs import liveness, outcome
from steps.promotion.compare_versions import compare_versions
from steps.promotion.conclude_promotion import conclude_promotion
from steps.promotion.promote import promote


@pipeline(name=approval.PIPELINE, dynamic=True, enable_cache=False)
def promotion(model_name: str, version: str, settings: PromotionConfig) -> None:
    """With `settings.approval` at `person` it waits between comparing and promoting; paused meanwhile, it goes on from there."""
    judged = approval.find_judged(model_name, version)
    if settings.approval == "automatic":
        promote(version, judged.evaluation, judged.test_scores, model_name, settings)
        return
    decision = compare_versions(version, judged.evaluation, judged.test_scores, model_name, settings)
    found = decision.load()
    if found["promote"]:
        wait(
            name=approval.QUESTION,
            question=approval.question(found, model_name=model_name),
            metadata=approval.evidence_in_short(found),
            timeout=settings.wait,
            poll_interval=2,
        )
    conclude_promotion(decision, model_name)


def ask_person(model_name: str, version: str, settings: PromotionConfig) -> None:
    """Start the promotion of a candidate that a training left to a person; one that a person was asked about stays as it is."""
    if settings.approval == "person" and approval.is_open(model_name, version):
        outcome.show_promotion(run_promotion(model_name, version, settings))


def run_promotion(model_name: str, version: str, settings: PromotionConfig) -> Any:
    """Run it on the active stack; returns ZenML's record of it, paused where a person has not answered in time."""
    stack = stacks.active_stack()
    engines.require_engine(stack)
    with liveness.announced_run(approval.PIPELINE) as run_name, failure_told(run_name), changes_told(model_name):
        return promotion.with_options(run_name=run_name, **stack.run)(
            model_name=model_name, version=version, settings=settings
        )
