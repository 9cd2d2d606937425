"""Row parts: a large output written in pieces, so that a killed process is gone on with where it stood.

The pieces lie in a folder beside the output, with a manifest of what they were made from. A piece counts once its
record stands, which is written last. The output appears when it is whole, by a rename.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]
from filelock import FileLock, Timeout

from agile_classifier.config.addresses.dialect import EMPTY
from agile_classifier.data.formats.delimited import DEFAULT_DELIMITERS
from agile_classifier.errors import InputError, one_line

MANIFEST = "manifest.json"
BEGUN_BY = "begun_by.txt"
REJECTED = ".rejected.jsonl"
JSON_LINES = (".jsonl", ".ndjson")
BYTE_ORDER_MARK = "\ufeff"

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Piece:
    """What the record of a piece says."""

    n_rows: int
    """Rows of the input that it answers for."""
    n_rejected: int
    n_scored_texts: int
    """Texts that a model was asked about: fewer than rows, where a text repeats."""
    seconds: float
    n_labels: dict[str, int]
    """Rows by label."""


@dataclass(frozen=True)
class Layout:
    """How a delimited output in UTF-8 is laid out; the other formats leave nothing open."""

    delimiter: str
    line_end: str = "\n"
    has_mark: bool = False
    """Whether the file begins with a byte order mark, by which spreadsheets know UTF-8."""

    @classmethod
    def of(cls, output: Path) -> Layout:
        """The usual one of a file of this name."""
        return cls(DEFAULT_DELIMITERS.get(output.suffix.lower(), ","))

    def write(self, rows: Sequence[Sequence[Any]]) -> str:
        """Rows of cells as lines."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self.delimiter, lineterminator=self.line_end)
        for row in rows:
            if any(type(cell) is str and cell.strip() in EMPTY for cell in row):
                text.write(self.delimiter.join(map(_quoted, row)) + self.line_end)
            else:
                writer.writerow(row)
        return text.getvalue()

    def write_head(self, names: Sequence[str]) -> str:
        """What the file begins with."""
        return f"{BYTE_ORDER_MARK if self.has_mark else ''}{self.write([names])}"


class RowParts:
    """The pieces of one output; `opened` makes one."""

    def __init__(
        self, output: Path, schema: pa.Schema, folder: Path, identity: Mapping[str, Any], layout: Layout
    ) -> None:
        self.output, self.schema, self.folder, self.identity, self.layout = output, schema, folder, identity, layout
        self.pieces = list(self._read_pieces())

    def begun_by(self, run_id: str) -> str:
        """The run that began the output, which is this one where none has: its id stands in every row."""
        file = self.folder / BEGUN_BY
        if not file.exists():
            _write(file, lambda path: path.write_text(run_id, encoding="utf-8"))
        return file.read_text(encoding="utf-8")

    def begun_at(self) -> int:
        """When the output was begun, in seconds since 1970; a run that goes on with it is told the same."""
        return int((self.folder / BEGUN_BY).stat().st_mtime)

    def add(self, rows: Rows, rejected: Rows, piece: Piece) -> None:
        """Write a piece; it counts only once all of it is on disk."""
        number = len(self.pieces)
        _write(self._path(number, self.output.suffix), lambda path: self._write_rows(path, rows))
        _write(self._path(number, REJECTED), lambda path: _write_lines(path, rejected))
        _write(self._path(number, ".json"), lambda path: path.write_text(json.dumps(asdict(piece)), encoding="utf-8"))
        self.pieces.append(piece)

    def read_first_rejected(self) -> dict[str, Any] | None:
        """The first row that was rejected, as its line of the file of rejected rows says it; None without one."""
        for path in self._paths(REJECTED):
            with path.open(encoding="utf-8") as file:
                if line := file.readline():
                    first: dict[str, Any] = json.loads(line)
                    return first
        return None

    def finish(self) -> Path | None:
        """Join the pieces, put the output and, where rows were rejected, their file in place.

        Returns that file's path.
        """
        whole, rejected = self.folder / f"whole{self.output.suffix}", self.folder / f"whole{REJECTED}"
        self._join(whole)
        _concatenate(self._paths(REJECTED), rejected, head="")
        place = rejected_path(self.output)
        if rejected.stat().st_size:
            rejected.replace(place)
        else:
            place.unlink(missing_ok=True)
        whole.replace(self.output)
        self.discard()
        return place if place.exists() else None

    def discard(self) -> None:
        """Remove the pieces, the manifest first.

        Killed on the way, what is left is nobody's, and is not gone on with.
        """
        (self.folder / MANIFEST).unlink()
        shutil.rmtree(self.folder)

    def _join(self, whole: Path) -> None:
        parts = self._paths(self.output.suffix)
        if self.output.suffix.lower() == ".parquet":
            with pq.ParquetWriter(whole, self.schema) as writer:
                for part in parts:
                    writer.write_table(pq.read_table(part, schema=self.schema))
        else:
            _concatenate(parts, whole, head=self._head())
        _sync(whole)

    def _head(self) -> str:
        if self.output.suffix.lower() in JSON_LINES:
            return ""
        return self.layout.write_head(self.schema.names)

    def _write_rows(self, path: Path, rows: Rows) -> None:
        suffix = self.output.suffix.lower()
        if suffix == ".parquet":
            pq.write_table(pa.Table.from_pylist(list(rows), schema=self.schema), path)
        elif suffix in JSON_LINES:
            _write_lines(path, rows)
        else:
            cells = [[_cell(row.get(name)) for name in self.schema.names] for row in rows]
            path.write_text(self.layout.write(cells), encoding="utf-8", newline="")

    def _path(self, number: int, suffix: str) -> Path:
        return self.folder / f"part-{number:06d}{suffix}"

    def _paths(self, suffix: str) -> list[Path]:
        return [self._path(number, suffix) for number in range(len(self.pieces))]

    def _read_pieces(self) -> Iterator[Piece]:
        number = 0
        while (record := self._path(number, ".json")).exists():
            yield Piece(**json.loads(record.read_text(encoding="utf-8")))
            number += 1


