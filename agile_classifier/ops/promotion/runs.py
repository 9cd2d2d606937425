"""Runs that may end with another champion: a training, and the promotion of a candidate that waits for a person."""

from __future__ import annotations

import sys
from typing import Any

from agile_classifier.config.evaluation import PromotionConfig
from agile_classifier.config.run import RunConfig
from agile_classifier.ops.engines.run import on_active_stack
from agile_classifier.ops.notifications import changes_told
from agile_classifier.ops.promotion import approval
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.runs import outcome


def train(config: RunConfig, *, enable_cache: bool = True) -> Any:
    """Run the training pipeline, show what came out, and ask a person about the candidate where the policy wants one.

    Returns ZenML's record of the run; None if the stack has only scheduled it.
    """
    name = config.registry.model_name
    sections = {section: getattr(config, section) for section in RunConfig.model_fields}
    with on_active_stack("training", enable_cache=enable_cache) as (training, run_name), changes_told(name):
        print(f"run {run_name}", file=sys.stderr, flush=True)
        run = training(**sections)
        version = outcome.show(run, model_name=name) if run is not None else None
    if version is None:
        return run
    asked = None
    if config.promotion.approval == "person" and approval.is_open(name, version):
        asked = run_promotion(name, version, config.promotion)
        outcome.show_promotion(asked)
        if asked.status.is_successful:
            outcome.write_report(run, model_name=name, decided=asked)
    outcome.say_next(run, model_name=name, asked=asked, has_champion=registry.read_champion(name) is not None)
    return run


def run_promotion(model_name: str, version: str, settings: PromotionConfig) -> Any:
    """Run the promotion pipeline; returns ZenML's record of it, paused where a person has not answered in time."""
    with on_active_stack(approval.PIPELINE) as (promotion, _), changes_told(model_name):
        return promotion(model_name=model_name, version=version, settings=settings)
