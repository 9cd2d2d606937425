"""Handling of duplicates before a split: equal texts become one example, are dropped, or are refused.

A text that is said ten thousand times teaches as much as one, and measures as much: what is learnt and judged is
different texts, each counting once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from agile_classifier.config.data_quality import DataQualityConfig
from agile_classifier.config.split import SplitConfig
from agile_classifier.data.duplicates.copies import Copies, find_copies, join_groups, number_texts
from agile_classifier.data.raters.answers import RATINGS, join_repeated
from agile_classifier.data.splits import require_groups
from agile_classifier.data.tables import read_kept
from agile_classifier.errors import GateRefused

Ints = NDArray[np.int64]


class DuplicateFacts(BaseModel):
    """What was done with texts that stand more than once."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    handling: Literal["together", "drop", "refuse"]
    """`data_quality.duplicates` of the run."""
    n_rows: int
    """Rows before."""
    n_merged: int = 0
    """Rows that became part of an example of the same text."""
    n_dropped: int = 0
    """Rows that were left out, since the same text stands before them."""
    n_divided: int = 0
    """Examples whose equal texts had several labels."""
    n_tied: int = 0
    """Divided examples whose labels had as many votes each: the one that comes first in the data was taken."""
    n_together: int = 0
    """Examples that were kept in one part with a near copy."""
    n_groups: int = 0
    """Groups that those examples make."""
    largest_group: int = 0
    """Examples in the largest of these groups."""
    n_left_out: int | None = None
    """Examples left out of train or validation, since a part that is held out holds a copy; None where the split keeps
    copies together."""

    @property
    def sentence(self) -> str:
        """One line for a person."""
        return "; ".join(self._clauses())

    def _clauses(self) -> Iterator[str]:
        if self.handling == "refuse":
            yield "no text stands twice or nearly"
        elif self.handling == "drop":
            yield f"{self.n_dropped} of {self.n_rows} rows dropped, as the same text stands before them"
        else:
            divided = f" ({self.n_divided} with several labels, {self.n_tied} of them tied)" if self.n_divided else ""
            yield f"{self.n_merged} of {self.n_rows} rows merged into examples of the same text{divided}"
        if self.n_left_out is not None:
            yield f"{self.n_left_out} copies of texts that are held out left out of train and validation"
        elif self.handling == "together":
            largest = f", the largest of {self.largest_group}" if self.n_groups else ""
            yield f"{self.n_together} examples in {self.n_groups} groups of near copies kept together{largest}"


@dataclass(frozen=True)
class Handled:
    """Examples after duplicates have been handled."""

    examples: pd.DataFrame
    """One row an example."""
    unit: Ints | None = None
    """What each example must stay in one part with, of shape (n_examples,); None where each stands for itself."""
    votes: pd.Series[float] | None = None
    """Share of its equal texts that are of class 1, of shape (n_examples,); None where nothing is divided."""
    facts: DuplicateFacts | None = None
    """None where duplicates are kept."""


def handle_duplicates(
    examples: pd.DataFrame, label: pd.Series[int] | None, split: SplitConfig, quality: DataQualityConfig
) -> Handled:
    """Do with duplicates what `data_quality.duplicates` says.

    Parameters
    ----------
    examples : DataFrame
        With `id` and `text`, perhaps `score`, `group` and the column of the split.
    label : Series of shape (n,), optional
        Classes 0, 1, …; None where scores are cut later: those of equal texts are averaged.

    Raises
    ------
    GateRefused
        `refuse`, and two rows hold equal or nearly equal texts, which are named.
    """
    if quality.duplicates == "keep":
        return Handled(examples)
    texts = list(examples["text"])
    if quality.duplicates == "drop":
        text = number_texts(texts)[0]
        key = _keys(text, examples, split) if split.method == "stable" else text
        first = np.unique(key, return_index=True)[1]
        facts = DuplicateFacts(handling="drop", n_rows=len(texts), n_dropped=len(texts) - len(first))
        unit = text[first] if split.method == "stable" else None  # of equal texts of several groups one may be in test
        return Handled(_at(examples, first), unit, facts=facts)
    copies = find_copies(texts, similarity=quality.similarity)
    if quality.duplicates == "refuse":
        _refuse(examples, copies)
        return Handled(examples, facts=DuplicateFacts(handling="refuse", n_rows=len(texts)))
    return _keep_together(examples, label, split, copies)


