"""Cells of labels: which of them are empty, are no answer, or hold several values, and how one is shown to a person."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from agile_classifier.data.scores import read_score
from agile_classifier.data.text import is_missing, normalised
from agile_classifier.errors import InputError, one_line

Mark = float | str
T = TypeVar("T")

SHOWN_CHARACTERS = 40
"""Characters of a cell that an error shows."""


def unwrap(cell: Any) -> Any:
    """The element of a list of one, also where the list is written as text, as `["toxic"]`; None of an empty list.

    Any other cell is handed on as it is.

    >>> [unwrap(cell) for cell in (["pos"], "['pos']", [], ["pos", "neg"], "pos")]
    ['pos', 'pos', None, ['pos', 'neg'], 'pos']
    """
    held = as_list(cell)
    if held is None:
        return cell
    return unwrap(held[0]) if len(held) == 1 else held or None


def as_list(cell: Any) -> list[Any] | None:
    """The values of a cell that holds a list; None of any other cell."""
    if isinstance(cell, np.ndarray):
        return list(cell.tolist())
    if isinstance(cell, list | tuple | set | frozenset):
        return list(cell)
    if isinstance(cell, str) and cell.strip().startswith("[") and cell.strip().endswith("]"):
        return _written_list(cell.strip())
    return None


def is_empty(cell: Any) -> bool:
    """Whether a cell holds nothing: missing, blank, or an empty list."""
    held = unwrap(cell)
    return is_missing(held) or (isinstance(held, str) and not held.strip())


def is_mark(cell: Any, marks: Collection[Mark]) -> bool:
    """Whether a cell is one of `labels.not_rated`: numbers count by value, words but for case and space.

    >>> [is_mark(cell, (-1.0, "skipped")) for cell in ("-1", -1, "-1.0", "Skipped ", 1)]
    [True, True, True, True, False]
    """
    if not marks or is_empty(cell):
        return False
    held = unwrap(cell)
    numbers = {mark for mark in marks if not isinstance(mark, str)}
    words = {normalised(mark) for mark in marks if isinstance(mark, str)}
    if isinstance(held, str) and normalised(held) in words:
        return True
    return not isinstance(held, bool) and bool(numbers) and read_score(held) in numbers


def blank_marks(column: pd.Series, marks: Collection[Mark], *, by: object = None) -> pd.Series:
    """The column with nothing, or `by`, in place of every cell that is one of `labels.not_rated`."""
    if not marks:
        return column
    cells = map_cells(column, lambda cell: by if is_mark(cell, marks) else cell)
    return pd.Series(cells, index=column.index, name=column.name, dtype="object")


def plain_number(cell: Any) -> Any:
    """A whole number that is stored as another type than int, as an int (1.0 is 1); any other cell as it is."""
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    return cell


def shown(cell: Any) -> str:
    """A cell as an error shows it: `'Yes'`, cut where it is long."""
    is_nested = isinstance(cell, dict | list)
    text = json.dumps(cell, ensure_ascii=False, default=str) if is_nested else repr(cell)
    return one_line(text, longest=SHOWN_CHARACTERS)


def refuse_objects(column: pd.Series, *, field: str) -> None:
    """Refuse a column in which a cell is an object of several fields.

    Raises
    ------
    InputError
        Names column, first row, count, and the dotted paths that would read a field of it.
    """
    held = [(row, cell) for row, cell in rows_of(column) if isinstance(cell, Mapping)]
    if held:
        row, cell = held[0]
        paths = " or ".join(f"{column_name(column)}.{key}" for key in list(cell)[:3])
        raise InputError(
            f"column {column_name(column)}: row {row} holds the object {shown(dict(cell))}, as {count(len(held))}; name"
            f" one field of it by its dotted path in {field}{f': {paths}' if paths else ''}"
        )


def map_cells(column: Iterable[Any], function: Callable[[Any], T]) -> list[T]:
    """What a function makes of each cell; of equal texts it is asked once, since columns of labels repeat few."""
    known = dict[str, T]()
    found = []
    for cell in column:
        if not isinstance(cell, str):
            found.append(function(cell))
            continue
        if cell not in known:
            known[cell] = function(cell)
        found.append(known[cell])
    return found


def rows_of(column: pd.Series) -> Iterable[tuple[int, Any]]:
    """The cells of a column, each with its row in the file, from 1."""
    return zip((int(place) + 1 for place in column.index), column, strict=True)


def column_name(column: pd.Series) -> str:
    """The person's own name of a column, whether or not it is kept under another."""
    return str(column.name)


def count(n: int, what: str = "row") -> str:
    """A number of things in words.

    >>> count(1), count(2), count(2, "class")
    ('1 row', '2 rows', '2 classes')
    """
    plural = f"{what}es" if what.endswith("s") else f"{what}s"
    return f"{n} {what if n == 1 else plural}"


def _written_list(text: str) -> list[Any] | None:
    """A list that a table's writer turned into text, with JSON's quotes or Python's."""
    for quoted in (text, text.replace("'", '"')):
        try:
            held = json.loads(quoted)
        except ValueError:
            continue
        return list(held)
    return None
