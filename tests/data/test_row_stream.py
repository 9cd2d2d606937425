"""Row stream: every format read as faithfully as `read_table` reads it, and a bad row handed on with its reason."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agile_classifier.data import lines as physical_lines
from agile_classifier.data.row_stream import RowStream, names_of
from agile_classifier.data.tables import read_table
from agile_classifier.errors import InputError

CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
ROWS = st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8)


def read(path: Path, **options: Any) -> list[tuple[int, dict[str, Any], str]]:
    return [(row.number, row.cells, row.complaint) for row in RowStream(path, **options)]


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
    assert names_of(RowStream(path)) == ["id", "text"]


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
    rows = list(RowStream(path))
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
    rows = list(RowStream(path))
    assert [row.cells for row in rows] == [{"text": "a", "n": 1}, {}, {"text": "c", "more": [None]}]
    assert said in rows[1].complaint
    assert [row.line for row in rows] == [1, 2, 4]
    assert names_of(RowStream(path)) == ["text", "n", "more"]


def test_a_parquet_text_that_is_not_utf_8_leaves_its_neighbours(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    bad = pa.array([b"a", b"\xff", b"c"], pa.binary())
    pq.write_table(pa.table({"text": pa.Array.from_buffers(pa.string(), 3, bad.buffers())}), path)
    assert read(path) == [(1, {"text": "a"}, ""), (2, {}, "not UTF-8"), (3, {"text": "c"}, "")]


def test_whole_numbers_of_json_stay_whole_where_some_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in [{"a": 1}, {"a": None, "b": "x"}, {"a": 2, "c": 0.5}]))
    assert RowStream(path).schema() == pa.schema([("a", pa.int64()), ("b", pa.string()), ("c", pa.float64())])


REFUSED = [
    ("rows.csv", b"a,a\n1,2\n", "2 columns are named 'a'"),
    ("rows.csv", b"PAR1\0\0\n1\n", "a binary file"),
    ("rows.csv", b"\xff\xfea\n1\n", "its first line cannot be read"),
    ("rows.csv", b"\n\n", "the file is empty"),
    ("rows.parquet", b"a,b\n1,2\n", "is not a readable parquet file"),
    ("rows.xlsx", b"a", "found suffix '.xlsx'"),
    ("rows.csv", b"", "the file is empty"),
]


@pytest.mark.parametrize(("name", "content", "said"), REFUSED)
def test_a_file_whose_columns_cannot_be_told_is_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        list(RowStream(path).schema())
    assert str(path) in str(refused.value)
    assert said in str(refused.value)


def test_the_share_that_was_read_grows_to_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text\n" + "привет\n" * 20_000, encoding="utf-8")
    stream = RowStream(path)
    shares = [stream.share for _ in stream]
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.1
    assert stream.share == 1
