"""Kinds and raters: which cells say yes and which say no, by a small vocabulary; what is neither is refused.

A word that a vocabulary does not hold is not taken for a yes: "ok" in a column `insult` would make a harmless text
insulting, without a word.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from agile_classifier.config.data import LabelsConfig
from agile_classifier.data.labels.answers import ABSENT, DENYING, PRESENT, UNCLEAR
from agile_classifier.data.labels.cells import (
    SHOWN_CHARACTERS,
    as_list,
    blank_marks,
    column_name,
    count,
    is_empty,
    map_cells,
    plain_number,
    refuse_objects,
    rows_of,
    shown,
    unwrap,
)
from agile_classifier.data.labels.class_labels import read_codes
from agile_classifier.data.scores import read_score
from agile_classifier.data.text import normalised
from agile_classifier.errors import InputError, one_line

MOST_WORDS = 5
"""Largest number of a column's words that an error lists."""
NEGATIONS = tuple(f"{word}{sign}" for word in sorted(DENYING) for sign in (" ", "-", "_"))
"""Beginnings of words that are no name of a kind either."""


@dataclass(frozen=True)
class Vocabulary:
    """What the words of a column mean."""

    absent: tuple[str, ...] = ()
    """`labels.absent`: further words that say no; where there are any, every other word says yes."""
    field: str = "labels.columns"
    """Field of the config that names the column, for errors."""

    def read(self, column: pd.Series, *, beside: pd.Series | None = None) -> pd.Series:
        """Whether each cell says yes, of shape (n,), float64: 1 or 0.

        Parameters
        ----------
        beside : Series, optional
            All cells that are written in the same words; the column alone without it.

        Raises
        ------
        InputError
            A cell says neither yes nor no: names column, first row, word, count and the field that would help.
        """
        said = self._read_words(column)
        if not self.absent:
            known = said if beside is None else self._read_words(beside)
            self._require_kinds(column, said, is_apart=bool((known == 0).any() and not (known == 1).any()))
        return said.fillna(1.0)

    def _read_words(self, column: pd.Series) -> pd.Series:
        """1 for yes, 0 for no, NaN for another word."""
        no = ABSENT | {normalised(word) for word in self.absent}

        def read(cell: Any) -> float:
            if is_empty(cell) or _word(cell) in no:
                return 0.0
            return 1.0 if _word(cell) in PRESENT else np.nan

        return pd.Series(map_cells(column, read), index=column.index, dtype="float64")

    def _require_kinds(self, column: pd.Series, said: pd.Series, *, is_apart: bool) -> None:
        """Words name kinds only beside cells that say no, and where no cell says yes by another word."""
        own = normalised(column_name(column))
        others = [(row, cell) for row, cell in rows_of(column[said.isna()]) if _word(cell) != own]
        unclear = [(row, cell) for row, cell in others if not (is_apart and _may_name_a_kind(cell))]
        if unclear:
            row, cell = unclear[0]
            alike = sum(_word(other) == _word(cell) for _, other in others)
            raise InputError(
                f"column {column_name(column)} ({self.field}): row {row} holds {shown(cell)}, as {count(alike)}: it is"
                f" neither yes (1, yes, true, x) nor no (empty, 0, no, none); {_way_out(cell, others)}"
            )


def label_any(columns: pd.DataFrame, labels: LabelsConfig) -> pd.Series:
    """Label rows by their kinds: 1 if at least one is present, else 0, as eight unfair kinds fold into fair / unfair.

    Parameters
    ----------
    columns : DataFrame of shape (n, n_kinds)
        0/1, yes/no, lists of kinds, or names of kinds where the cell is empty, or says no, where the kind is absent.

    Raises
    ------
    InputError
        A cell says neither yes nor no, or a row says nothing.
    """
    present = read_kinds(columns, labels)
    silent = present.index[present.isna()]
    if len(silent):
        raise InputError(
            f"columns {', '.join(map(str, columns))}: {count(len(silent))} without an answer (labels.not_rated), first"
            f" row {silent[0] + 1}; labels.unlabelled: leave_out leaves such rows out"
        )
    return present.astype("int64").rename("label")