def _refuse(examples: pd.DataFrame, copies: Copies) -> None:
    repeated = np.bincount(copies.group)[copies.group] > 1
    if not repeated.any():
        return
    group = copies.group[repeated][0]
    one, other = np.flatnonzero(copies.group == group)[:2]
    if copies.text[one] == copies.text[other]:
        how = "the same text"
    else:
        ends = copies.pairs[np.flatnonzero(copies.pairs[:, 0] == copies.text[one])[0]]
        other = np.flatnonzero(copies.text == ends[1])[0]
        how = "nearly the same text"
    raise GateRefused(
        f"data_quality.duplicates refuse: rows {examples['id'].iloc[one]} and {examples['id'].iloc[other]} hold {how};"
        f" {repeated.sum()} of {len(examples)} rows stand more than once, word for word or nearly; allowed are"
        " together, drop and keep"
    )


def _keep_together(examples: pd.DataFrame, label: pd.Series[int] | None, split: SplitConfig, copies: Copies) -> Handled:
    key = _keys(copies.text, examples, split)
    merged = _merge_scores(examples, key) if label is None else _merge_classes(examples, key, label)
    facts = DuplicateFacts(
        handling="together",
        n_rows=len(examples),
        n_merged=len(examples) - len(merged.rows),
        n_divided=merged.n_divided,
        n_tied=merged.n_tied,
    )
    if split.method != "stable":  # which leaves copies out once it has cut, and keeps none together
        facts = facts.model_copy(update=_count_groups(copies.group[merged.rows]))
    return Handled(merged.examples, _units(examples, split, copies)[merged.rows], merged.votes, facts)


def _count_groups(group: Ints) -> dict[str, int]:
    """What `DuplicateFacts` says of the groups of examples that are kept together."""
    sizes = np.bincount(group)
    n_together, n_groups = int(sizes[sizes > 1].sum()), int((sizes > 1).sum())
    return {"n_together": n_together, "n_groups": n_groups, "largest_group": int(sizes.max())}


def _keys(text: Ints, examples: pd.DataFrame, split: SplitConfig) -> Ints:
    """What rows share that can be one example: their text and, where another column says the part, what that holds."""
    if split.method == "columns":
        column = read_kept(examples, str(split.column))
    elif split.method == "stable" and "group" in examples:
        column = examples["group"]
    else:
        return text
    by_part = examples.groupby([text, column], sort=False, dropna=False)
    return np.asarray(by_part.ngroup(), dtype=np.int64)


def _units(examples: pd.DataFrame, split: SplitConfig, copies: Copies) -> Ints:
    """What each row must stay in one part with: its near copies and, for method `group`, its group."""
    if split.method != "group":
        return copies.group
    require_groups(examples["group"])
    return join_groups(copies.group, pd.factorize(examples["group"].astype(str))[0])


@dataclass(frozen=True)
class _Merged:
    """One example a key."""

    examples: pd.DataFrame
    rows: Ints
    """Position of the row that stands for each example."""
    votes: pd.Series[float] | None = None
    n_divided: int = 0
    n_tied: int = 0


def _merge_scores(examples: pd.DataFrame, key: Ints) -> _Merged:
    """The first row of each key, with the mean of its scores and all answers of their raters."""
    rows = np.sort(np.unique(key, return_index=True)[1])
    merged = {"score": examples["score"].groupby(key).transform("mean")}
    if RATINGS in examples:
        merged[RATINGS] = join_repeated(examples[RATINGS], key)
    return _Merged(_at(examples.assign(**merged), rows), rows)


def _merge_classes(examples: pd.DataFrame, key: Ints, label: pd.Series[int]) -> _Merged:
    """The first row of each key that has the class of most of its rows; of classes with as many, the first."""
    frame = pd.DataFrame({"key": key, "label": label.to_numpy(), "row": np.arange(len(key))})
    counts = frame.groupby(["key", "label"])["row"].agg(n="size", first="min").reset_index()
    counts = counts.sort_values(["key", "n", "first"], ascending=[True, False, True], kind="stable")
    chosen, others = counts.drop_duplicates("key"), counts[counts["key"].duplicated()]
    second = others.drop_duplicates("key").set_index("key")["n"].reindex(chosen["key"])
    share = (frame["label"] == 1).astype("float64").groupby(frame["key"]).mean()
    order = np.argsort(frame.groupby("key")["row"].min().reindex(chosen["key"]).to_numpy())  # as their first rows stand
    rows = chosen["first"].to_numpy()[order]
    is_binary = label.max() <= 1
    return _Merged(
        _at(examples, rows),
        rows,
        votes=share.reindex(chosen["key"]).iloc[order].reset_index(drop=True) if is_binary and len(others) else None,
        n_divided=int(second.notna().sum()),
        n_tied=int((second.to_numpy() == chosen["n"].to_numpy()).sum()),
    )


def _at(examples: pd.DataFrame, rows: Ints) -> pd.DataFrame:
    return examples.iloc[rows].reset_index(drop=True)
