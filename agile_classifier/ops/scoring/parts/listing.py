"""Listing: which parts there are, that they belong together, and how they are read, before any is scored."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path, PurePosixPath

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]

from agile_classifier.config.addresses.source import BUCKETS, scheme_of
from agile_classifier.config.reading import ReadingOptions
from agile_classifier.data.fetch.fetched import Fetched, called_by_address
from agile_classifier.data.fetch.places import AT_ONCE, Found, Place
from agile_classifier.data.formats.delimited import DEFAULT_DELIMITERS
from agile_classifier.data.formats.packed import GZIP, STREAMED
from agile_classifier.data.row_parts import JSON_LINES
from agile_classifier.data.rows import FORMATS, SUFFIXES, WRITTEN, open_rows
from agile_classifier.errors import InputError
from agile_classifier.ops.scoring.parts.job import Part
from agile_classifier.ops.scoring.reading import Reading, read_as
from agile_classifier.ops.state.home import scratch

HEAD = 2**18
"""Bytes of a part's beginning, or of a Parquet file's end, by which its columns are told."""
COMPARED = (*DEFAULT_DELIMITERS, ".parquet")
"""Formats whose columns are told without reading a part whole."""
END = b"PAR1"
"""Last four bytes of a Parquet file, behind the four that hold the length of its footer."""


def are_many(source: str, output: str, *, of_one_file: Mapping[str, bool], of_many: Mapping[str, object]) -> bool:
    """Whether many files are scored, or one into a store of objects.

    Parameters
    ----------
    of_one_file, of_many : mapping
        Option that goes with one kind alone → what it was given.

    Raises
    ------
    InputError
        An option was given that goes with the other kind.
    """
    many = is_many(source) or is_remote(output)
    given = next((option for option, value in (of_one_file if many else of_many).items() if value), None)
    if given:
        kinds = ("a folder, pattern or prefix", "a file of this machine")
        own, other = kinds if many else kinds[::-1]
        raise InputError(f"{given}: goes with --input of {other}; {source} is scored as {own}")
    return many


def is_many(address: str) -> bool:
    """Whether an address names parts rather than a file of this machine: a folder, a pattern, a store's objects."""
    if is_remote(address) or address.endswith("/"):
        return True
    path = Path(address)
    return path.is_dir() or (not path.exists() and any(sign in address for sign in "*?["))


def is_remote(address: str) -> bool:
    """Whether an address lies in a store of objects."""
    return scheme_of(address) in BUCKETS


def require_target(address: str) -> Place:
    """The place that scored parts are written to.

    Raises
    ------
    InputError
        It is a file, or names one: no folder, and no prefix that ends in a slash.
    """
    is_prefix = address.endswith("/")
    if is_remote(address):
        if not is_prefix:
            raise InputError(f"--output {address}: parts are written below a prefix; end it in /")
        return Place(address)
    if Path(address).is_file() or (not is_prefix and not Path(address).is_dir() and Path(address).suffix):
        raise InputError(f"--output {address}: is a file; parts of a folder are scored into a folder, {address}/")
    return Place(address)


def list_parts(source: Place, target: Place, *, suffix: str) -> list[Part]:
    """The parts of a place, by name.

    Parameters
    ----------
    suffix : str
        Of the scored parts; empty for the parts' own.

    Raises
    ------
    InputError
        There is none, they are of several formats or of none that is read, two would be scored into one file, or the
        output lies in the input.
    """
    found = source.list_rows()
    own = _require_one_format(source, found)
    if suffix not in ("", *WRITTEN):
        raise InputError(f"--format {suffix}: found {suffix!r}; allowed are {', '.join(WRITTEN)}")
    if not suffix and own not in WRITTEN:
        raise InputError(f"{source.address}: {own} is read, not written; say what to write with --format parquet")
    parts = [Part.of(one, suffix=suffix or own) for one in found]
    _require_apart(source, target, parts)
    return parts


def read_first(source: Place, part: Part, options: ReadingOptions, *, model_name: str, version: str) -> Reading:
    """How a part will be read for a version, by its beginning; raises as `agile_classifier.ops.scoring.reading`."""
    head = _fetch_head(source, part, scratch())
    with called_by_address([Fetched(head, source.address_of(part.name))]):
        return read_as(head, options, model_name=model_name, version=version)


def require_same_columns(source: Place, parts: Sequence[Part], reading: Reading) -> None:
    """Raise InputError where a part has other columns than the first; of Parquet also where a type is another one.

    JSON lines have no header, so they are not looked at.
    """
    if _format_of(parts[0].name) not in COMPARED or reading.dialect.column_names is not None:
        return
    read = partial(_read_schema, source, reading=reading, folder=scratch())
    with ThreadPoolExecutor(AT_ONCE) as readers:
        schemas = readers.map(read, parts)
        first = next(schemas)
        for part, schema in zip(parts[1:], schemas, strict=True):
            if schema != first:
                raise InputError(
                    f"{source.address_of(part.name)}: its columns differ from those of"
                    f" {source.address_of(parts[0].name)}: {_difference(first, schema)}"
                )


