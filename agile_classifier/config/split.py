"""Config of the split: which examples train, validate and test."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from agile_classifier.config import bounds
from agile_classifier.config.section import Section


class SplitConfig(Section):
    """Which examples train, validate and test. Sizes are rows (groups for method `group`); below 1 they are shares."""

    method: Literal["stratified", "shuffle", "group", "columns", "stable"] = "stratified"
    """`stratified` by score quantile or class, `shuffle` as pandas' sample, `group` keeps groups whole, `columns`
    reads the part from a column; `stable` by a hash of each text, or of its group where `data.columns.group` names
    one, so that rows that come, go or are relabelled later move no other row into another part."""
    train: Annotated[float, Field(gt=0, le=bounds.MOST_ROWS)] | None = None
    """Size of train: the first rows in the shuffled order; without it, what the other parts leave."""
    validation: Annotated[float, Field(ge=0, le=bounds.MOST_ROWS)] = 0.1
    """Size of validation; 0 for a protocol without one."""
    test: Annotated[float, Field(gt=0, le=bounds.MOST_ROWS)] | None = 0.2
    """Size of test: the last rows in the shuffled order; null: all that train and validation leave."""
    validation_share: bounds.Share | None = None
    """Share of train moved to validation, where the protocol leaves no validation rows."""
    seed: bounds.Seed = 0
    """Seed of the shuffle."""
    column: bounds.Cell | None = None
    """Source column that holds `train`, `validation` (or `valid`, `val`, `dev`) or `test`, for method `columns`."""

    @property
    def has_validation(self) -> bool:
        """Whether there are validation rows, as far as a config can tell."""
        return bool(self.validation or self.validation_share) or self.method == "columns"

    @property
    def keeps_groups(self) -> bool:
        """Whether rows of one group, where a column names groups, are in one part."""
        return self.method in ("group", "stable")

    @model_validator(mode="after")
    def _fields_agree(self) -> SplitConfig:
        if (self.method == "columns") != (self.column is not None):
            raise ValueError(
                f"split.column belongs to split.method columns; found method {self.method}, column {self.column}"
            )
        if self.validation_share is not None and self.validation:
            raise ValueError(
                f"split.validation_share takes rows from train where split.validation is 0; found {self.validation}"
            )
        for part, size in {"train": self.train, "validation": self.validation, "test": self.test}.items():
            if size is not None and size >= 1 and not size.is_integer():
                raise ValueError(f"split.{part} is a share below 1 or a whole number, found {size}")
        if self.train is None and self.test is None:
            raise ValueError("split.train and split.test cannot both be null: one of them takes what is left")
        if self.method == "stable":
            self._require_shares()
        return self

    def _require_shares(self) -> None:
        """Refuse what depends on the number of rows, where a row's part may not."""
        sizes = {"train": self.train, "validation": self.validation, "test": self.test}
        for part, size in sizes.items():
            if size is not None and size >= 1:
                raise ValueError(
                    f"split.{part} {size:g}: split.method stable takes shares below 1, not numbers of rows"
                )
        if self.validation_share is not None:
            raise ValueError("split.validation_share: split.method stable takes split.validation in its place")
        total = sum(size for size in sizes.values() if size is not None)
        if total > 1 or (total == 1 and None in sizes.values()):
            raise ValueError(f"split: the shares of train, validation and test come to {total:g}; at most 1 is allowed")
