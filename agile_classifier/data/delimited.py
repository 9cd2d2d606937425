"""Delimited text: cells exactly as written, or a refusal that names the line.

Python's csv module rather than pandas: it keeps every cell a string, and it can tell on which line a row starts.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Literal

import pandas as pd

from agile_classifier.errors import InputError

DELIMITERS = (",", ";", "\t", "|")
"""Those that a file is tried with when the one asked for gives a single column."""
LONGEST_CELL = 2**31 - 1
"""Characters; csv's own limit of 131,072 is less than a book."""
TRIED_ROWS = 20


def read_delimited(
    path: Path, *, delimiter: str, encoding: str, column_names: Sequence[str] | None, quoting: bool, limit: int | None
) -> pd.DataFrame:
    """All cells of a delimited file as `str` columns of shape (n_rows, n_columns).

    Parameters
    ----------
    path, encoding : Path, str
        The file, and its encoding as Python names it.
    delimiter : str
        One character.
    column_names : sequence of str or None
        None: the first line holds them.
    quoting : bool
        Whether double quotes enclose cells that hold delimiters or line ends.
    limit : int or None
        Rows read, from the top.

    Raises
    ------
    InputError
        Not text in that encoding, another delimiter than asked for, columns of one name, rows of unequal length, a
        quote that is never closed.
    """
    if len(delimiter) != 1 or delimiter in '\r\n"':
        raise InputError(f"{path}: data.delimiter is {delimiter!r}; needed is one character, no quote or line end")
    text = read_text(path, encoding=encoding)
    rows = iter_rows(text, delimiter=delimiter, quoting=quoting, path=path)
    first = next(rows, None)
    if first is None:
        raise InputError(f"{path}: the file is empty")
    names = list(first[1] if column_names is None else column_names)
    if len(first[1]) == 1 and (column_names is None or len(names) > 1):
        _refuse_wrong_delimiter(path, text, delimiter, quoting)
    refuse_duplicates(path, names)
    body = rows if column_names is None else chain([first], rows)
    cells = [_checked(path, line, row, len(names)) for line, row in islice(body, limit)]
    return pd.DataFrame(cells, columns=pd.Index(names), dtype="str")


def read_text(path: Path, *, encoding: str) -> str:
    """The file's text, without a byte order mark; line ends as they stand.

    Raises
    ------
    InputError
        Names the encoding, the byte (from 0) and the line (from 1) that do not fit.
    """
    raw = path.read_bytes()
    try:
        wide = codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))
        if b"\0" in raw and not wide:
            raise InputError(f"{path}: byte {raw.index(0)} is NUL: a binary file, or another encoding than {encoding}")
        return raw.decode(encoding).removeprefix("\ufeff")
    except LookupError:
        raise InputError(f"{path}: data.encoding is {encoding!r}, no text encoding that Python knows") from None
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}: byte {error.start} (line {line}) is not {encoding}: {error.reason}; data.encoding names another"
        ) from None


def iter_rows(text: str, *, delimiter: str, quoting: bool, path: Path) -> Iterator[tuple[int, list[str]]]:
    """The line, from 1, on which a row starts, and its cells; blank lines are no rows."""
    csv.field_size_limit(LONGEST_CELL)
    lines = io.StringIO(text, newline="")
    style: Literal[0, 3] = csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE
    reader = csv.reader(lines, delimiter=delimiter, quoting=style, strict=True)
    line = 1
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise InputError(
                f"{path}: row at line {line}: a double quote is never closed, or too early ({error}); "
                "data.quoting: false reads quotes as they stand"
            ) from None
        if row is None:
            return
        if row:
            yield line, row
        line = reader.line_num + 1


def table_width(text: str, *, delimiter: str, quoting: bool, n_rows: int = TRIED_ROWS) -> int:
    """Number of columns that a delimiter gives in the first rows; 0 where they do not agree."""
    try:
        rows = list(islice(iter_rows(text, delimiter=delimiter, quoting=quoting, path=Path()), n_rows))
    except InputError:
        return 0
    widths = {len(row) for _, row in rows}
    return widths.pop() if len(widths) == 1 else 0


def refuse_duplicates(path: Path, names: Sequence[str]) -> None:
    """Two columns of one name cannot be told apart by a config."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{path}: {names.count(twice[0])} columns are named {twice[0]!r}; names must differ")


def _refuse_wrong_delimiter(path: Path, text: str, delimiter: str, quoting: bool) -> None:
    for other in DELIMITERS:
        width = 0 if other == delimiter else table_width(text, delimiter=other, quoting=quoting)
        if width > 1:
            raise InputError(
                f"{path}: delimiter {delimiter!r} gives one column, {other!r} would give {width}: "
                f"set data.delimiter to {other!r}"
            )


def _checked(path: Path, line: int, row: list[str], width: int) -> list[str]:
    if len(row) != width:
        raise InputError(f"{path}: row at line {line} has {len(row)} cells; the columns are {width}")
    return row
