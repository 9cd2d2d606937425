"""Tables: a file of rows, read whole, and the canonical columns of the examples in it.

What cannot be read is refused with its line, never skipped or guessed. Whether the values make sense is for validation
to judge.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agile_classifier.config.data import Columns, Dialect
from agile_classifier.data.formats.row import Row
from agile_classifier.data.rows import open_rows, require_rows
from agile_classifier.data.text import REPAIRS, is_missing
from agile_classifier.errors import InputError, did_you_mean

ROLES = ("id", "text", "score", "group")
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})
"""Lower-cased cells that mean that no number was given, in a column of numbers."""


def read_table(path: Path, dialect: Dialect = Dialect(), *, limit: int | None = None) -> pd.DataFrame:
    """Read a file of rows whole.

    Parameters
    ----------
    path, dialect : Path, Dialect
        As `agile_classifier.data.rows.open_rows`; a `DataConfig` is a dialect too.
    limit : int or None
        Rows read, from the top.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns)
        Delimited files give `str` columns with every cell as written; JSON lines and parquet give the types they hold.

    Raises
    ------
    InputError
        As `open_rows`; the file has no rows, or one that cannot be read, which is named.
    """
    return to_table(islice(require_rows(open_rows(path, dialect)), limit))


def to_table(rows: Iterable[Row]) -> pd.DataFrame:
    """The cells of rows as a table, whose columns stand in the order in which they are first met."""
    columns = dict[str, list[Any]]()
    for n_before, row in enumerate(rows):
        for name, cell in row.cells.items():
            if name not in columns:
                columns[name] = [None] * n_before
            columns[name].append(cell)
        if len(row.cells) < len(columns):
            for name in columns.keys() - row.cells.keys():
                columns[name].append(None)
    return pd.DataFrame({name: _typed(cells) for name, cells in columns.items()})


def to_examples(
    frame: pd.DataFrame,
    columns: Columns = Columns(),
    *,
    path_name: str,
    keep: tuple[str, ...] = (),
    repair: tuple[str, ...] = (),
) -> pd.DataFrame:
    """Map a source's columns to the canonical ones.

    Parameters
    ----------
    frame, path_name : DataFrame of shape (n, n_columns), str
        As `read_table` gives it, and where it came from, for errors.
    columns : Columns
        Source columns of the four roles; one column may have several roles.
    keep : tuple of str
        Further source columns to keep, under their own names.
    repair : tuple of str
        Keys of `agile_classifier.data.text.REPAIRS`, in the order of use.

    Returns
    -------
    DataFrame of shape (n, 2 or more)
        `id` (str; without a column, the row number from 1), `text` (str), `score` (float64) and `group` (str) where
        mapped, then the kept columns. Missing cells are missing; infinite scores are kept, for validation to judge.

    Raises
    ------
    InputError
        A column that is not there, a text that is none, a score that is no number.
    """
    roles = {role: name for role in ROLES if (name := getattr(columns, role))}
    _require_columns(frame, path_name, {f"data.columns.{role}": name for role, name in roles.items()})
    _require_columns(frame, path_name, {f"kept column {name}": name for name in keep})
    found: dict[str, pd.Series[Any]] = {"id": _names(frame[columns.id]) if columns.id else _row_numbers(len(frame))}
    found["text"] = _texts(frame[columns.text], path_name, repairs=_repairs(repair))
    if columns.score:
        found["score"] = _scores(frame[columns.score], path_name)
    if columns.group:
        found["group"] = _names(frame[columns.group])
    for name in dict.fromkeys(keep):
        if name in (*found, *ROLES) and roles.get(name) != name:
            raise InputError(f"{path_name}: column {name!r} is to be kept, but that is the name of a role: rename it")
        found.setdefault(name, frame[name].reset_index(drop=True))
    return pd.DataFrame(found)


def examples_digest(frame: pd.DataFrame) -> str:
    """SHA-256 of what the examples say, 64 hex digits: the same whatever index, column order, dtypes or file format.

    Numbers count by value (1, 1.0 and "1" are one), empty cells as missing except in `text`, where "" is a text.
    """
    digest = hashlib.sha256()
    for name in sorted(frame.columns):
        digest.update(_canonical(f"column {name}", keep_empty=True))
        for cell in frame[name]:
            digest.update(_canonical(cell, keep_empty=name == "text"))
    return digest.hexdigest()


def _typed(cells: list[Any]) -> pd.Series[Any]:
    """Unlike pandas' inference, whole numbers stay whole where some cells are missing."""
    kinds = {type(cell) for cell in cells}
    if kinds == {int} or kinds == {bool}:
        return pd.Series(cells)
    dtypes = ((str, "str"), (float, "float64"))
    return pd.Series(cells, dtype=next((dtype for kind, dtype in dtypes if kinds <= {kind, type(None)}), "object"))


