"""Cells of scores: how a column of numbers is read, and which field of the config would help where it cannot be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agile_classifier.data.labels.cells import Mark, count, is_mark, map_cells, refuse_objects, unwrap
from agile_classifier.data.scores import Decimal, is_share, read_score, suggest_readings
from agile_classifier.errors import InputError

Raters = Literal["mean", "share", "dawid_skene", "mace"]
"""`labels.raters`."""
Repeated = Literal["refuse", "last"]
"""`labels.repeated`."""
Scores = TypeVar("Scores", "pd.Series[float]", NDArray[np.float64])


@dataclass(frozen=True)
class ScoreReading:
    """How cells of scores and of raters are read."""

    decimal: Decimal = "."
    """`data.decimal`."""
    not_rated: tuple[Mark, ...] = ()
    """`labels.not_rated`: cells that are no answer."""
    absent: tuple[str, ...] = ()
    """`labels.absent`: words by which a rater says no."""
    reverse_coded: tuple[float, float] | None = None
    """`data.reverse_coded`: ends of the scale that is turned round."""
    raters: Raters = "mean"
    """`labels.raters`: how the answers of several raters become a score."""
    repeated: Repeated = "refuse"
    """`labels.repeated`: what is done where a rater gave one text two answers that differ."""


def read_scores(column: pd.Series[Any], reading: ScoreReading) -> pd.Series[float]:
    """The number of each cell, of shape (n,); NaN where none was given.

    Python's `float` reads to the last digit, on which ties with the label threshold depend.

    Raises
    ------
    InputError
        A cell is no number, or some are shares and others are not: names column, row and the field that would help.
    """
    refuse_objects(column, field="data.columns.score")
    cells = map_cells(column, lambda cell: None if is_mark(cell, reading.not_rated) else unwrap(cell))
    scores = map_cells(cells, lambda cell: read_score(cell, decimal=reading.decimal))
    bad = [row for row, score in enumerate(scores) if score is None]
    if bad:
        raise InputError(
            f"column {column.name!r} (data.columns.score) holds {column.iloc[bad[0]]!r} in row {bad[0] + 1}; needed are"
            f" numbers, and {len(bad)} of {len(scores)} cells are none{_way_out(cells, reading)}"
        )
    _refuse_mixed(column, cells, scores)
    return pd.Series(scores, dtype="float64")


def turned(scores: Scores, reading: ScoreReading) -> Scores:
    """Scores as `data.reverse_coded` reads them: the low end of the scale becomes the high one."""
    return scores if reading.reverse_coded is None else sum(reading.reverse_coded) - scores


def _way_out(cells: Sequence[Any], reading: ScoreReading) -> str:
    """End of the line about cells that are no number: the field that would help, where one would."""
    if ways := suggest_readings(cells, decimal=reading.decimal):
        return f"; {'; or '.join(ways)}"
    words = {cell for cell in cells if isinstance(cell, str) and read_score(cell, decimal=reading.decimal) is None}
    if len(words) == 1:
        return f'; if it stands for no score: labels.not_rated: ["{words.pop()}"]'
    return ""


def _refuse_mixed(column: pd.Series[Any], cells: Sequence[Any], scores: Sequence[float | None]) -> None:
    """`75%` is 0.75, so that 80 beside it would be a hundred times as much."""
    is_part = map_cells(cells, is_share)
    shares = [row for row, found in enumerate(is_part) if found]
    others = [row for row, found in enumerate(is_part) if not found and not math.isnan(scores[row] or math.nan)]
    if shares and others:
        raise InputError(
            f"column {column.name!r} (data.columns.score) holds shares, such as {cells[shares[0]]!r} in row"
            f" {shares[0] + 1}, and {count(len(others))} of plain numbers, such as {cells[others[0]]!r} in row"
            f" {others[0] + 1}: write them all in one way"
        )
