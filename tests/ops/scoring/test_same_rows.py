"""One reader: `init`, training, `score`, `monitor` and `queue` see the cells that were written, or say the same line why not."""

from __future__ import annotations

import codecs
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agile_classifier.config.addresses.columns import Columns
from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.config.data import DataConfig
from agile_classifier.data.dialects.detection import detect_dialect
from agile_classifier.data.examples import read_snapshot
from agile_classifier.data.formats.delimited import DEFAULT_DELIMITERS, DELIMITERS
from agile_classifier.data.rows import open_rows
from agile_classifier.data.tables import kept_column, read_table
from agile_classifier.data.text import is_blank
from agile_classifier.errors import InputError
from agile_classifier.ops.scoring.queue import read_pool
from agile_classifier.ops.scoring.reading import Scored
from agile_classifier.ops.scoring.scored_batch import read_batch
from agile_classifier.ops.scoring.stream import MOST_REJECTED, refuse_bad_rows
from tests.toys import toy_stream

NAMES = ("id", "text", "note")
ANSWERED = (*NAMES, "label", "probability_short", "probability_long", "model_version")
CLASSES = ("short", "long")
MARKS = {"utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}

Rows = list[tuple[str, ...]]

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(frozen=True)
class Writer:
    """Whatever a program that writes tables may choose."""

    suffix: str
    dialect: Dialect
    always_quotes: bool = False
    line_end: str = "\n"
    has_mark: bool = False
    is_packed: bool = False
    blank_lines: bool = False

    def write(self, folder: Path, rows: Rows, names: Sequence[str] = NAMES) -> tuple[Path, Dialect]:
        """The file, and the dialect that says how it is read."""
        path = folder / f"rows{self.suffix}{'.gz' if self.is_packed else ''}"
        headless = self.dialect.column_names is not None
        dialect = self.dialect.model_copy(update={"column_names": tuple(names)}) if headless else self.dialect
        if self.suffix == ".parquet":
            pd.DataFrame(rows, columns=list(names), dtype="str").to_parquet(path)
            return path, dialect
        if self.suffix in DEFAULT_DELIMITERS:
            lines = [self._line(row) for row in (rows if headless else [tuple(names), *rows])]
        else:
            lines = [json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=self.always_quotes) for row in rows]
        text = "".join(f"{line}{self.line_end * (1 + self.blank_lines)}" for line in lines)
        content = MARKS.get(dialect.encoding, b"") * self.has_mark + text.encode(dialect.encoding)
        path.write_bytes(gzip.compress(content) if self.is_packed else content)
        return path, dialect

    def _line(self, cells: Sequence[str]) -> str:
        delimiter = self.dialect.delimiter or DEFAULT_DELIMITERS[self.suffix]
        return delimiter.join(self._cell(cell, delimiter) for cell in cells)

    def _cell(self, cell: str, delimiter: str) -> str:
        needs_quotes = self.always_quotes or any(sign in cell for sign in (delimiter, '"', "\r", "\n"))
        return '"' + cell.replace('"', '""') + '"' if self.dialect.quoting and needs_quotes else cell


