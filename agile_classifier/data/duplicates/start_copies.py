"""Copies of what a start has learnt: left out of validation and test, where they would measure its memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from agile_classifier.data.duplicates.learnt import LearntTexts
from agile_classifier.data.splits import PARTS, Split
from agile_classifier.errors import InputError


class StartCopies(BaseModel):
    """Examples that the classifier which training goes on from had learnt before."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    checked: Literal["nearly", "equal", "nothing"]
    """Copies that could be told: equal and nearly equal texts, equal ones alone, or none, as the start keeps too
    little of its texts."""
    n_train: int
    """Copies in train, which stay there."""
    n_validation: int
    """Copies that were left out of validation."""
    n_test: int
    """Copies that were left out of test."""

    @property
    def sentence(self) -> str:
        """One line for a person."""
        if self.checked == "nothing":
            return "whether it had learnt texts of validation and test cannot be checked: it keeps nothing of its texts"
        how = "word for word or nearly" if self.checked == "nearly" else "word for word"
        unknown = "" if self.checked == "nearly" else "; near copies cannot be checked: it keeps no keys of its texts"
        return (
            f"{self.n_validation} validation and {self.n_test} test texts that it had learnt, {how}, left out;"
            f" {self.n_train} such texts of train stay{unknown}"
        )


def leave_out_learnt(split: Split, texts: pd.Series, learnt: LearntTexts) -> tuple[Split, StartCopies]:
    """The split without the validation and test rows that were learnt before, and how many rows were.

    Parameters
    ----------
    texts : Series of shape (n,)
        Texts of the examples that the split has cut.

    Raises
    ------
    InputError
        No test text is left, or none of validation where there was one.
    """
    is_copy = {part: learnt.find_copies(list(texts.iloc[getattr(split, part)])) for part in PARTS}
    for part in PARTS[1:]:
        if len(is_copy[part]) and is_copy[part].all():
            raise InputError(
                f"model.start_from: it had learnt all {len(is_copy[part])} texts of {part}, word for word or nearly:"
                " nothing is left to measure; take another start, or texts that it has not seen"
            )
    kept = {part: getattr(split, part)[~is_copy[part]] for part in PARTS[1:]}
    counts = {f"n_{part}": int(np.count_nonzero(found)) for part, found in is_copy.items()}
    return replace(split, **kept), StartCopies(checked=learnt.extent, **counts)