def rejected_path(output: Path) -> Path:
    """Where the rows stand that could not be scored."""
    return output.with_name(f"{output.stem}{REJECTED}")


def parts_folder(output: Path) -> Path:
    """Where the pieces stand while they are made."""
    return output.with_name(f"{output.name}.parts")


def read_identity(output: Path) -> dict[str, Any]:
    """What the pieces that lie there were made from; empty where there are none."""
    manifest = parts_folder(output) / MANIFEST
    found: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else {}
    return found


@contextmanager
def opened(
    output: Path,
    schema: pa.Schema,
    *,
    identity: Mapping[str, Any],
    say: Callable[[str], None],
    layout: Layout | None = None,
) -> Iterator[RowParts]:
    """The pieces that lie there, or none yet; held by this process alone.

    Parameters
    ----------
    schema : pa.Schema
        Columns of the output.
    identity : mapping
        What the output is made from, as JSON holds it. Pieces of anything else are removed, and `say` is told why.
    layout : Layout, optional
        Of a delimited output; without it the usual one of its suffix.

    Raises
    ------
    InputError
        Another process writes this output, or the folder cannot be written. One that is raised while the pieces are
        held leaves none behind where none was made.
    """
    folder = parts_folder(output)
    try:
        folder.mkdir(exist_ok=True)
        lock = FileLock(folder / "lock", timeout=0)
        with lock:
            if _is_other(output, identity, say):
                for path in folder.iterdir():
                    if path.name != "lock":
                        path.unlink()
            described = json.dumps(dict(identity), indent=1)
            _write(folder / MANIFEST, lambda path: path.write_text(described, encoding="utf-8"))
            parts = RowParts(output, schema, folder, identity, layout or Layout.of(output))
            try:
                yield parts
            except InputError:
                if not parts.pieces:
                    parts.discard()
                raise
    except Timeout:
        raise InputError(f"--output {output}: another process is writing it at this moment") from None
    except PermissionError as error:
        raise InputError(f"--output {output}: cannot be written ({error.strerror})") from None
    except pa.ArrowException as error:
        raise InputError(f"--output {output}: parquet cannot hold a column: {one_line(error)}") from None


def as_json(value: Any) -> str:
    """One line of JSON; what JSON has no word for (dates, decimals, bytes) as text."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _is_other(output: Path, identity: Mapping[str, Any], say: Callable[[str], None]) -> bool:
    found = read_identity(output)
    if not found:
        return True
    changed = [name for name, value in identity.items() if found.get(name) != value]
    if changed:
        name = changed[0]
        say(f"{output}: was begun with {name} {found.get(name)}, now it is {identity[name]}: starting anew")
    return bool(changed)


def _write(path: Path, write: Callable[[Path], object]) -> None:
    draft = path.with_name(f"{path.name}.draft")
    write(draft)
    _sync(draft)
    draft.replace(path)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _write_lines(path: Path, rows: Rows) -> None:
    path.write_text("".join(f"{as_json(row)}\n" for row in rows), encoding="utf-8", newline="")


def _concatenate(parts: Sequence[Path], whole: Path, *, head: str) -> None:
    with whole.open("wb") as target:
        target.write(head.encode())
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, target)


def _quoted(cell: Any) -> str:
    """A text in quotes, so that a word for an empty cell is read again as a text; any other cell without."""
    if type(cell) is str:
        return '"' + cell.replace('"', '""') + '"'
    return "" if cell is None else str(cell)


def _cell(value: Any) -> Any:
    """Lists and objects as JSON; all else as Python writes it, which for numbers gives every digit."""
    return as_json(value) if isinstance(value, dict | list) else value
