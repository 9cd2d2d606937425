"""Several labels: how the columns of labels, or one column of lists, become sets of labels.

A label that a text lacks is said, not guessed from silence: where a column holds a no (0, no, false), an empty cell is
no answer, and its row has no label; where it only marks what is present, an empty cell says that the label is absent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from agile_classifier.config.data import LabelsConfig
from agile_classifier.data.labels.answers import ABSENT, PRESENT
from agile_classifier.data.labels.cells import (
    as_list,
    blank_marks,
    column_name,
    count,
    is_empty,
    is_mark,
    map_cells,
    plain_number,
    refuse_objects,
    rows_of,
    shown,
    unwrap,
)
from agile_classifier.data.labels.class_labels import class_names_of, read_codes
from agile_classifier.data.labels.classes import class_name, natural_order
from agile_classifier.data.labels.kinds import Vocabulary
from agile_classifier.data.scores import read_score
from agile_classifier.data.text import normalised
from agile_classifier.errors import InputError
from agile_classifier.label_sets import MOST_LABELS, join_labels

Names = tuple[str, ...]
JOINTS = ("|", ";", ",")
"""Signs that may part labels in one cell."""


def label_many(columns: pd.DataFrame, labels: LabelsConfig) -> tuple[pd.Series, Names]:
    """Label rows by the set of their labels (`agile_classifier.label_sets`), and name the labels.

    Parameters
    ----------
    columns : DataFrame of shape (n, n_columns)
        The columns of `labels.columns` in their order.

    Raises
    ------
    InputError
        As `read_many`; or a row lacks an answer for a label.
    """
    present, names = read_many(columns, labels)
    silent = present.isna()
    if silent.to_numpy().any():
        row = int(np.flatnonzero(silent.any(axis=1))[0])
        label = names[int(np.flatnonzero(silent.iloc[row])[0])]
        raise InputError(
            f"columns {', '.join(map(str, columns))}: {count(int(silent.any(axis=1).sum()))} without an answer for"
            f" every label, first row {present.index[row] + 1}, label {label}; labels.unlabelled: leave_out leaves such"
            " rows out"
        )
    return pd.Series(join_labels(present), index=columns.index, name="label", dtype="int64"), names


def read_many(columns: pd.DataFrame, labels: LabelsConfig) -> tuple[pd.DataFrame, Names]:
    """Whether each row has each label, of shape (n, n_labels), float64: 1, 0, or NaN without an answer; and the names.

    Raises
    ------
    InputError
        A cell says neither yes nor no, is no score where scores are cut, or names no label of `labels.names`.
    """
    if columns.shape[1] == 1:
        return _read_lists(columns.iloc[:, 0], labels)
    names = labels.class_names or tuple(map(str, columns))
    read = [_read_column(columns[name], labels) for name in columns]
    return pd.concat(read, axis=1, keys=range(len(names))), names


def list_values(cell: Any, joined_by: str | None) -> list[str]:
    """Names of labels in a cell of lists, as they are written.

    >>> list_values("race|gender", "|"), list_values('["race"]', None), list_values("race", None)
    (['race', 'gender'], ['race'], ['race'])
    """
    held = as_list(cell)
    if held is None and isinstance(cell, str) and joined_by:
        held = cell.split(joined_by)
    values = [class_name(each) for each in ([cell] if held is None else held)]
    return [value for value in values if value]


def _read_column(column: pd.Series, labels: LabelsConfig) -> pd.Series:
    refuse_objects(column, field="labels.columns")
    cut = labels.label_thresholds.get(column_name(column), labels.value)
    plain = read_codes(column)
    marked = pd.Series(map_cells(plain, lambda cell: is_mark(cell, labels.not_rated)), index=column.index)
    said = blank_marks(plain, labels.not_rated)
    read = Vocabulary(labels.absent).read(said) if cut is None else _cut_scores(said, labels, cut)
    empty = pd.Series(map_cells(said, is_empty), index=column.index)
    has_no = bool((read[~empty] == 0).any())
    return read.mask(marked | (empty & (has_no or cut is not None)))


def _cut_scores(column: pd.Series, labels: LabelsConfig, cut: float) -> pd.Series:
    """1 where a score is at or above the label threshold, else 0; words that say yes or no count as 1 or 0."""
    no = ABSENT | {normalised(word) for word in labels.absent}

    def read(cell: Any) -> float | None:
        held = unwrap(cell)
        if is_empty(held):
            return 0.0
        number = read_score(held)
        if number is not None and not math.isnan(number):
            return float(number >= cut)
        word = normalised(str(plain_number(held)))
        return 1.0 if word in PRESENT else 0.0 if word in no else None

    read_cells = map_cells(column, read)
    bad = [(row, cell) for (row, cell), value in zip(rows_of(column), read_cells, strict=True) if value is None]
    if bad:
        row, cell = bad[0]
        raise InputError(
            f"column {column_name(column)} (labels.columns): row {row} holds {shown(cell)}, which is no score, as"
            f" {count(len(bad))}; labels.value {cut:g} cuts scores: allowed are numbers, yes and no, and what"
            " labels.not_rated lists"
        )
    return pd.Series(read_cells, index=column.index, dtype="float64")


def _read_lists(column: pd.Series, labels: LabelsConfig) -> tuple[pd.DataFrame, Names]:
    """A column whose cells list the labels of a text."""
    refuse_objects(column, field="labels.columns")
    hub_names = class_names_of(column)
    marked = np.asarray(map_cells(column, lambda cell: is_mark(cell, labels.not_rated)), dtype=bool)
    said = blank_marks(column.astype("object"), labels.not_rated)
    no = {"none", "null"} | {normalised(word) for word in labels.absent}
    cells = map_cells(said, lambda cell: list_values(cell, labels.joined_by))
    kept = [[value for value in cell if normalised(value) not in no] for cell in cells]
    names = (
        labels.class_names or hub_names or natural_order(list(dict.fromkeys(each for cell in kept for each in cell)))
    )
    _require_names(column, names)
    if labels.joined_by is None:
        _refuse_joined(column, names)
    number = _numbers(labels, names)
    _refuse_unknown(column, kept, number)
    present = np.zeros((len(kept), len(names)))
    for row, cell in enumerate(kept):
        present[row, [number[value] for value in cell]] = 1
    says_none = np.asarray([_says_none(*each) for each in zip(said, cells, kept, strict=True)])
    empty = np.asarray([not cell for cell in kept], dtype=bool) & ~says_none
    present[marked | (empty & bool(says_none.any()))] = np.nan
    return pd.DataFrame(present, index=column.index), tuple(names)


def _says_none(cell: Any, values: Sequence[str], kept: Sequence[str]) -> bool:
    """Whether a cell says that a text has no label: an empty list, or a word for none."""
    return as_list(cell) == [] or bool(values and not kept)


def _numbers(labels: LabelsConfig, names: Sequence[str]) -> dict[str, int]:
    """Word of a cell → number of the label."""
    of_name = {name: place for place, name in enumerate(names)}
    return of_name if labels.codes is None else dict(zip(labels.codes, range(len(names)), strict=True)) | of_name


def _require_names(column: pd.Series, names: Sequence[str]) -> None:
    if not 2 <= len(names) <= MOST_LABELS:
        raise InputError(
            f"column {column_name(column)} (labels.columns): found {count(len(names), 'label')},"
            f" {', '.join(names[:5])}; labels.rule many takes 2 to {MOST_LABELS}: is it one column of lists?"
            " labels.joined_by parts a cell such as race|gender; labels.names lists the labels"
        )


def _refuse_joined(column: pd.Series, names: Sequence[str]) -> None:
    """Refuse a name that is several others, joined by a sign that nothing was said of."""
    for name in names:
        for sign in JOINTS:
            parts = [part.strip() for part in name.split(sign)]
            if len(parts) > 1 and any(part in names for part in parts):
                raise InputError(
                    f"column {column_name(column)} (labels.columns): {name!r} seems to be several labels, of which"
                    f" others stand alone; labels.joined_by: {sign!r} parts them"
                )


def _refuse_unknown(column: pd.Series, cells: Sequence[Sequence[str]], number: Mapping[str, int]) -> None:
    unknown = [
        (row, value)
        for (row, _), cell in zip(rows_of(column), cells, strict=True)
        for value in cell
        if value not in number
    ]
    if unknown:
        row, value = unknown[0]
        raise InputError(
            f"column {column_name(column)}: found label {value!r} in row {row}, as {count(len(unknown))}; labels.names"
            f" allows {list(number)[:MOST_LABELS]}; labels.absent lists words that say that there is none"
        )
