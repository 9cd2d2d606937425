"""Reading: how a file that is to be scored is read, which is how the version that scores it read its own.

A version records the section `data` of its config: encoding, delimiter, quoting, names of the columns, the column of
the texts. What a person says overrides it, field by field. What the file itself says, by a byte order mark, a header
line or the columns of an earlier scoring, comes before what is remembered of another file; where both may be meant, the
file is refused with the option that decides.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.config.reading import ReadingOptions
from agile_classifier.data.dialects.detection import detect_dialect
from agile_classifier.data.formats.delimited import DEFAULT_DELIMITERS, DELIMITERS, DelimitedFile
from agile_classifier.data.formats.json_lines import JsonLinesFile
from agile_classifier.data.formats.packed import read_suffix
from agile_classifier.data.formats.row import RowFile
from agile_classifier.data.row_parts import JSON_LINES, Layout
from agile_classifier.data.rows import FORMATS, WRITTEN, open_rows
from agile_classifier.errors import InputError, did_you_mean
from agile_classifier.ops.registry.contents import version_files
from agile_classifier.ops.scoring.answer_columns import find_answers
from agile_classifier.ops.scoring.signs import (
    contradiction,
    find_doubtful_row,
    read_first_line,
    read_mark,
    read_named_delimiter,
)

DEFAULT = Dialect()
OF_ALL = {"empty"}
"""Fields of a dialect that a person decides, rather than the program that wrote a file: they hold for any format."""
DEFAULT_COLUMN = "text"
"""Column of the texts where neither a person nor the version's config names one."""


@dataclass(frozen=True)
class Remembered:
    """How the file was read that a version was trained on."""

    whose: str = "the version"
    """Name and number of the version, for a person: `mood version 3`."""
    column: str | None = None
    """Column of the texts; None where the version records no config."""
    dialect: Dialect = DEFAULT
    suffix: str | None = None
    """Suffix of that file, which its delimiter belongs to; None where it is of no known format."""

    @classmethod
    def of_config(cls, config: Mapping[str, Any], *, whose: str) -> Remembered:
        """What the recorded config of a version says, of several sources of the first; defaults where it says none."""
        recorded: Mapping[str, Any] = config.get("data", {})
        data: Mapping[str, Any] = next(iter(recorded.get("sources") or ()), recorded)
        dialect = Dialect.model_validate({name: data[name] for name in Dialect.model_fields if name in data})
        return cls(whose, data.get("columns", {}).get("text"), dialect, _suffix_of(data.get("source")))


@dataclass(frozen=True)
class Reading:
    """How a file is read, and what has to be said about it."""

    column: str
    """Column that holds the texts."""
    dialect: Dialect
    notes: tuple[str, ...] = ()
    """What was taken from the version's config, what was not, and what is in doubt, each in a sentence."""


def read_as(source: Path, options: ReadingOptions, *, model_name: str, version: str) -> Reading:
    """How a file is read for a registered version; raises as `resolve`."""
    whose = f"{model_name} version {version}"
    return resolve(source, options, Remembered.of_config(version_files.read_config(model_name, version), whose=whose))


def resolve(source: Path, options: ReadingOptions, remembered: Remembered) -> Reading:
    """Bring together what is said about a file, what it says itself, and what is remembered of another one.

    Raises
    ------
    InputError
        No such file, no such column (names the nearest), or an encoding that is in doubt.
    """
    column = options.column or remembered.column or DEFAULT_COLUMN
    scored = find_scored(source, options)
    if scored is not None:
        dialect = scored.dialect.model_copy(
            update={"empty": tuple(options.said.get("empty", remembered.dialect.empty))}
        )
        _require_column(open_rows(source, dialect), column, remembered if not options.column else None)
        return Reading(column, dialect)
    told = _read_signs(source)
    taken, notes = _recall(source, remembered, said=options.dialect.keys(), told=told)
    dialect = Dialect.model_validate({**told, **taken, **options.said})
    if "column_names" in taken and _begins_with_header(source, dialect, column):
        del taken["column_names"]
        dialect = dialect.model_copy(update={"column_names": None})
        notes.append("its first line is taken for the names of its columns")
    _require_column(open_rows(source, dialect), column, remembered if not options.column else None)
    if "quoting" not in {*options.dialect, *taken}:
        notes += _warn_of_quotes(source, dialect)
    if not options.column and column != DEFAULT_COLUMN:
        taken["column"] = column
    words = _list(taken)
    return Reading(
        column, dialect, (*([f"read as the config of {remembered.whose} says: {words}"] if words else []), *notes)
    )


