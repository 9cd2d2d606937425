"""Rows: every format read as faithfully as `read_table` reads it, and a bad row handed on with its reason."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.data.dialects.detection import detect_dialect
from agile_classifier.data.formats import lines as physical_lines
from agile_classifier.data.rows import open_rows
from agile_classifier.data.tables import read_table
from agile_classifier.errors import InputError

CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
ROWS = st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8)


def read(path: Path, **dialect: Any) -> list[tuple[int, dict[str, Any], str]]:
    return [(row.number, row.cells, row.complaint) for row in open_rows(path, Dialect(**dialect))]


@given(ROWS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_delimited_file_gives_the_cells_that_were_written(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    path, text = tmp_path / "rows.csv", io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    found = [tuple(cells.values()) for _, cells, _ in read(path)]
    assert found == rows == [tuple(row) for row in read_table(path).to_numpy().tolist()]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_blank_lines_and_a_byte_order_mark_are_no_content(tmp_path: Path, end: str) -> None:
    path = tmp_path / "rows.tsv"
    path.write_text(end.join(["\ufeffid\ttext", "1\tfine", "", "2\tNA", ""]), encoding="utf-8", newline="")
    assert [cells for _, cells, _ in read(path)] == [{"id": "1", "text": "fine"}, {"id": "2", "text": "NA"}]
    assert open_rows(path).names() == ["id", "text"]


BAD_ROWS = [
    ("too many cells", b"2,too,many", "3 cells; the columns are 2"),
    ("too few cells", b"2", "1 cells; the columns are 2"),
    ("a quote that is never closed", b'2,"open', "a double quote is never closed"),
    ("a quote that is closed too early", b'2,"a"b', "a double quote is never closed, or too early"),
    ("not UTF-8", b"2,\xff", "not UTF-8"),
    ("a NUL", b"2,\0", "a NUL byte"),
]


@pytest.mark.parametrize(("line", "said"), [case[1:] for case in BAD_ROWS], ids=[case[0] for case in BAD_ROWS])
@pytest.mark.parametrize("last", [False, True], ids=["in the middle", "at the end"])
def test_a_bad_row_of_a_delimited_file_leaves_its_neighbours(
    tmp_path: Path, line: bytes, said: str, last: bool
) -> None:
    path = tmp_path / "rows.csv"
    after = [] if last else [b"3,c", b'4,"d\nd"', b""]
    path.write_bytes(b"\n".join([b"id,text", b"1,a", line, *after]))
    rows = list(open_rows(path))
    assert [row.cells.get("text") for row in rows] == (["a", None] if last else ["a", None, "c", "d\nd"])
    assert said in rows[1].complaint
    assert (rows[1].number, rows[1].line) == (2, 3)
    assert rows[1].written.startswith("2")
    rows[1].written.encode()


def test_a_row_longer_than_any_text_is_passed_over_in_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(physical_lines, "LONGEST_ROW", 1000)
    path = tmp_path / "rows.csv"
    path.write_text("id,text\n1," + "x" * 5000 + '\n2,fine\n3,"' + "open\n" * 400 + "4,fine too\n")
    found = read(path)
    assert [cells["text"] for _, cells, complaint in found if not complaint] == ["fine", "fine too"]
    assert "longer than 1,000 characters" in found[0][2]


BAD_LINES = [
    ("half a line", b'{"text": "b', "not JSON"),
    ("a list", b"[1]", "a JSON list; needed is an object"),
    ("a key twice", b'{"text": "b", "text": "c"}', "a key stands twice"),
    ("half a surrogate pair", b'{"text": "\\ud800"}', "surrogates not allowed"),
    ("not UTF-8", b'{"text": "\xff"}', "not UTF-8"),
    ("nothing", b"{}", "an empty object"),
]


@pytest.mark.parametrize(("line", "said"), [case[1:] for case in BAD_LINES], ids=[case[0] for case in BAD_LINES])
def test_a_bad_line_of_json_leaves_its_neighbours(tmp_path: Path, line: bytes, said: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"text": "a", "n": 1}\r\n' + line + b'\n\n{"text": "c", "more": [null]}')
    rows = list(open_rows(path))
    assert [row.cells for row in rows] == [{"text": "a", "n": 1}, {}, {"text": "c", "more": [None]}]
    assert said in rows[1].complaint
    assert [row.line for row in rows] == [1, 2, 4]
    assert open_rows(path).names() == ["text", "n", "more"]


def test_a_parquet_text_that_is_not_utf_8_leaves_its_neighbours(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    bad = pa.array([b"a", b"\xff", b"c"], pa.binary())
    pq.write_table(pa.table({"text": pa.Array.from_buffers(pa.string(), 3, bad.buffers())}), path)
    assert read(path) == [(1, {"text": "a"}, ""), (2, {}, "not UTF-8"), (3, {"text": "c"}, "")]


def test_whole_numbers_of_json_stay_whole_where_some_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in [{"a": 1}, {"a": None, "b": "x"}, {"a": 2, "c": 0.5}]))
    assert open_rows(path).schema() == pa.schema([("a", pa.int64()), ("b", pa.string()), ("c", pa.float64())])


REFUSED = [
    ("rows.csv", b"a,a\n1,2\n", "2 columns are named 'a'"),
    ("rows.csv", b"MZ\0\0\n1\n", "a binary file"),
    ("rows.csv", b"\xff\xfea\n1\n", "its first line cannot be read"),
    ("rows.csv", b"\n\n", "the file is empty"),
    ("rows.csv", b'"",""\n1,2\n', "2 columns are named ''"),
    ("rows.parquet", b"a,b\n1,2\n", "is not a readable parquet file"),
    ("rows.xls", b"a", "found suffix '.xls'"),
    ("rows.xlsx", b"a", "is not a readable workbook"),
    ("rows.csv", b"", "the file is empty"),
]


@pytest.mark.parametrize(("name", "content", "said"), REFUSED)
def test_a_file_whose_columns_cannot_be_told_is_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        list(open_rows(path).schema())
    assert str(path) in str(refused.value)
    assert said in str(refused.value)


def test_the_share_that_was_read_grows_to_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text\n" + "привет\n" * 20_000, encoding="utf-8")
    stream = open_rows(path)
    shares = [stream.share for _ in stream]
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.1
    assert stream.share == 1


# Where two readers once disagreed on the same bytes


def test_every_field_of_a_dialect_counts_for_rows_too(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes('1|"schön|a\n2|"ja" sagte er|b\n'.encode("cp1252"))
    said = {"delimiter": "|", "encoding": "cp1252", "quoting": False, "column_names": ("id", "text", "label")}
    assert [tuple(cells.values()) for _, cells, _ in read(path, **said)] == [
        ("1", '"schön', "a"),
        ("2", '"ja" sagte er', "b"),
    ]


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "gb18030", "shift-jis"]
)
def test_an_encoding_is_read_with_a_byte_order_mark_or_without(tmp_path: Path, encoding: str) -> None:
    path, codec = tmp_path / "rows.csv", {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(encoding, encoding)
    for mark in ("\ufeff", "") if codec.startswith("utf") else ("",):
        path.write_bytes(f"{mark}text,n\n東京,1\n".encode(codec))
        assert read(path, encoding=encoding) == [(1, {"text": "東京", "n": "1"}, "")]


@pytest.mark.parametrize(
    ("encoding", "bad", "said"),
    [
        (
            "utf-8",
            b"caf\xe9",
            "byte 0xe9 after '2,caf' is not UTF-8; --encoding (in a config data.encoding) may name another",
        ),
        ("utf-8", b"\xe9t\xe9", "byte 0xe9 after '2,' is not UTF-8"),
        ("cp1252", b"a\x81", "byte 0x81 after '2,a' is not CP1252"),
        ("shift-jis", b"a\xa0", "byte 0xa0 after '2,a' is not SHIFT-JIS"),
        ("utf-16-le", b"a\0\0\xd8b\0", "byte 0x00 after '2,a' is not UTF-16-LE"),
    ],
)
def test_a_byte_that_is_no_text_rejects_its_row_alone_in_any_encoding(
    tmp_path: Path, encoding: str, bad: bytes, said: str
) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("n,text\n1,a\n2,".encode(encoding) + bad + "\n3,c\n".encode(encoding))
    rows = list(open_rows(path, Dialect(encoding=encoding)))
    assert [row.cells.get("text") for row in rows] == ["a", None, "c"]
    assert said in rows[1].complaint
    assert rows[1].place == "row 2 (line 3)"
    rows[1].written.encode()


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ("text,label\na,1\n,\nb,2\n,,,\n\n", ["a", "b"]),
        ('text,label\na,1\n"",""\n', ["a", ""]),
        ("text\na\n\nb\n", ["a", "b"]),
        ('text\na\n""\n', ["a", ""]),
        (",,\ntext,label\na,1\n", ["a"]),
    ],
    ids=["delimiters alone", "quoted nothing", "one column", "quoted nothing in one column", "above the header"],
)
def test_a_line_of_delimiters_alone_is_blank_and_quoted_nothing_is_a_row(
    tmp_path: Path, content: str, texts: list[str]
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(content)
    assert [cells["text"] for _, cells, _ in read(path)] == texts == read_table(path)["text"].tolist()


def test_columns_at_the_end_without_a_name_are_dropped_while_they_hold_nothing(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label,,\na,1,,\nb,2,x,\n")
    assert open_rows(path).names() == ["text", "label"]
    assert read(path) == [(1, {"text": "a", "label": "1"}, ""), (2, {}, "'x' stands in a column without a name")]
    path.write_text(",text\n0,a\n")
    assert read(path) == [(1, {"": "0", "text": "a"}, "")]
    path.write_text(",text,\n0,a,\n")
    assert open_rows(path).names() == ["", "text"]


def test_empty_cells_behind_the_last_column_are_nothing(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text;label\na, b;1;\nc;2;;\nd;3;x\n")
    assert read(path, delimiter=";") == [
        (1, {"text": "a, b", "label": "1"}, ""),
        (2, {"text": "c", "label": "2"}, ""),
        (3, {}, "3 cells; the columns are 2"),
    ]
    path.write_text("text;label\na, b;1;\nc;2;;\n")
    assert detect_dialect(path).dialect == Dialect(delimiter=";")


@pytest.mark.parametrize(("first", "delimiter"), [("sep=;", None), ('\ufeff"sep=;"', None), ("SEP=|", ";")])
def test_a_first_line_that_names_the_delimiter_is_obeyed_and_no_row(
    tmp_path: Path, first: str, delimiter: str | None
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"{first}\r\ntext;label\r\na, b;1\r\n", newline="")
    (row,) = open_rows(path, Dialect(delimiter=delimiter))
    assert (row.cells, row.line) == ({"text": "a, b", "label": "1"}, 3)


@pytest.mark.parametrize("name", ["rows.csv.gz", "rows.CSV.GZ", "rows.ndjson", "rows.ndjson.gz", "rows.jsonl.gz"])
def test_suffixes_are_the_same_for_all(tmp_path: Path, name: str) -> None:
    path, content = tmp_path / name, b'{"text": "a"}\n' if "json" in name else b"text\na\n"
    path.write_bytes(gzip.compress(content) if name.lower().endswith(".gz") else content)
    rows = open_rows(path)
    assert [row.cells for row in rows] == [{"text": "a"}]
    assert rows.share == 1


@pytest.mark.parametrize(
    "content", [b"text\na\n", gzip.compress(b"text\n" + b"a\n" * 10_000, mtime=0)[:-30]], ids=["not packed", "cut off"]
)
def test_a_packed_file_that_is_broken_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"rows\.csv\.gz: cannot be read: "):
        list(open_rows(path))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [("rows.csv", "text\n", "has a header but no rows"), ("rows.jsonl", "\n", "the file is empty")],
)
def test_a_file_without_rows_is_refused_by_whoever_reads_it(tmp_path: Path, name: str, content: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    for reader in (lambda: list(open_rows(path)), lambda: read_table(path)):
        with pytest.raises(InputError, match=f"{name}: {said}"):
            reader()


def test_training_too_refuses_a_row_longer_than_any_text_and_an_empty_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(physical_lines, "LONGEST_ROW", 1000)
    for name, content, said in (
        ("rows.csv", "id,text\n1," + "x" * 5000, r"row 1 \(line 2\): the line is longer than 1,000 characters"),
        ("rows.jsonl", '{"text": "a"}\n{}\n', r"row 2 \(line 2\): an empty object"),
    ):
        (tmp_path / name).write_text(content)
        with pytest.raises(InputError, match=said):
            read_table(tmp_path / name)
