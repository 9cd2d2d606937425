"""Rows: the one reader of files for training, `agile init`, `score`, `monitor` and `queue`.

Faithful: a text cell is the very string that was written (`NA` and `null` are texts). A row that cannot be read is
handed on with its reason; who needs every row refuses the file at the first such row. A format is a module of
`agile_classifier.data.formats` and a line of `FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.data.formats.delimited import DEFAULT_DELIMITERS, DelimitedFile
from agile_classifier.data.formats.headers.foreign import refuse_foreign
from agile_classifier.data.formats.json_array import JsonArrayFile
from agile_classifier.data.formats.json_lines import JsonLinesFile
from agile_classifier.data.formats.packed import GZIP, ZIP
from agile_classifier.data.formats.packed import read_suffix as read_suffix
from agile_classifier.data.formats.parquet import ParquetFile
from agile_classifier.data.formats.row import Row, RowFile
from agile_classifier.data.formats.several import SeveralFiles
from agile_classifier.data.formats.workbook import WorkbookFile
from agile_classifier.errors import InputError
from agile_classifier.files import PICKLED

FORMATS: dict[str, Callable[[Path, Dialect], RowFile]] = {
    **{suffix: partial(DelimitedFile, default=default) for suffix, default in DEFAULT_DELIMITERS.items()},
    ".json": JsonArrayFile,
    ".jsonl": JsonLinesFile,
    ".ndjson": JsonLinesFile,
    ".ods": WorkbookFile,
    ".parquet": ParquetFile,
    ".xlsx": WorkbookFile,
}
"""How a file of each suffix is read."""
SUFFIXES = ", ".join(sorted(FORMATS))
"""The suffixes, for a person."""
WRITTEN = (*DEFAULT_DELIMITERS, ".jsonl", ".ndjson", ".parquet")
"""Suffixes of the formats that are written too."""


def open_rows(path: Path | Sequence[Path], dialect: Dialect = Dialect()) -> RowFile:
    """The rows of a file, or of several as one table, to be iterated over as often as needed.

    Parameters
    ----------
    path : Path or sequence of Path
        The suffix names the format: .csv, .tsv, .txt, .json, .jsonl, .ndjson, each also packed as .gz; .parquet, .xlsx,
        .ods; or a .zip with one of them. Several files have the same columns.
    dialect : Dialect
        How it is read: delimiter, encoding, names of the columns, quoting.

    Raises
    ------
    InputError
        There is no such file, it is empty, or of no format that is read.

    Examples
    --------
    >>> for row in open_rows(Path("comments.csv"), Dialect(delimiter=";")):  # doctest: +SKIP
    ...     print(row.place, row.complaint or row.cells)
    """
    if not isinstance(path, Path):
        files = [open_rows(one, dialect) for one in path]
        return files[0] if len(files) == 1 else SeveralFiles(files)
    if path.is_dir():
        raise InputError(f"{path}: is a folder, not a file")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    suffix = read_suffix(path)
    if suffix in PICKLED:
        raise InputError(f"{path}: may be a pickle, which could run code when it is loaded: save it as CSV or Parquet")
    if suffix not in FORMATS:
        raise InputError(
            f"{path}: found suffix {suffix!r}; allowed are {SUFFIXES} (text also as {GZIP}, one file also in a {ZIP})"
        )
    if not path.stat().st_size:
        raise InputError(f"{path}: the file is empty")
    if dialect.column_names is None:
        refuse_foreign(path)
    return FORMATS[suffix](path, dialect)


def require_rows(file: RowFile) -> Iterator[Row]:
    """The rows of a file of which none may be bad.

    Raises
    ------
    InputError
        At the first row that cannot be read: names file, row, line and reason.
    """
    for row in file:
        if row.complaint:
            raise refusal(file.path, row, row.complaint)
        yield row


def refusal(path: Path, row: Row, complaint: str) -> InputError:
    """The one line in which every command refuses a file for one of its rows; of several, that of the row."""
    return InputError(f"{row.path or path}: {row.place}: {complaint}")
