"""Config of the shadow: what a candidate must show on live texts before it may become champion."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from agile_classifier.config.bounds import Rows
from agile_classifier.config.section import Section


class ShadowConfig(Section):
    """What a candidate must show in the shadow of the champion (`agile serve --shadow candidate`)."""

    requests: Rows = 1000
    """Fewest live texts, each counted once, that candidate and champion have both been asked."""
    max_flips: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Largest share of them to which the candidate gives another class, or none."""