def _require_one_format(source: Place, found: Sequence[Found]) -> str:
    by_format: dict[str, Found] = {}
    for one in found:
        by_format.setdefault(_format_of(one.name), one)
    unknown = next((one for suffix, one in by_format.items() if suffix not in (*FORMATS, ".zip")), None)
    if unknown is not None:
        suffix = PurePosixPath(unknown.name).suffix
        raise InputError(f"{source.address_of(unknown.name)}: found suffix {suffix!r}; allowed are {SUFFIXES}")
    if len(by_format) > 1:
        (one, other, *_) = by_format.values()
        raise InputError(
            f"{source.address}: parts of several formats, as {one.name} and {other.name}; name one of them by a"
            f" pattern, as *{next(iter(by_format))}"
        )
    return next(iter(by_format))


def _require_apart(source: Place, target: Place, parts: Sequence[Part]) -> None:
    taken: dict[str, Part] = {}
    for part in parts:
        other = taken.setdefault(part.scored_name, part)
        if other is not part:
            raise InputError(
                f"{source.address}: {other.name} and {part.name} would both be scored into {part.scored_name}"
            )
    if source.is_local == target.is_local and any(source.covers(f"{target.base}{name}") for name in taken):
        raise InputError(
            f"--output {target.address}: lies in --input {source.address}, so scored rows would be parts of the next"
            " run; name a place outside"
        )


def _format_of(name: str) -> str:
    """Suffix that names the format of a part, by its name alone."""
    path = PurePosixPath(name.lower())
    inner = PurePosixPath(path.stem).suffix if path.suffix == GZIP else path.suffix
    return inner if inner in STREAMED else path.suffix


def _read_schema(source: Place, part: Part, *, reading: Reading, folder: Path) -> pa.Schema:
    head = _fetch_head(source, part, folder)
    with called_by_address([Fetched(head, source.address_of(part.name))]):
        rows = open_rows(head, reading.dialect)
        found = (
            rows.schema() if head.suffix == ".parquet" else pa.schema([(name, pa.string()) for name in rows.names()])
        )
    head.unlink()
    return found


def _fetch_head(source: Place, part: Part, folder: Path) -> Path:
    """A file of this machine with the columns and the first rows of a part; a format read from its end comes whole."""
    suffix = _format_of(part.name)
    target = folder / part.record_name / f"head{suffix}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with called_by_address([Fetched(target, source.address_of(part.name))]):
        if suffix == ".parquet":
            pq.write_table(_read_parquet_schema(source, part, target).empty_table(), target)
        elif suffix in (*DEFAULT_DELIMITERS, *JSON_LINES):
            target.write_bytes(_first_lines(source, part))
        else:
            return source.fetch(part.name, target.with_name(PurePosixPath(part.name).name))
    return target


def _first_lines(source: Place, part: Part) -> bytes:
    head = source.read_range(part.name, start=0, end=min(HEAD, part.size))
    if part.name.lower().endswith(GZIP):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head)
        except zlib.error as error:
            raise InputError(f"{source.address_of(part.name)}: cannot be read: {error}") from None
    elif part.size <= HEAD:
        return head
    return head[: head.rfind(b"\n") + 1] or head


def _read_parquet_schema(source: Place, part: Part, draft: Path) -> pa.Schema:
    """Columns of a Parquet file by its footer, laid at the end of a file that is empty otherwise."""
    tail = source.read_range(part.name, start=max(0, part.size - HEAD), end=part.size)
    length = int.from_bytes(tail[-8:-4], "little") + 8
    if tail.endswith(END) and length > len(tail):
        tail = source.read_range(part.name, start=max(0, part.size - length), end=part.size)
    with draft.open("wb") as file:
        file.truncate(part.size)
        file.seek(part.size - len(tail))
        file.write(tail)
    try:
        return pq.read_schema(draft)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{draft}: cannot be read: {error}") from None


def _difference(first: pa.Schema, other: pa.Schema) -> str:
    types = (dict(zip(schema.names, schema.types, strict=True)) for schema in (first, other))
    return "; ".join(_differences(*types))


def _differences(first: Mapping[str, pa.DataType], other: Mapping[str, pa.DataType]) -> Iterator[str]:
    for words, names in (("it lacks", first.keys() - other.keys()), ("it also has", other.keys() - first.keys())):
        if names:
            yield f"{words} {', '.join(map(repr, sorted(names)))}"
    for name in first.keys() & other.keys():
        if first[name] != other[name]:
            yield f"{name!r} is {other[name]}, not {first[name]}"
    if list(first) != list(other) and first.keys() == other.keys():
        yield f"they stand in another order: {', '.join(other)}"
