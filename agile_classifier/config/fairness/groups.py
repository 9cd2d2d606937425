"""Config of the groups: which texts name which group of people, so that the report can say who is hurt."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from agile_classifier.config.bounds import Address, Cell, Names
from agile_classifier.config.section import Section
from agile_classifier.errors import did_you_mean


class GroupsConfig(Section):
    """Which test texts name which group of people: by identity columns, by a list of terms, or both."""

    columns: Names = ()
    """Source columns that say whether a text names a group: each 0/1, yes/no or a share of annotators (the group is
    called as the column), or a word (each is a group). A text without an entry counts neither way."""
    categories: Names = ()
    """Source columns each value of which is a group, whatever it holds, such as the codes 1 and 2 of a form."""
    cut: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of annotators in `columns` from which a text counts as naming the group."""
    terms: Address | None = None
    """Words by which texts name groups: `english`, a list that comes with the package, or a YAML file of your own,
    relative to the configs folder."""
    positive: Cell | None = None
    """Class that a text suffers from being given: wrongly it is a false positive, and every other class is negative. By
    default class 1 of two; of more it must be named."""

    @property
    def is_asked(self) -> bool:
        """Whether any group is named."""
        return bool(self.columns or self.categories or self.terms)

    @model_validator(mode="after")
    def _columns_differ(self) -> GroupsConfig:
        named = (*self.columns, *self.categories)
        twice = next((name for name in named if named.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"column {twice!r} stands twice in columns and categories; allowed is once")
        if self.positive is not None and not self.is_asked:
            raise ValueError("positive belongs to groups: name columns, categories or terms")
        return self

    def positive_refusal(self, class_names: tuple[str, ...]) -> str | None:
        """Why these classes do not hold the positive one; None where they do, or no group is named."""
        if not self.is_asked or self.positive in class_names or (self.positive is None and len(class_names) == 2):
            return None
        allowed = ", ".join(class_names)
        if self.positive is None:
            return (
                f"evaluation.groups.positive: {len(class_names)} classes have no positive one; name the class that a"
                f" text suffers from being given, one of: {allowed}"
            )
        hint = did_you_mean(self.positive, class_names)
        return f"evaluation.groups.positive: found {self.positive!r}, which is no class; allowed are {allowed}{hint}"
