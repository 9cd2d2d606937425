"""Limit on evasion: how many texts that the candidate finds may slip through once they are written otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from agile_classifier.config.evaluation import PromotionConfig
from agile_classifier.evaluation.contenders import Evaluation
from agile_classifier.evaluation.evasion.measure import worst_flip_rate
from agile_classifier.ops.promotion.gate import Limit


def evasion_limits(evaluation: Evaluation, settings: PromotionConfig) -> Iterator[Limit]:
    """The limit that `promotion.max_flip_rate` sets; an evaluation that has tried no attack does not keep it."""
    if settings.max_flip_rate is not None:
        what = "its largest flip rate under an attack (evaluation.evasion)"
        yield Limit(what=what, value=worst_flip_rate(evaluation.evasion), at_most=settings.max_flip_rate)
