"""Config of the limits on who is hurt: how far a group may fall behind, and which functional tests must be kept."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from agile_classifier.config.bounds import Address
from agile_classifier.config.section import Section

MOST_SUITES = 100


class FairnessLimits(Section):
    """What a candidate must keep for every group of people, and in every functional test."""

    bias_limit: Annotated[float, Field(gt=0, le=1)] | None = None
    """Largest loss of any group's subgroup, BPSN or BNSP AUC against the AUC of all texts that the paired 95 % interval
    may reach; where no group can be judged the candidate is refused."""
    bias_min_rows: Annotated[int, Field(gt=0, le=1_000_000_000)] = 20
    """Fewest positive and fewest negative compared rows that such an AUC must rest on to be judged."""
    checks: Annotated[
        tuple[Address, ...],
        Field(max_length=MOST_SUITES),
        BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
    ] = ()
    """Suites of functional tests (YAML or CSV, relative to the configs folder) that the candidate must keep: each test
    at its least pass rate, and none lost that the champion passed."""