@dataclass(frozen=True)
class Scored:
    """How a file is read that `agile score` wrote."""

    dialect: Dialect
    answers: str
    """Prefix of its columns of answers."""


def find_scored(source: Path, options: ReadingOptions, *, prefix: str | None = None) -> Scored | None:
    """How a file is read that `agile score` wrote, by its own columns; None for any other file.

    Such a file has a header and quotes as usual, whatever the file was like that it was scored from.
    """
    said, rows = options.said, open_rows(source, DEFAULT.model_copy(update=options.said))
    if read_suffix(source) not in WRITTEN:
        return None
    if read_suffix(source) not in DEFAULT_DELIMITERS:
        names = next(iter(rows)).cells if isinstance(rows, JsonLinesFile) else rows.names()
        answers = find_answers(list(names), prefix=prefix)
        return None if answers is None else Scored(Dialect.model_validate(said), answers)
    told = {**_read_signs(source), **said}
    line, _ = read_first_line(source, told.get("encoding", "utf-8"))
    default = DEFAULT_DELIMITERS[read_suffix(source)]
    for delimiter in [told["delimiter"]] if "delimiter" in told else dict.fromkeys((default, *DELIMITERS)):
        answers = find_answers(next(csv.reader([line], delimiter=delimiter), []), prefix=prefix)
        if answers is not None:
            return Scored(Dialect.model_validate({**told, "delimiter": delimiter}), answers)
    return None


def choose_layout(source: Path, dialect: Dialect, output: Path) -> Layout:
    """Layout of a delimited output: that of the input, as far as it is delimited too.

    Line ends, and where the suffix is the same the delimiter. The output is always UTF-8: it has a byte order mark
    where the input has one, or is of another encoding, so that a spreadsheet does not take it for one of that.
    """
    suffix, default = read_suffix(source), Layout(DEFAULT_DELIMITERS.get(output.suffix.lower(), ","))
    if suffix not in DEFAULT_DELIMITERS:
        return default
    _, line_end = read_first_line(source, dialect.encoding)
    delimiter = dialect.delimiter or read_named_delimiter(source, dialect.encoding) or DEFAULT_DELIMITERS[suffix]
    return Layout(
        delimiter if suffix == output.suffix.lower() else default.delimiter,
        line_end,
        has_mark=read_mark(source) is not None or not _is_utf8(dialect.encoding),
    )


def _read_signs(source: Path) -> dict[str, Any]:
    """Fields of a dialect that the file's own byte order mark names."""
    if not _fields_left_open(read_suffix(source)) & {"encoding"}:
        return {}
    mark = read_mark(source)
    return {"encoding": mark} if mark else {}


