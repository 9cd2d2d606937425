"""Relabels: of an example that stands more than once, which label counts; the others stay in the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from agile_classifier.data.snapshots.identity import KnownBy, source_names
from agile_classifier.errors import InputError

Relabelling = Literal["latest", "mean", "error"]


@dataclass(frozen=True)
class Settled:
    """Examples of which each stands once."""

    examples: pd.DataFrame
    """Each where it was first met."""
    earlier: pd.DataFrame
    """The rows that count no more, in their order."""


def settle(
    examples: pd.DataFrame, how: Relabelling | None, *, ways: Mapping[str, KnownBy], labels: Sequence[str]
) -> Settled:
    """Let one row stand for each example.

    A row without a label replaces none that has one.

    Parameters
    ----------
    how : str or None
        `data.relabel`: the `latest` label counts; the `mean` of its scores, beside all else of the latest; or two
        different labels are an `error`. None: every row is an example.
    ways : mapping
        Source → by what its examples are known (`agile_classifier.data.snapshots.identity.known_by`).
    labels : sequence of str
        Columns of the examples that hold the labels: `score`, or kept columns.

    Raises
    ------
    InputError
        For `error`: names an example of two labels, and both rows.
    """
    if how is None:
        return Settled(examples, examples.iloc[:0])
    known = _number(examples, ways)
    if len(known) == known.max(initial=-1) + 1:
        return Settled(examples, examples.iloc[:0])
    if how == "error":
        _refuse_two_labels(examples, known, labels)
    first, last = _first_and_last(known, _has_label(examples, labels))
    settled = examples.iloc[last[np.argsort(first, kind="stable")]].reset_index(drop=True)
    if how == "mean":
        means = examples["score"].groupby(known).mean().to_numpy()
        settled["score"] = means[np.argsort(first, kind="stable")]
    replaced = np.ones(len(examples), dtype=bool)
    replaced[last] = False
    return Settled(settled, examples[replaced].reset_index(drop=True))


def _number(examples: pd.DataFrame, ways: Mapping[str, KnownBy]) -> np.ndarray:
    """The number of the example that each row is of, by first appearance, of shape (n,).

    A row without what it would be known by is an example of its own, for validation to refuse.
    """
    by_text = (source_names(examples).map(ways) == "text").to_numpy()
    name = examples["id"].astype(object).where(~by_text, examples["text"].astype(object))
    code = pd.factorize(name)[0]
    own = code < 0
    code[own] = code.max(initial=-1) + 1 + np.arange(own.sum())
    return pd.factorize(2 * code + by_text)[0]


def _has_label(examples: pd.DataFrame, labels: Sequence[str]) -> np.ndarray:
    there = [name for name in labels if name in examples]
    return examples[there].notna().any(axis=1).to_numpy() if there else np.ones(len(examples), dtype=bool)


def _first_and_last(known: np.ndarray, has_label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row where each example is first met, and row of its last label; the last row of one without labels."""
    n, rows = known.max(initial=-1) + 1, np.arange(len(known))
    first, last = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    first[known[::-1]] = rows[::-1]
    last[known] = rows
    last[known[has_label]] = rows[has_label]
    return first, last


def _refuse_two_labels(examples: pd.DataFrame, known: np.ndarray, labels: Sequence[str]) -> None:
    for name in (name for name in labels if name in examples):
        there = examples[name].notna().to_numpy()
        says = pd.Series(examples[name].astype(str).to_numpy()[there])
        n_labels = says.groupby(known[there]).nunique()
        if (n_labels > 1).any():
            number = n_labels.index[n_labels > 1][0]
            raise InputError(_two_labels(examples, np.flatnonzero((known == number) & there), name))


def _two_labels(examples: pd.DataFrame, rows: np.ndarray, name: str) -> str:
    first = rows[0]
    other = next(row for row in rows if str(examples[name].iloc[row]) != str(examples[name].iloc[first]))
    cells, ids = (examples[column].iloc[[first, other]].tolist() for column in (name, "id"))
    whose = f"id {ids[0]}" if ids[0] == ids[1] else f"ids {ids[0]} and {ids[1]}, of one text"
    return (
        f"data.relabel error: {whose}: has the labels {cells[0]!r} and {cells[1]!r} (rows {first + 1} and {other + 1});"
        " correct one, or let data.relabel say which counts: latest, or mean of the scores"
    )
