"""Automation: the least share of texts that a candidate must decide without a person, by its bands."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from agile_classifier.evaluation.bands import OnTest, choose_independent, count_decisions
from agile_classifier.evaluation.several.views import read_truth
from agile_classifier.metrics.bands import Bands, is_removable
from agile_classifier.ops.promotion.gate import Limit
from agile_classifier.ops.promotion.measured_version import MeasuredVersion


def limit_automation(version: MeasuredVersion, rows: pd.DataFrame, *, least: float | None) -> tuple[Limit, ...]:
    """Limits on what a version decides without a person, as it is registered; none where `least` is None.

    A version without bands keeps none of them. Nor may test rows contradict what its bands promise.

    Parameters
    ----------
    rows : DataFrame
        Test rows that the version has not learnt from: `text`, `label`, perhaps `group`.
    least : float or None
        `promotion.min_automation`.
    """
    if least is None:
        return ()
    bands = version.bands
    if bands is None:
        why = "it has no bands: set decision.bands"
        return (Limit(what=f"the share of texts that it decides without a person ({why})", value=None, at_least=least),)
    judged = rows.iloc[choose_independent(rows, by_group=bands.by_group)]
    decided = version.decide(list(judged["text"]))
    truth = read_truth(judged, n_labels=len(version.class_names) if bands.several else None)
    found = count_decisions(decided, is_removable(truth, bands.class_number))
    return tuple(_limits(found, bands, least=least))


def _limits(found: OnTest, bands: Bands, *, least: float) -> Iterator[Limit]:
    share = found.automated
    yield Limit(
        what=f"the lower end of its share of texts decided without a person, {share.k} of {share.n},",
        value=share.low,
        at_least=least,
    )
    if bands.removal is not None and bands.removal.is_kept and found.precision.n:
        counted = f"{found.precision.k} of {found.precision.n} {bands.predicate}"
        what = f"the upper end of the precision of its removals ({counted}), which it promises,"
        yield Limit(what=what, value=found.precision.high, at_least=bands.removal.level)
    if bands.release is not None and bands.release.is_kept and found.miss_rate.n:
        counted = f"{found.miss_rate.k} of {found.miss_rate.n} {bands.texts} are released"
        what = f"the lower end of its miss rate ({counted}), which it promises,"
        yield Limit(what=what, value=found.miss_rate.low, at_most=bands.release.level)