def _require_columns(frame: pd.DataFrame, path_name: str, wanted: Mapping[str, str]) -> None:
    for field, name in wanted.items():
        if name not in frame.columns:
            there = ", ".join(map(repr, frame.columns))
            hint = did_you_mean(name, map(str, frame.columns))
            raise InputError(f"{path_name}: no column {name!r} ({field}); there are {there}{hint}")


def _repairs(names: tuple[str, ...]) -> list[Callable[[str], str]]:
    for name in names:
        if name not in REPAIRS:
            raise InputError(f"data.repair: found {name!r}; allowed are {', '.join(REPAIRS)}")
    return [REPAIRS[name] for name in names]


def _row_numbers(n_rows: int) -> pd.Series[str]:
    return pd.Series([str(number) for number in range(1, n_rows + 1)], dtype="str")


def _names(column: pd.Series[Any]) -> pd.Series[str]:
    """Ids and groups are names, though a source may hold numbers: 7 and 7.0 are `7`."""
    return pd.Series([None if is_missing(cell) else _plain(cell) for cell in column], dtype="str")


def _texts(column: pd.Series[Any], path_name: str, *, repairs: list[Callable[[str], str]]) -> pd.Series[str]:
    texts: list[str | None] = []
    for row, cell in enumerate(column, start=1):
        if not (is_missing(cell) or isinstance(cell, str)):
            raise InputError(
                f"{path_name}: column {column.name!r} (data.columns.text) holds {cell!r} in row {row}, "
                f"a {type(cell).__name__}; needed is text"
            )
        texts.append(None if is_missing(cell) else reduce(lambda text, repair: repair(text), repairs, cell))
    return pd.Series(texts, dtype="str")


def _scores(column: pd.Series[Any], path_name: str) -> pd.Series[float]:
    """Python's `float` reads to the last digit, on which ties with the label threshold depend."""
    scores = [_number(cell) for cell in column]
    bad = [row for row, score in enumerate(scores) if score is None]
    if bad:
        raise InputError(
            f"{path_name}: column {column.name!r} (data.columns.score) holds {column.iloc[bad[0]]!r} in "
            f"row {bad[0] + 1}; needed are numbers, and {len(bad)} of {len(scores)} cells are none"
        )
    return pd.Series(scores, dtype="float64")


def _number(cell: Any) -> float | None:
    """NaN where the cell is missing, None where it is no number."""
    if is_missing(cell) or (isinstance(cell, str) and cell.strip().lower() in MISSING):
        return math.nan
    try:
        return None if "_" in str(cell) else float(cell)
    except (TypeError, ValueError, OverflowError):
        return None


def _plain(cell: Any) -> str:
    if isinstance(cell, np.ndarray | list | dict):
        return json.dumps(cell, default=_jsonable, sort_keys=True)
    return str(int(cell)) if isinstance(cell, bool | float) and float(cell).is_integer() else str(cell)


def _jsonable(cell: Any) -> Any:
    return cell.tolist() if hasattr(cell, "tolist") else str(cell)


def _canonical(cell: Any, *, keep_empty: bool) -> bytes:
    missing = is_missing(cell) or (cell == "" and not keep_empty)
    value = b"-" if missing else b"=" + _plain(cell).encode("utf-8", "surrogatepass")
    return len(value).to_bytes(8, "big") + value
