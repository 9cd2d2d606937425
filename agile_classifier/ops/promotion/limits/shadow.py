"""Limits by the shadow: what live texts say of a candidate, which it must keep to be promoted."""

from __future__ import annotations

from collections.abc import Iterator

from agile_classifier.config.moderation.shadow import ShadowConfig
from agile_classifier.ops.feedback.store import FeedbackStore, open_store
from agile_classifier.ops.promotion.gate import Limit
from agile_classifier.ops.serving.shadow.comparisons import find_pair, sum_up


def limit_by_shadow(
    model_name: str, *, champion: str, candidate: str, settings: ShadowConfig, store: FeedbackStore | None = None
) -> Iterator[Limit]:
    """Limits by what the candidate, and no other version, has answered in the shadow of this very champion."""
    pair = find_pair(model_name, champion, candidate)
    figures = sum_up(store or open_store(), pair.key)
    n_missing = max(0, settings.requests - figures.n_texts)
    missing = f", {n_missing} are missing (`agile serve --shadow {candidate}`)" if n_missing else ""
    yield Limit(
        what=f"the number of live texts that it answered in the shadow of champion {champion}{missing},",
        value=figures.n_texts,
        at_least=settings.requests,
    )
    if figures.n_texts:
        low, high = figures.interval
        counted = f"{figures.n_flips} of {figures.n_texts} live texts, 95 % interval {low:.4f} to {high:.4f}"
        yield Limit(
            what=f"the share of flips in the shadow ({counted})", value=figures.share, at_most=settings.max_flips
        )
