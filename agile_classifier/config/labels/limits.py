"""Limits of several labels: what a candidate must keep on each label, however good their mean is."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from agile_classifier.config.section import Section


class LabelLimits(Section):
    """What a candidate must keep on every one of several labels (`labels.rule: many`), whatever the mean gains."""

    largest_loss: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Largest loss of `promotion.metric` on any label: a candidate is refused where the whole paired 95 % interval of
    its difference from the champion on that label lies below minus this."""
    least: Annotated[float, Field(gt=0, le=1)] | None = None
    """Smallest `promotion.metric` of the worst label on the compared test rows; without it none is asked for."""
