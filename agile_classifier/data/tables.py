"""Tables: a file of rows, read whole, and the canonical columns of the examples in it.

What cannot be read is refused with its line, never skipped or guessed. Whether the values make sense is for validation
to judge.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from agile_classifier.config.addresses.columns import Columns
from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.data.formats.row import Row
from agile_classifier.data.labels.cells import shown
from agile_classifier.data.labels.class_labels import name_codes
from agile_classifier.data.raters.answers import RATINGS, write_ratings
from agile_classifier.data.raters.folding import Folded, fold_rows
from agile_classifier.data.raters.reading import read_answers
from agile_classifier.data.raters.scoring import score_answers
from agile_classifier.data.rows import open_rows, require_rows
from agile_classifier.data.score_cells import ScoreReading, read_scores, turned
from agile_classifier.data.text import REPAIRS, Null, is_missing
from agile_classifier.errors import InputError, did_you_mean

ROLES = ("id", "text", "score", "group")
KEPT = "source column "
"""How the name of a kept source column begins; no column of the project's own does."""


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
        mapped, `ratings` (str, `agile_classifier.data.raters.answers`) where raters answered, then the kept columns
        under `kept_column`. Missing cells are missing; infinite scores are kept, for validation to judge. The rows of
        `columns.rater` become one example for each text.

    Raises
    ------
    InputError
        A column that is not there, a text that is none, a score that is no number.
    """
    roles = {role: name for role in ROLES if (name := getattr(columns, role))}
    fields = [(f"data.columns.{role}", name) for role, name in roles.items()]
    fields += [("data.columns.raters", name) for name in columns.raters]
    fields += [("data.columns.rater", columns.rater)] if columns.rater else []
    _require_columns(frame, path_name, [*fields, *((f"kept column {name}", name) for name in keep)])
    table = frame.reset_index(drop=True)
    folded = _fold(table, columns, keep, path_name) if columns.rater else None
    examples = table if folded is None else table.iloc[folded.first]
    found: dict[str, pd.Series[Any]] = {"id": _names(examples[columns.id]) if columns.id else _row_numbers(examples)}
    found["text"] = _texts(examples[columns.text], path_name, repairs=_repairs(repair))
    if columns.has_score:
        found |= _scores(table, columns, path_name, reading, folded)
    if columns.group:
        found["group"] = _names(examples[columns.group])
    kept = {kept_column(name): _kept(examples[name].reset_index(drop=True), class_names.get(name)) for name in keep}
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


def _row_numbers(table: pd.DataFrame) -> pd.Series[str]:
    return pd.Series([str(place + 1) for place in table.index], dtype="str")


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


def _fold(table: pd.DataFrame, columns: Columns, keep: tuple[str, ...], path_name: str) -> Folded:
    try:
        return fold_rows(table, columns, keep=keep)
    except InputError as error:
        raise InputError(f"{path_name}: {error}") from None


def _kept(column: pd.Series[Any], names: tuple[str, ...] | None) -> pd.Series[Any]:
    return column if names is None else name_codes(column, names)


def _scores(
    table: pd.DataFrame, columns: Columns, path_name: str, reading: ScoreReading, folded: Folded | None
) -> dict[str, pd.Series[Any]]:
    """The score and, where raters made it, their answers."""
    try:
        if not columns.has_raters:
            return {"score": turned(read_scores(table[columns.score], reading), reading)}
        answers = read_answers(table, columns, reading, folded)
        score = pd.Series(score_answers(answers, reading.raters), name="score")
        return {"score": score, RATINGS: write_ratings(answers)}
    except InputError as error:
        raise InputError(f"{path_name}: {error}") from None


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