def read_kinds(columns: pd.DataFrame, labels: LabelsConfig) -> pd.Series:
    """Whether a row has any kind, of shape (n,), float64: 1, 0, or NaN where none is and a cell is not rated.

    Raises
    ------
    InputError
        A cell says neither yes nor no.
    """
    vocabulary = Vocabulary(labels.absent)
    found = {}
    for name in columns:
        refuse_objects(columns[name], field=vocabulary.field)
        column = blank_marks(read_codes(columns[name]), labels.not_rated, by=_NOT_RATED)
        rated = np.array([cell is not _NOT_RATED for cell in column], dtype=bool)
        found[name] = vocabulary.read(_flatten(column[rated], labels.absent)).reindex(column.index)
    present = pd.DataFrame(found, index=columns.index)
    return present.max(axis=1).where((present == 1).any(axis=1) | present.notna().all(axis=1))


_NOT_RATED = object()


def _flatten(column: pd.Series, absent: Sequence[str]) -> pd.Series:
    """Lists of kinds as 1 or 0; of lists of one yes or no each, their elements."""
    lists = map_cells(column, as_list)
    held = [each for each in lists if each is not None]
    if not held:
        return column
    if all(len(each) <= 1 for each in held) and not any(_is_code(each[0]) for each in held if each):
        return _unwrapped(column)
    cells = [cell if each is None else _present_in(each, absent) for each, cell in zip(lists, column, strict=True)]
    return pd.Series(cells, index=column.index, name=column.name, dtype="object")


def _unwrapped(column: pd.Series) -> pd.Series:
    return pd.Series(map_cells(column, unwrap), index=column.index, name=column.name, dtype="object")


def _present_in(held: Sequence[Any], absent: Sequence[str]) -> Any:
    """1 where a list names a kind, else 0; a word that may say no stays.

    Codes do not repeat, so that repeated 0 and 1 are a flag for each kind.
    """
    numbers = [cell for cell in map(plain_number, held) if isinstance(cell, int)]
    if len(numbers) == len(held) and set(numbers) <= {0, 1} and len(set(numbers)) < len(numbers):
        return max(numbers)
    no = ABSENT - {"0"} | {normalised(word) for word in absent}
    kinds = [cell for cell in held if not is_empty(cell) and _word(cell) not in no]
    unclear = [
        cell for cell in kinds if isinstance(cell, str) and not _may_name_a_kind(cell) and _word(cell) not in PRESENT
    ]
    return unclear[0] if kinds and len(unclear) == len(kinds) else int(bool(kinds))


def _is_code(cell: Any) -> bool:
    number = plain_number(cell)
    return isinstance(number, int) and number not in (0, 1)


def _word(cell: Any) -> str:
    return normalised(str(plain_number(unwrap(cell))))


def _may_name_a_kind(cell: Any) -> bool:
    word = _word(cell)
    is_name = isinstance(cell, str) and read_score(word) is None
    return is_name and word not in UNCLEAR and not word.startswith(NEGATIONS)


def _way_out(cell: Any, others: Sequence[tuple[int, Any]]) -> str:
    number = read_score(cell)
    if number is not None and not math.isnan(number):
        shown_number = one_line(plain_number(cell), longest=SHOWN_CHARACTERS)
        return f"a number beside 0 and 1 is a score, or says nothing: labels.not_rated: [{shown_number}]"
    words = list(dict.fromkeys(shown(other) for _, other in others))
    more = f" and {len(words) - MOST_WORDS} more" if len(words) > MOST_WORDS else ""
    return (
        f"labels.absent lists the words that say no, so that every other says yes, and labels.not_rated those that say"
        f" nothing, of {', '.join(words[:MOST_WORDS])}{more}"
    )
