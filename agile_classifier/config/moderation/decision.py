"""Config of the decision: which texts are decided without a person, and what is promised of those."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from agile_classifier.config.bounds import Cell
from agile_classifier.config.section import Section


class BandsConfig(Section):
    """Three bands: texts that are removed, released, or shown to a person. None without a promise."""

    precision: Annotated[float, Field(ge=0.5, lt=1)] | None = None
    """Automatic removal: least share of class 1 among the texts that are removed without a person; null: none is."""
    miss_rate: Annotated[float, Field(gt=0, le=0.5)] | None = None
    """Automatic release: largest share of the texts of class 1 that are released without a person; null: none is."""
    confidence: Annotated[float, Field(ge=0.5, le=0.9999)] = 0.9
    """Probability, over the draw of the validation rows, with which all promises of a version hold together."""
    class_name: Cell | None = None
    """Name of the class that is removed; without it class 1 of two. Of several labels a text (`labels.rule: many`) the
    label that is a reason to remove it; without it each is."""
    compared: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Trainings among which these validation rows have chosen, this one included, as a search does: a promise is made
    for all of them at once."""
    unkept: Literal["open", "refuse"] = "open"
    """Where a promise cannot be made with the validation rows that there are: that side stays `open`, its texts go to
    a person; `refuse` ends the run with exit code 3."""

    @property
    def is_asked(self) -> bool:
        """Whether anything is to be decided without a person."""
        return self.precision is not None or self.miss_rate is not None

    def class_refusal(self, class_names: Sequence[str], *, several: bool = False) -> str | None:
        """Why these classes leave open which one is removed; None where it is plain, or no bands are asked for."""
        if not self.is_asked or (self.class_name is None and (several or len(class_names) == 2)):
            return None
        allowed = ", ".join(class_names)
        if self.class_name is None:
            return (
                f"decision.bands.class_name is missing: with {len(class_names)} classes it names the one that is"
                f" removed; allowed are {allowed}"
            )
        if self.class_name not in class_names:
            kind = "label" if several else "class"
            return f"decision.bands.class_name {self.class_name}: no such {kind}; allowed are {allowed}"
        return None


class DecisionConfig(Section):
    """What follows from a probability."""

    bands: BandsConfig = BandsConfig()
    """Which texts are decided without a person."""
