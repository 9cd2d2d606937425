"""Tables: a file of rows, read whole, and the canonical columns of the examples in it.

What cannot be read is refused with its line, never skipped or guessed. Whether the values make sense is for validation
to judge.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from agile_classifier.config.data import Columns, Dialect
from agile_classifier.data.formats.row import Row
from agile_classifier.data.labels.cells import Mark, count, is_mark, map_cells, refuse_objects, shown, unwrap
from agile_classifier.data.labels.class_labels import name_codes
from agile_classifier.data.labels.kinds import score_raters
from agile_classifier.data.rows import open_rows, require_rows
from agile_classifier.data.scores import Decimal, is_share, read_score, suggest_readings
from agile_classifier.data.text import REPAIRS, Null, is_missing
from agile_classifier.errors import InputError, did_you_mean

ROLES = ("id", "text", "score", "group")
KEPT = "source column "
"""How the name of a kept source column begins; no column of the project's own does."""


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


def read_table(path: Path | Sequence[Path], dialect: Dialect = Dialect(), *, limit: int | None = None) -> pd.DataFrame:
    """Read a file of rows whole, or several as one table.

    Parameters
    ----------
    path, dialect : Path or sequence of Path, Dialect
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
            columns[name].append(None if isinstance(cell, Null) else cell)
        if len(row.cells) < len(columns):
            for name in columns.keys() - row.cells.keys():
                columns[name].append(None)
    return pd.DataFrame({name: _typed(cells) for name, cells in columns.items()})


def kept_column(name: str) -> str:
    """Name under which the examples hold a source column, apart from the project's own: a file may call one `label`.

    >>> kept_column("target")
    'source column target'
    """
    return f"{KEPT}{name}"


def source_name(column: str) -> str:
    """The person's own name of a kept column; any other name as it is.

    >>> source_name(kept_column("target")), source_name("text")
    ('target', 'text')
    """
    return column.removeprefix(KEPT)


def read_kept(examples: pd.DataFrame, name: str) -> pd.Series[Any]:
    """A kept source column of the examples, under the person's own name."""
    return examples[kept_column(name)].rename(name)


def to_examples(
    frame: pd.DataFrame,
    columns: Columns = Columns(),
    *,
    path_name: str,
    keep: tuple[str, ...] = (),
    repair: tuple[str, ...] = (),
    reading: ScoreReading = ScoreReading(),
    class_names: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> pd.DataFrame:
    """Map a source's columns to the canonical ones.

    Parameters
    ----------
    frame, path_name : DataFrame of shape (n, n_columns), str
        As `read_table` gives it, and where it came from, for errors.
    columns : Columns
        Source columns of the roles; one column may have several roles.
    keep : tuple of str
        Source columns to keep beside, whatever they are called: `read_kept` reads one.
    repair : tuple of str
        Keys of `agile_classifier.data.text.REPAIRS`, in the order of use.
    reading : ScoreReading
        How scores and raters' cells are read.
    class_names : mapping of str to tuple of str
        Source column → names of its codes 0, 1, …, as hub data sets have them: where it is kept, they take the place of
        the codes.

    Returns
    -------
    DataFrame of shape (n, 2 or more)
        `id` (str; without a column, the row number from 1), `text` (str), `score` (float64) and `group` (str) where
        mapped, then the kept columns under `kept_column`. Missing cells are missing; infinite scores are kept, for
        validation to judge.

    Raises
    ------
    InputError
        A column that is not there, a text that is none, a score that is no number.
    """
    roles = {role: name for role in ROLES if (name := getattr(columns, role))}
    fields = [(f"data.columns.{role}", name) for role, name in roles.items()]
    fields += [("data.columns.raters", name) for name in columns.raters]
    _require_columns(frame, path_name, [*fields, *((f"kept column {name}", name) for name in keep)])
    found: dict[str, pd.Series[Any]] = {"id": _names(frame[columns.id]) if columns.id else _row_numbers(len(frame))}
    found["text"] = _texts(frame[columns.text], path_name, repairs=_repairs(repair))
    if columns.has_score:
        found["score"] = _turned(_scores(frame, columns, path_name, reading), reading)
    if columns.group:
        found["group"] = _names(frame[columns.group])
    kept = {kept_column(name): _kept(frame[name].reset_index(drop=True), class_names.get(name)) for name in keep}
    return pd.DataFrame({**found, **kept})


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


def _require_columns(frame: pd.DataFrame, path_name: str, wanted: Sequence[tuple[str, str]]) -> None:
    for field, name in wanted:
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
    return pd.Series([None if is_missing(cell) else as_name(cell) for cell in column], dtype="str")


def _texts(column: pd.Series[Any], path_name: str, *, repairs: list[Callable[[str], str]]) -> pd.Series[str]:
    texts: list[str | None] = []
    for row, cell in enumerate(column, start=1):
        if not (is_missing(cell) or isinstance(cell, str)):
            raise InputError(
                f"{path_name}: column {column.name!r} (data.columns.text) holds {shown(cell)} in row {row}, "
                f"a {type(cell).__name__}; needed is text{_dotted_path(column, cell)}"
            )
        texts.append(None if is_missing(cell) else reduce(lambda text, repair: repair(text), repairs, cell))
    return pd.Series(texts, dtype="str")


def _dotted_path(column: pd.Series[Any], cell: Any) -> str:
    """End of the line about an object: how one of its fields is named."""
    return f", such as its field {column.name}.{next(iter(cell))}" if isinstance(cell, Mapping) and cell else ""


def _kept(column: pd.Series[Any], names: tuple[str, ...] | None) -> pd.Series[Any]:
    return column if names is None else name_codes(column, names)


def _scores(frame: pd.DataFrame, columns: Columns, path_name: str, reading: ScoreReading) -> pd.Series[float]:
    table = frame.reset_index(drop=True)
    try:
        if columns.score is not None:
            return _read_scores(table[columns.score], reading)
        return score_raters(
            table[list(columns.raters)], absent=reading.absent, not_rated=reading.not_rated, decimal=reading.decimal
        )
    except InputError as error:
        raise InputError(f"{path_name}: {error}") from None


def _turned(scores: pd.Series[float], reading: ScoreReading) -> pd.Series[float]:
    return scores if reading.reverse_coded is None else sum(reading.reverse_coded) - scores


def _read_scores(column: pd.Series[Any], reading: ScoreReading) -> pd.Series[float]:
    """Python's `float` reads to the last digit, on which ties with the label threshold depend."""
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


def as_name(cell: Any) -> str:
    """A cell as text: 7 and 7.0 are `7`, a list or an object is JSON."""
    if isinstance(cell, np.ndarray | list | dict):
        return json.dumps(cell, default=_jsonable, sort_keys=True)
    return str(int(cell)) if isinstance(cell, bool | float) and float(cell).is_integer() else str(cell)


def _jsonable(cell: Any) -> Any:
    return cell.tolist() if hasattr(cell, "tolist") else str(cell)


def _canonical(cell: Any, *, keep_empty: bool) -> bytes:
    missing = is_missing(cell) or (cell == "" and not keep_empty)
    value = b"-" if missing else b"=" + as_name(cell).encode("utf-8", "surrogatepass")
    return len(value).to_bytes(8, "big") + value
