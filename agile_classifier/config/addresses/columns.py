"""Config of the columns: which of a source's columns holds what."""

from __future__ import annotations

from pydantic import model_validator

from agile_classifier.config import bounds
from agile_classifier.config.section import Section


class Columns(Section):
    """Which columns of the source play which role."""

    text: bounds.Cell = "text"
    """Column that holds the text."""
    score: bounds.Cell | None = None
    """Column that holds the annotators' score (a number), where the label rule needs one."""
    id: bounds.Cell | None = None
    """Column that names an example; without one, its row number, counted from 1."""
    group: bounds.Cell | None = None
    """Column whose values must not stand on both sides of a split (a document, an author)."""
    raters: bounds.Names = ()
    """Columns of what each rater said, in place of a score column: the score is the mean of their numbers, or the share
    of them that say yes. A cell may list several answers, `[1, 0, 1]`, of raters without names. `labels.raters` says
    how answers become a score."""
    rater: bounds.Cell | None = None
    """Column that names who gave the answer in the score column, in a file of a row for each answer: the rows of one
    `id`, or without an id column of one text, become one example."""

    @model_validator(mode="after")
    def _fields_agree(self) -> Columns:
        if self.raters and self.score is not None:
            raise ValueError(f"score and raters exclude each other; found score {self.score}, raters {self.raters}")
        if len(set(self.raters)) < len(self.raters):
            raise ValueError(f"raters must differ, found {list(self.raters)}")
        if self.rater is not None and self.score is None:
            raise ValueError(f"rater names who gave a score, and needs a score column; found rater {self.rater} alone")
        if self.rater is not None and self.rater in (self.text, self.score):
            raise ValueError(f"rater must be a column of its own, found {self.rater}, that of text or score")
        return self

    @property
    def has_score(self) -> bool:
        """Whether the examples have a score: a column of it, or columns of raters."""
        return self.score is not None or bool(self.raters)

    @property
    def has_raters(self) -> bool:
        """Whether the examples have the answers of several raters."""
        return self.rater is not None or bool(self.raters)
