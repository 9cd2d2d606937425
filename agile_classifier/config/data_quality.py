"""Config of the data's quality: texts that stand more than once, what a split may hold of them, agreement of raters."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from agile_classifier.config.bounds import Share
from agile_classifier.config.section import Section


class DataQualityConfig(Section):
    """What is done with texts that stand more than once, and how far raters must agree.

    Past a limit the run is refused: a measurement on such a split, or by such labels, says nothing.
    """

    duplicates: Literal["keep", "together", "drop", "refuse"] = "keep"
    """`keep` every row, and let the limits judge; `together`: equal texts are one example, and near copies stay in one
    part of the split; `drop` all but the first of equal texts; `refuse` the data if any text stands twice or nearly."""
    similarity: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Jaccard similarity of character shingles from which two texts count as one; 1 is the same text but for case,
    width and space."""
    leaks_limit: Share | None = 0.05
    """Largest share of validation and test texts that another part holds too; null: as many as there are, only
    listed."""
    duplicates_limit: Share | None = 0.3
    """Largest share of train texts that stand in train more than once; with `together`, which leaves near copies in one
    part, they are only listed."""
    conflicts_limit: Share | None = 0.05
    """Largest share of texts whose label the same text contradicts elsewhere; with `together`, nearly the same."""
    min_agreement: Annotated[float, Field(ge=-1, le=1)] | None = None
    """Least agreement of the raters, as Krippendorff's alpha: 1 is always, 0 as by chance, less is contrary; null: it
    is only told."""

    @property
    def limits(self) -> dict[str, float | None]:
        """The largest allowed share of every finding; None where it is only listed."""
        duplicates = None if self.duplicates == "together" else self.duplicates_limit
        return {"duplicates": duplicates, "leaks": self.leaks_limit, "conflicts": self.conflicts_limit}
