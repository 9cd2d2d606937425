"""JSON: arrays read object by object, wrappers, lines under another name, and nested objects as dotted columns."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agile_classifier.config.addresses.columns import Columns
from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.config.data import DataConfig
from agile_classifier.data.examples import read_examples
from agile_classifier.data.formats import json_array
from agile_classifier.data.rows import open_rows
from agile_classifier.errors import InputError

ROWS = [{"text": "a \u2028 NA", "n": 1}, {"text": "[{", "n": None}, {"text": "c", "n": 2.5, "more": ["x", {"y": 1}]}]


def write(folder: Path, content: str | bytes, name: str = "rows.json") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def cells(path: Path, **dialect: Any) -> list[dict[str, Any]]:
    return [row.cells for row in open_rows(path, Dialect(**dialect))]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_an_array_of_objects_is_its_rows(tmp_path: Path, indent: int | None, mark: str) -> None:
    path = write(tmp_path, mark + json.dumps(ROWS, indent=indent))
    assert cells(path) == ROWS
    assert open_rows(path).names() == ["text", "n", "more"]


@pytest.mark.parametrize(
    "document",
    [
        {"data": ROWS},
        {"version": 1, "labels": ["a", "b"], "rows": ROWS, "meta": {"by": ["me"]}},
        {"schema": {"fields": [{"name": "text"}]}, "data": ROWS},
    ],
)
def test_an_object_with_one_array_of_objects_is_that_array(tmp_path: Path, document: Any) -> None:
    assert cells(write(tmp_path, json.dumps(document, indent=1))) == ROWS


def test_lines_of_json_and_a_single_object_are_read_under_the_suffix_json_too(tmp_path: Path) -> None:
    assert cells(write(tmp_path, "\n".join(map(json.dumps, ROWS)))) == ROWS
    assert cells(write(tmp_path, json.dumps(ROWS[0]))) == ROWS[:1]
    broken = write(tmp_path, json.dumps(ROWS[0]) + '\n{"text": \n' + json.dumps(ROWS[2]))
    assert [bool(row.complaint) for row in open_rows(broken)] == [False, True, False]


def test_the_encoding_and_packing_of_an_array_are_those_of_lines(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(json.dumps(ROWS, ensure_ascii=False).encode("utf-16")), "rows.json.gz")
    assert cells(path, encoding="utf-16") == ROWS


@pytest.mark.parametrize(
    ("content", "complaints"),
    [
        ('[{"a": 1},\n 3,\n{"a": 2}]', {2: "a JSON int; needed is an object"}),
        ('[{"a": 1},\n{},\n{"a": 2}]', {2: "an empty object"}),
        ('[{"a": 1},\n{"a": 1, "a": 2},\n{"a": 2}]', {2: "the key 'a' stands twice"}),
        ('[{"a": 1},\n{"a": "\\ud800"},\n{"a": 2}]', {2: "surrogates not allowed"}),
        (b'[{"a": 1},\n{"a": "caf\xe9"},\n{"a": 2}]', {2: "byte 0xe9 after"}),
        ('[{"a": 1},\n{"b.c": 1, "b": {"c": 2}},\n{"a": 2}]', {2: "two cells are named 'b.c'"}),
    ],
)
def test_a_bad_object_leaves_its_neighbours(tmp_path: Path, content: str | bytes, complaints: dict[int, str]) -> None:
    rows = list(open_rows(write(tmp_path, content)))
    assert [row.cells for row in rows] == [{"a": 1}, {}, {"a": 2}]
    assert [row.line for row in rows] == [1, 2, 3]
    for number, said in complaints.items():
        assert said in rows[number - 1].complaint
        rows[number - 1].written.encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[{"a": 1},\n{"a": ', r"line 2: not JSON"),
        ('[{"a": 1}\n{"a": 2}]', r"line 2: needed is ',' or '\]', found '\{'"),
        ('[{"a": 1}] x', r"line 1: the document goes on behind its end: 'x'"),
        ('[{"a": 1}', r"found the end of the file"),
        ('"text"', r"line 1: needed is an array of objects"),
        ("[]", r"holds no rows: an array of objects was looked for"),
        ('{"a": [{"b": 1}], "c": [{"d": 2}]}', r"'a' and 'c' are arrays of objects; needed is one"),
        ("[" * 100_000, r"not JSON: maximum recursion depth"),
        ('[{"a": ' + "9" * 5000 + "}]", r"not JSON: Exceeds the limit"),
    ],
)
def test_what_is_no_table_is_one_line(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        list(open_rows(write(tmp_path, content)))
    assert "\n" not in str(refused.value)


def test_an_object_longer_than_any_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_array, "LONGEST_ROW", 2**20)
    with pytest.raises(InputError, match=r"a value of more than 1,048,576 characters, or no JSON"):
        list(open_rows(write(tmp_path, '[{"a": "' + "x" * 2**22 + '"}]')))


def test_a_large_array_is_read_in_bounded_memory(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps([{"text": "so kind of you " * 4, "n": n} for n in range(100_000)]))
    tracemalloc.start()
    n_rows = sum(1 for _ in open_rows(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert n_rows == 100_000
    assert peak < 12 * 2**20 < path.stat().st_size * 2


def test_objects_in_objects_are_columns_named_by_their_path(tmp_path: Path) -> None:
    rows = [{"id": 1, "data": {"text": "so kind", "by": {"name": "x"}}, "none": {}, "tags": [{"a": 1}]}]
    flat = {"id": 1, "data.text": "so kind", "data.by.name": "x", "none": {}, "tags": [{"a": 1}]}
    for path in (write(tmp_path, json.dumps(rows)), write(tmp_path, json.dumps(rows[0]), "rows.jsonl")):
        assert cells(path) == [flat]
        data = DataConfig(source=str(path), columns=Columns(text="data.text", id="id"))
        assert read_examples(data)["text"].tolist() == ["so kind"]
    assert open_rows(path).schema().field("data.by.name").type == pa.string()


def test_parquet_gives_lists_categories_and_nested_columns(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(
        pa.table(
            {
                "text": pa.array(["a", "b"]).dictionary_encode(),
                "tags": [["x"], ["x", "y"]],
                "meta": [{"by": "me", "at": {"n": 1}}, None],
            }
        ),
        path,
    )
    assert cells(path) == [
        {"text": "a", "tags": ["x"], "meta.by": "me", "meta.at.n": 1},
        {"text": "b", "tags": ["x", "y"], "meta": None},
    ]
    assert open_rows(path).schema().names == ["text", "tags", "meta.by", "meta.at.n", "meta"]


LEAF = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=5) | st.floats(allow_nan=False)
CELLS = st.dictionaries(
    st.text("abc", min_size=1, max_size=3), LEAF | st.lists(LEAF, max_size=2), min_size=1, max_size=4
)


@given(st.lists(CELLS, min_size=1, max_size=5), st.sampled_from([None, 0, 3]), st.booleans(), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_objects_are_read_back_from_an_array(
    tmp_path: Path, rows: list[dict[str, Any]], indent: int | None, ascii_only: bool, wrapped: bool
) -> None:
    document = {"k": "[{", "data": rows} if wrapped else rows
    path = write(tmp_path, json.dumps(document, indent=indent, ensure_ascii=ascii_only))
    assert cells(path) == rows
