"""Reading answers: a column for each rater, or a row for each answer, as numbers or as words that say yes or no.

What a cell says is decided by all cells together: numbers only where every rater gave numbers. Cells that are empty or
one of `labels.not_rated` are no answer; raters of unequal number are normal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from agile_classifier.config.addresses.columns import Columns
from agile_classifier.data.labels.cells import (
    as_list,
    blank_marks,
    count,
    is_empty,
    map_cells,
    plain_number,
    refuse_objects,
    shown,
    unwrap,
)
from agile_classifier.data.labels.kinds import Vocabulary
from agile_classifier.data.raters.answers import Answers, Floats, Ints, make_answers
from agile_classifier.data.raters.folding import Folded
from agile_classifier.data.score_cells import ScoreReading, turned
from agile_classifier.data.scores import read_score
from agile_classifier.errors import InputError

WIDE, LONG, WHO = "data.columns.raters", "data.columns.score", "data.columns.rater"
"""Fields of the config that errors name."""


def read_answers(table: pd.DataFrame, columns: Columns, reading: ScoreReading, folded: Folded | None) -> Answers:
    """The answers of `data.columns.raters`, or of `data.columns.rater` and its folded rows."""
    if folded is None:
        return read_columns(table[list(columns.raters)], reading)
    return read_rows(
        table[columns.score], table[columns.rater], reading, example=folded.example, n_texts=len(folded.first)
    )


def read_columns(table: pd.DataFrame, reading: ScoreReading) -> Answers:
    """Answers of a table with a column for each rater; a cell that lists several holds answers without a name.

    Parameters
    ----------
    table : DataFrame of shape (n_texts, n_raters)

    Raises
    ------
    InputError
        A column holds no answer, or cells neither numbers nor words that say yes or no.
    """
    cells = {str(name): _list_cells(table[name]) for name in table}
    values = _read_cells(cells, reading, field=WIDE)
    empty = next((name for name, value in values.items() if np.isnan(value).all()), None)
    if empty is not None:
        raise InputError(
            f"column {empty} ({WIDE}) is empty: it holds no answer in {count(len(table))}; take it out of the list, or"
            " raise data.limit where only the first rows are read"
        )
    names = [None if len(cells[name]) > len(table) else name for name, value in values.items() for _ in value]
    text = np.concatenate([held.index.to_numpy(dtype=np.int64) for held in cells.values()])
    value = np.concatenate(list(values.values()))
    given = np.flatnonzero(~np.isnan(value))
    return make_answers(text[given], [names[place] for place in given], value[given], n_texts=len(table))


def read_rows(
    score: pd.Series[Any], rater: pd.Series[Any], reading: ScoreReading, *, example: Ints, n_texts: int
) -> Answers:
    """Answers of a table with a row for each, or with a list of answers and one of their raters in a row.

    Parameters
    ----------
    score, rater : Series of shape (n_rows,)
        What was answered, and who answered.
    example : array of shape (n_rows,)
        Place of the example that each row is about.

    Raises
    ------
    InputError
        An answer has no rater, one rater gave a text two answers that differ, or as `read_columns`.
    """
    cells = _list_cells(score)
    value = _read_cells({str(score.name): cells}, reading, field=LONG)[str(score.name)]
    given = np.flatnonzero(~np.isnan(value))
    row = cells.index.to_numpy(dtype=np.int64)
    names = _read_names(rater, cells, row[given], where=f"column {rater.name} ({WHO})")
    row = row[given]
    said = pd.DataFrame(
        {"text": example[row], "rater": [names[place] for place in given], "value": value[given], "row": row}
    )
    said = _drop_repeated(said, reading, where=f"column {rater.name} ({WHO})")
    return make_answers(said["text"].to_numpy(), list(said["rater"]), said["value"].to_numpy(), n_texts=n_texts)


def _list_cells(column: pd.Series[Any]) -> pd.Series[Any]:
    """The cells with the place of their row as index; a cell that lists several answers as so many cells."""
    refuse_objects(column, field=WIDE)
    lists = map_cells(column, as_list)
    if not any(held is not None and len(held) > 1 for held in lists):
        cells = map_cells(column, unwrap)
        return pd.Series(cells, index=range(len(cells)), name=column.name, dtype="object")
    several = [[cell] if held is None else held for held, cell in zip(lists, column, strict=True)]
    row = np.repeat(np.arange(len(several)), [len(held) for held in several])
    return pd.Series([cell for held in several for cell in held], index=row, name=column.name, dtype="object")


def _read_cells(columns: Mapping[str, pd.Series[Any]], reading: ScoreReading, *, field: str) -> dict[str, Floats]:
    """The answer in each cell of each column, NaN where there is none."""
    said = {name: blank_marks(column, reading.not_rated) for name, column in columns.items()}
    is_given = {name: ~np.array(map_cells(column, is_empty), dtype=bool) for name, column in said.items()}
    everything = pd.concat([column[is_given[name]] for name, column in said.items()])
    numbers = map_cells(everything, lambda cell: read_score(cell, decimal=reading.decimal))
    are_numbers = all(number is not None for number in numbers)
    values = {}
    for name, column in said.items():
        value = np.full(len(column), math.nan)
        given = column[is_given[name]]
        value[is_given[name]] = (
            [read_score(cell, decimal=reading.decimal) for cell in given]
            if are_numbers
            else Vocabulary(reading.absent, field=field).read(given, beside=everything)
        )
        values[name] = turned(_require_finite(value, column, field=field), reading)
    return values


def _require_finite(value: Floats, column: pd.Series[Any], *, field: str) -> Floats:
    infinite = np.flatnonzero(np.isinf(value))
    if len(infinite):
        place = int(infinite[0])
        raise InputError(
            f"column {column.name} ({field}): row {column.index[place] + 1} holds {shown(column.iloc[place])}, as"
            f" {count(len(infinite))}: an answer is a finite number; labels.not_rated lists those that are none"
        )
    return value


def _read_names(rater: pd.Series[Any], cells: pd.Series[Any], needed: Ints, *, where: str) -> list[str]:
    """Name of the rater of each cell.

    Parameters
    ----------
    needed : array of places
        Rows in which somebody answered.
    """
    who = list(rater)
    if len(cells) > len(rater):
        n_answers = np.bincount(cells.index, minlength=len(rater))
        lists = [as_list(cell) or [cell] for cell in who]
        unlike = next((row for row, held in enumerate(lists) if len(held) != n_answers[row]), None)
        if unlike is not None:
            raise InputError(
                f"{where}: row {unlike + 1} lists {count(len(lists[unlike]), 'rater')} and"
                f" {count(int(n_answers[unlike]), 'answer')}: each answer needs one rater"
            )
        who = [cell for held in lists for cell in held]
    nameless = [int(row) for row in np.unique(needed) if is_empty(rater.iloc[row])]
    if nameless and len(nameless) == len(np.unique(needed)):
        raise InputError(f"{where} is empty: it names who gave each answer; or leave it out of data.columns")
    if nameless:
        raise InputError(
            f"{where}: row {nameless[0] + 1} names nobody, as {count(len(nameless))}: fill the name in, or take the row"
            " out"
        )
    return map_cells(who, lambda cell: str(plain_number(unwrap(cell))).strip())


def _drop_repeated(said: pd.DataFrame, reading: ScoreReading, *, where: str) -> pd.DataFrame:
    """One answer of each rater to each text; the same answer given twice counts once."""
    said = said.drop_duplicates(["text", "rater", "value"], keep="last")
    again = said[said.duplicated(["text", "rater"], keep=False)]
    if len(again) and reading.repeated == "refuse":
        first = again.iloc[0]
        same = again[(again["text"] == first["text"]) & (again["rater"] == first["rater"])]
        one, other = same.iloc[0], same.iloc[1]
        raise InputError(
            f"{where}: {one['rater']} answered {one['value']:g} in row {one['row'] + 1} and {other['value']:g} in row"
            f" {other['row'] + 1}, of one text, as {count(again['text'].nunique(), 'text')} with such answers:"
            " labels.repeated: last takes the later answer; data.columns.id keeps texts apart that read the same"
        )
    return said.drop_duplicates(["text", "rater"], keep="last")
