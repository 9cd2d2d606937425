"""Dialect detection: how an undescribed file is read, with a sentence for each choice that is not the default."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.data.dialects.cells import find_decimal_commas, starts_with_a_row
from agile_classifier.data.dialects.delimiters import AGREEING, detect_delimiter, remark_on_escape
from agile_classifier.data.dialects.encodings import Doubt, Encoding, detect_encoding
from agile_classifier.data.formats.delimited import DELIMITERS, DelimitedFile
from agile_classifier.data.formats.headers.check import refuse_headers
from agile_classifier.data.formats.lines import TextFile
from agile_classifier.data.formats.workbook import WorkbookFile
from agile_classifier.data.rows import open_rows
from agile_classifier.errors import InputError

ROWS_READ = 20_000
"""Rows that a guess rests on, from the top."""
COMPARED_ROWS = 200
"""Rows that the first line is compared with, and that tell a decimal comma."""


@dataclass(frozen=True)
class Detected:
    """A dialect, why it is not the default, and what a person has to decide."""

    dialect: Dialect
    reasons: tuple[str, ...]
    doubts: tuple[Doubt, ...] = ()


def detect_dialect(path: Path | Sequence[Path], *, said: Mapping[str, Any] | None = None) -> Detected:
    """Encoding, delimiter, quoting, escape, header and decimal mark of a file of rows, or of several together.

    The default of each where the format leaves nothing open.

    Parameters
    ----------
    path : Path or sequence of Path
    said : mapping, optional
        Fields of the dialect that a person has settled. They are not detected, and the others are with them: a
        delimiter that is said parts the cells that the header is told by.

    Raises
    ------
    InputError
        As `agile_classifier.data.rows.open_rows`; or one dialect does not read all of several files.
    """
    said = said or {}
    if isinstance(path, Path):
        return _detect_one(path, said)
    each = {one: _detect_one(one, said) for one in path}
    dialect = _join_dialects({one: found.dialect for one, found in each.items()})
    reasons = dict.fromkeys(reason for found in each.values() for reason in found.reasons)
    doubts = dict.fromkeys(doubt for found in each.values() for doubt in found.doubts)
    return Detected(dialect, tuple(reasons), tuple(doubts))


def _detect_one(path: Path, said: Mapping[str, Any]) -> Detected:
    told = Dialect.model_validate(said)
    file = open_rows(path, told)
    if isinstance(file, WorkbookFile):
        named: list[str] = []
        return Detected(_with_names(file, told, named, said), tuple(named))
    if not isinstance(file, TextFile):
        return Detected(told, ())
    encoding = Encoding(told.encoding) if "encoding" in said else detect_encoding(path)
    told = told.model_copy(update={"encoding": encoding.name})
    reasons = [encoding.reason] if encoding.reason else []
    doubts = (encoding.doubt,) if encoding.doubt else ()
    if not isinstance(file, DelimitedFile):
        return Detected(told, tuple(reasons), doubts)
    dialect = detect_delimiter(path, file.default, told, said=said, n_rows=ROWS_READ)
    reasons += _reasons(dialect, said)
    cells = DelimitedFile(path, dialect, default=file.default)
    dialect = _with_names(cells, dialect, reasons, said)
    dialect = _with_decimal(cells, dialect, reasons, said)
    remark = None if "escape" in said else remark_on_escape(path, dialect)
    return Detected(dialect, (*reasons, *([remark] if remark else [])), doubts)


def _join_dialects(dialects: Mapping[Path, Dialect]) -> Dialect:
    """The one dialect in which every file says what it says in its own."""
    joined, found_in = dict[str, object](), dict[str, Path]()
    for path, dialect in dialects.items():
        for field, value in dialect.model_dump(exclude_defaults=True).items():
            if joined.setdefault(field, value) != value:
                raise _refusal(path, found_in[field], field, value, joined[field])
            found_in.setdefault(field, path)
    whole = Dialect.model_validate(joined)
    for path, dialect in dialects.items():
        if dialect != whole and not _reads_alike(path, dialect, whole):
            field = next(name for name in joined if getattr(dialect, name) != joined[name])
            raise _refusal(path, found_in[field], field, getattr(dialect, field), joined[field])
    return whole


def _refusal(path: Path, other: Path, field: str, value: object, others: object) -> InputError:
    return InputError(
        f"{path}: is written with {field} {value!r}, {other} with {others!r}: files are read as one table where they "
        f"are written alike; save one of them as the other, or say what holds for all (--{field.replace('_', '-')})"
    )


def _reads_alike(path: Path, one: Dialect, other: Dialect) -> bool:
    try:
        pairs = zip_longest(open_rows(path, one), open_rows(path, other))
        return all(left is not None and right is not None and left.cells == right.cells for left, right in pairs)
    except InputError:
        return False


def _reasons(dialect: Dialect, said: Collection[str]) -> list[str]:
    reasons = []
    if dialect.delimiter is not None and "delimiter" not in said:
        reasons.append(
            f"Columns are parted by {dialect.delimiter!r}, which gives every row as many cells as the first."
        )
    if dialect.escape is not None and "escape" not in said:
        reasons.append(
            f"{dialect.escape!r} makes the quote or delimiter behind it a plain character: only so do rows agree."
        )
    if not dialect.quoting and "quoting" not in said:
        reasons.append(
            "Double quotes are plain characters here: as signs that enclose cells they do not match up, or glue lines."
        )
    return reasons


def _with_names(
    file: DelimitedFile | WorkbookFile, dialect: Dialect, reasons: list[str], said: Collection[str]
) -> Dialect:
    if "column_names" in said:
        return dialect
    refuse_headers(file.path, file.first_rows)
    if isinstance(file, DelimitedFile) and "delimiter" not in said:
        _refuse_line_above(file)
    first, *rows = list(file.first_rows(1 + COMPARED_ROWS)) or [[]]
    if not first or not starts_with_a_row(first, rows):
        return dialect
    reasons.append("The first line is like the rows below it, so it is a row, and the columns were given names.")
    names = tuple(f"column_{number}" for number in range(1, len(first) + 1))
    return dialect.model_copy(update={"column_names": names})


def _refuse_line_above(file: DelimitedFile) -> None:
    """A title hides which delimiter parts the rows below it: look for one in which nearly all of these agree."""
    if len(next(file.first_rows(1), [])) != 1:
        return
    for delimiter in DELIMITERS:
        other = DelimitedFile(file.path, file.dialect.model_copy(update={"delimiter": delimiter}))
        _, *rows = list(other.first_rows(1 + COMPARED_ROWS)) or [[]]
        width, n_agreeing = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
        if width > 1 and n_agreeing >= AGREEING * len(rows):
            refuse_headers(file.path, other.first_rows)


def _with_decimal(file: DelimitedFile, dialect: Dialect, reasons: list[str], said: Collection[str]) -> Dialect:
    if "decimal" in said or file.delimiter() == ",":
        return dialect
    names, *rows = list(file.first_rows(1 + COMPARED_ROWS)) or [[]]
    whole = [row for row in rows if len(row) == len(names)]
    column = find_decimal_commas(dialect.column_names or names, whole)
    if column is None:
        return dialect
    reasons.append(f"Numbers have a decimal comma: all cells of column {column!r} are such numbers.")
    return dialect.model_copy(update={"decimal": ","})