@st.composite
def writers(draw: st.DrawFn) -> Writer:
    """Writers of every format."""
    suffix = draw(st.sampled_from([".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".parquet"]))
    is_delimited = suffix in DEFAULT_DELIMITERS
    dialect = Dialect(
        delimiter=draw(st.sampled_from([None, *DELIMITERS, " ", "~"])) if is_delimited else None,
        encoding="utf-8" if suffix == ".parquet" else draw(st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "cp1252", "gb18030"])),
        quoting=draw(st.booleans()) if is_delimited else True,
        column_names=draw(st.sampled_from([None, ()])) if is_delimited else None,
    )  # fmt: skip
    return Writer(
        suffix,
        dialect,
        always_quotes=draw(st.booleans()),
        line_end=draw(st.sampled_from(["\n", "\r\n", "\r"])) if is_delimited else draw(st.sampled_from(["\n", "\r\n"])),
        has_mark=draw(st.booleans()),
        is_packed=suffix != ".parquet" and draw(st.booleans()),
        blank_lines=draw(st.booleans()),
    )


@st.composite
def tables(draw: st.DrawFn, writer: Writer) -> Rows:
    """Rows whose cells the writer can write: any characters of its encoding, but no line end where none can be quoted."""
    dialect = writer.dialect
    taken = set("\0\ufeff")
    if not dialect.quoting:
        taken |= {"\r", "\n", dialect.delimiter or DEFAULT_DELIMITERS[writer.suffix]}
    codec = None if writer.suffix == ".parquet" else dialect.encoding
    letters = st.characters(codec=codec, exclude_categories=["Cs"], exclude_characters="".join(taken))
    cells = st.text(st.one_of(letters, st.sampled_from(sorted(set(' ,;\t|"~a') - taken))), max_size=12)
    rows = draw(st.lists(st.tuples(cells, cells), min_size=1, max_size=6))
    return [(f"n{number}", *row) for number, row in enumerate(rows)]


def trained_on(path: Path, dialect: Dialect) -> Rows:
    """What the step `ingest` makes of a file."""
    data = DataConfig(source=str(path), columns=Columns(id="id"), **dialect.model_dump())
    examples = read_snapshot(data, keep=("note",)).examples
    return list(examples[["id", "text", kept_column("note")]].itertuples(index=False, name=None))


def scored(path: Path, dialect: Dialect) -> Rows:
    """What `agile score` hands on, scored or rejected with its cells."""
    output, rejected = path.with_name("scored.jsonl"), path.with_name("scored.rejected.jsonl")
    blank = [is_blank(str(row.cells["text"])) for row in open_rows(path, dialect)]
    if sum(blank) > MOST_REJECTED * len(blank):
        with pytest.raises(InputError, match=r"(no row|only \d+) of \d+( rows)? could be scored"):
            toy_stream.score_file(path, output, dialect)
        return [tuple(row.cells.values()) for row in open_rows(path, dialect)]
    toy_stream.score_file(path, output, dialect)
    lines = output.read_text(encoding="utf-8").split("\n")[:-1]
    aside = rejected.read_text(encoding="utf-8").split("\n")[:-1] if rejected.exists() else []
    cells = [*map(json.loads, lines), *(json.loads(line)["cells"] for line in aside)]
    return sorted((tuple(row[name] for name in NAMES) for row in cells), key=lambda row: int(row[0][1:]))


def as_scored(rows: Rows) -> Rows:
    """The rows as `agile score` would write them."""
    return [(*row, "short", "0.5", "0.5", "1") for row in rows]


@given(st.data())
@in_one_folder
def test_every_command_sees_the_cells_that_were_written(tmp_path: Path, data: st.DataObject) -> None:
    writer = data.draw(writers())
    rows = data.draw(tables(writer))
    path, dialect = writer.write(tmp_path, rows)
    assert [tuple(row.cells.values()) for row in open_rows(path, dialect)] == rows
    assert trained_on(path, dialect) == rows
    assert scored(path, dialect) == rows
    pool = read_pool(path, dialect, column="text", score_column="score")
    assert (list(pool.frame.itertuples(index=False, name=None)), pool.unreadable) == (rows, ())
    path, dialect = writer.write(tmp_path, as_scored(rows), ANSWERED)
    batch = read_batch(path, Scored(dialect, ""), column="text", class_names=CLASSES)
    assert (batch.texts, batch.version) == (tuple(text for _, text, _ in rows), "1")


WORDS = st.lists(
    st.sampled_from(["so", "good", "schön", '"quoted"', "and,", "two\nlines", "—", "NA"]), min_size=2, max_size=6
)
"""Of texts as people have them."""


@given(
    st.lists(WORDS.map(" ".join), min_size=3, max_size=8),
    st.sampled_from([".csv", ".tsv", ".txt"]),
    st.sampled_from(DELIMITERS),
    st.sampled_from([("utf-8", False), ("utf-8", True), ("utf-16-le", True), ("cp1252", False)]),
    st.booleans(),
)
@in_one_folder
def test_init_finds_how_a_file_was_written(
    tmp_path: Path, texts: list[str], suffix: str, delimiter: str, encoding: tuple[str, bool], quotes: bool
) -> None:
    codec, has_mark = encoding
    writer = Writer(suffix, Dialect(delimiter=delimiter, encoding=codec), always_quotes=quotes, has_mark=has_mark)
    rows: Rows = [(f"n{number}", text, "ok") for number, text in enumerate(texts)]
    path, dialect = writer.write(tmp_path, rows)
    found = detect_dialect(path).dialect
    frame = read_table(path, found)
    assert (list(frame.columns), list(frame.itertuples(index=False, name=None))) == (list(NAMES), rows)
    assert trained_on(path, dialect) == trained_on(path, found)


DEFECTS = {
    "a cell too many": b"n1,b,x,more\n",
    "a cell too few": b"n1,b\n",
    "a NUL": b"n1,b\0,x\n",
    "a byte that is no text": b"n1,caf\xe9,x\n",
    "a quote closed too early": b'n1,"b"c,x\n',
    "a quote that is never closed": b'n1,"b,x\n',
    "no JSON": b'{"id": "n1", "text": "b\n',
    "a list": b'["n1", "b", "x"]\n',
    "a byte of JSON that is no text": b'{"id": "n1", "text": "\xe9", "note": "x"}\n',
    "no cells": b"{}\n",
}


@pytest.mark.parametrize("bad", DEFECTS.values(), ids=list(DEFECTS))
def test_a_row_that_cannot_be_read_is_the_same_line_for_every_command(tmp_path: Path, bad: bytes) -> None:
    suffix = ".jsonl" if bad.startswith((b"{", b"[")) else ".csv"
    path, _ = Writer(suffix, Dialect()).write(tmp_path, [("n0", "a", "x")])
    *header, row = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*header, bad, row]))
    with pytest.raises(InputError) as said:
        read_table(path)
    line = str(said.value)
    for refuse in (
        lambda: trained_on(path, Dialect()),
        lambda: refuse_bad_rows(open_rows(path), "text"),
        lambda: read_batch(path, Scored(Dialect(), ""), column="text", class_names=()),
    ):
        with pytest.raises(InputError) as refused:
            refuse()
        assert str(refused.value) == line
    pool = read_pool(path, column="text", score_column="score")
    assert [f"{path}: {row.place}: {row.complaint}" for row in pool.unreadable] == [line]
    toy_stream.score_file(path, tmp_path / "scored.csv")
    rejected = json.loads((tmp_path / "scored.rejected.jsonl").read_text(encoding="utf-8"))
    assert line == f"{path}: row {rejected['row']} (line {rejected['line']}): {rejected['reason']}"
