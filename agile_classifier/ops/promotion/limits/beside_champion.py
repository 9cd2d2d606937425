"""Limits that a candidate must keep beside the champion: no loss in another metric, on a slice, or in its decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agile_classifier.config.evaluation import PromotionConfig
from agile_classifier.metrics.bootstrap import PairedDifference
from agile_classifier.metrics.comparison import WORSE_BEYOND_NOISE, McNemar
from agile_classifier.ops.promotion.gate import Limit


def limit_losses(
    differences: Mapping[str, PairedDifference],
    slices: Mapping[str, PairedDifference],
    tested: McNemar,
    settings: PromotionConfig,
) -> Iterator[Limit]:
    """Limits on what the candidate may lose: by McNemar's test, `promotion.margin` and `promotion.slice_margin`.

    Parameters
    ----------
    differences, slices
        Metric, or slice, → difference from the champion.
    """
    if tested.only_comparator_right > tested.only_candidate_right:
        alone = f"the champion alone is right on {tested.only_comparator_right}, it on {tested.only_candidate_right}"
        yield Limit(what=f"McNemar's p-value ({alone})", value=tested.p_value, at_least=WORSE_BEYOND_NOISE)
    for name, difference in differences.items():
        if settings.margin is not None and name != settings.metric:
            yield _no_worse(name, difference, settings.margin)
    for name, difference in slices.items():
        if settings.slice_margin is not None:
            yield _no_worse(f"{settings.metric} on {name}", difference, settings.slice_margin)


def _no_worse(name: str, difference: PairedDifference, margin: float) -> Limit:
    return Limit(what=f"the lower end of its difference in {name}", value=difference.low, at_least=-margin)