def _recall(
    source: Path, remembered: Remembered, *, said: Iterable[str], told: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Fields that are taken from the version's config, those that differ from the defaults, and what is not taken."""
    suffix, notes = read_suffix(source), list[str]()
    is_of_one_kind = remembered.suffix is None or _kind_of(remembered.suffix) == _kind_of(suffix)
    differing = {name: value for name, value in remembered.dialect if value != Dialect.model_fields[name].default}
    left_open = _fields_left_open(suffix) - set(said)
    recalled = left_open if is_of_one_kind else left_open & OF_ALL
    taken = {name: value for name, value in differing.items() if name in recalled}
    if not _are_alike(suffix, remembered.suffix):
        dropped = {name: taken.pop(name) for name in list(taken) if name not in {"encoding", *OF_ALL}}
        notes += [f"not {_list(dropped)} of that config, which is of a {remembered.suffix}"] if dropped else []
    if "encoding" in taken and told:
        taken.pop("encoding")
        notes.append(f"its byte order mark says {told['encoding']}")
    if "encoding" in taken and (why := contradiction(source, taken["encoding"])):
        raise InputError(
            f"{source}: the config of {remembered.whose} reads {taken['encoding']}, but {why}; say which with"
            f" --encoding utf-8 or --encoding {taken['encoding']}"
        )
    return taken, notes


def _fields_left_open(suffix: str) -> set[str]:
    """Fields of a dialect that count for a format."""
    fields = {"delimited": set(Dialect.model_fields) - {"sheet"}, "JSON": {"encoding", "empty"}, "parquet": {"empty"}}
    return fields.get(_kind_of(suffix), {"column_names", "decimal", "sheet", "empty"})


def _kind_of(suffix: str) -> str:
    if suffix in DEFAULT_DELIMITERS:
        return "delimited"
    if suffix == ".parquet":
        return "parquet"
    return "JSON" if suffix in (*JSON_LINES, ".json") else "workbook"


def _are_alike(suffix: str, remembered: str | None) -> bool:
    """Whether two suffixes stand for files that one program writes: a .tsv and a .txt do, a .csv and a .tsv do not."""
    return remembered is None or DEFAULT_DELIMITERS.get(suffix) == DEFAULT_DELIMITERS.get(remembered)


def _begins_with_header(source: Path, dialect: Dialect, column: str) -> bool:
    """Whether a file that is said to have no header begins with one: a cell of it is the name of the texts' column."""
    rows = open_rows(source, dialect)
    first = next(rows.first_rows(1), []) if isinstance(rows, DelimitedFile) else next(iter(rows)).cells.values()
    return column in first


def _require_column(rows: RowFile, column: str, remembered: Remembered | None) -> None:
    """Refuse a file without the column of the texts; of JSON lines, only as many rows are read as it takes."""
    if any(column in row.cells for row in rows) if isinstance(rows, JsonLinesFile) else column in rows.names():
        return
    names = rows.names()
    said = rows.dialect.model_dump(exclude_defaults=True, exclude={"delimiter"})
    other = detect_dialect(rows.path, said=said).dialect.delimiter  # refuses first lines that `agile init` refuses
    hint = f"; its columns seem to be parted by {other!r} (--delimiter)" if other != rows.dialect.delimiter else ""
    named = f", which the config of {remembered.whose} names" if remembered and remembered.column else ""
    raise InputError(
        f"{rows.path}: no column {column!r}{named} (--column); there are {', '.join(map(repr, names))}"
        f"{did_you_mean(column, names)}{hint}"
    )


def _warn_of_quotes(source: Path, dialect: Dialect) -> list[str]:
    row = find_doubtful_row(source, dialect)
    if row is None:
        return []
    return [
        f"warning: {row.place} spans several lines between double quotes; if these are plain characters: --no-quoting"
    ]


def _list(fields: Mapping[str, Any]) -> str:
    return ", ".join(_in_words(name, value) for name, value in fields.items())


def _in_words(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"{'with' if value else 'without'} {name}"
    shown = ", ".join(filter(None, value)) or "none" if isinstance(value, tuple) else repr(value)
    return f"{name.replace('_', ' ')} {shown if name != 'encoding' else value}"


def _suffix_of(source: object) -> str | None:
    """Suffix of the file that a config names, or the first of several; None where it is no known one."""
    first = source[0] if isinstance(source, list | tuple) and source else source
    suffix = read_suffix(Path(urlsplit(str(first)).path or "-"))
    return suffix if suffix in FORMATS else None


def _is_utf8(encoding: str) -> bool:
    return encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig", "ascii", "us-ascii")
