"""Folding: rows of several raters become one example for each text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from agile_classifier.config.addresses.columns import Columns
from agile_classifier.data.labels.cells import count, plain_number, shown
from agile_classifier.data.raters.answers import Ints
from agile_classifier.data.text import is_missing
from agile_classifier.errors import InputError


@dataclass(frozen=True)
class Folded:
    """Examples that rows were folded into."""

    first: Ints
    """Row that each example is first met in, of shape (n_examples,)."""
    example: Ints
    """Place of the example that each row belongs to, of shape (n_rows,)."""


def fold_rows(table: pd.DataFrame, columns: Columns, *, keep: Sequence[str] = ()) -> Folded:
    """The rows of one id, or without an id column of one text, as one example, in the order in which they are met.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
        Its index counts the rows.
    keep : sequence of str
        Columns that say something of a text, beside its group: they must say the same in all rows of an example.

    Raises
    ------
    InputError
        A row has no id, or the rows of one example contradict each other about it.
    """
    example, first = _number(_keys(table, columns))
    told = dict.fromkeys([*([columns.text] if columns.id else []), *([columns.group] if columns.group else []), *keep])
    for name in told:
        _require_equal(table[name], example, first, by=columns.id or columns.text)
    return Folded(first, example)


def _keys(table: pd.DataFrame, columns: Columns) -> list[Any]:
    """What rows of one example share; a row without a text, or with another thing in its place, is one of its own."""
    if columns.id is not None:
        without = [row for row, cell in enumerate(table[columns.id]) if is_missing(cell)]
        if without:
            raise InputError(
                f"column {columns.id} (data.columns.id): row {without[0] + 1} has no id, as {count(len(without))}: it"
                " says which answers (data.columns.rater) are about one text"
            )
        return [str(plain_number(cell)) for cell in table[columns.id]]
    return [cell if isinstance(cell, str) else row for row, cell in enumerate(table[columns.text])]


def _number(keys: Sequence[Any]) -> tuple[Ints, Ints]:
    places: dict[Any, int] = {}
    example = np.array([places.setdefault(key, len(places)) for key in keys], dtype=np.int64)
    return example, np.unique(example, return_index=True)[1].astype(np.int64)


def _require_equal(column: pd.Series[Any], example: Ints, first: Ints, *, by: str) -> None:
    cells = ["" if is_missing(cell) else str(plain_number(cell)) for cell in column]
    of_first = first[example]
    unlike = next((row for row, place in enumerate(of_first) if cells[row] != cells[place]), None)
    if unlike is not None:
        place = int(of_first[unlike])
        raise InputError(
            f"column {column.name} says {shown(column.iloc[place])} in row {place + 1} and"
            f" {shown(column.iloc[unlike])} in row {unlike + 1}, which have one {by} and so are answers"
            " (data.columns.rater) about one text: it must say the same in both, or be left out of the config"
        )
