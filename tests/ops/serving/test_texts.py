"""Bodies of requests: every form that MLflow takes is read; what is no text is refused, with its row named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from agile_classifier.ops.serving.app import make_app
from agile_classifier.ops.serving.metrics import ServingMetrics
from agile_classifier.ops.serving.texts import ServingLimits
from tests.toys.live_server import serving_toys, take_no_verdicts

LIMITS = ServingLimits(max_rows=3, max_characters=10)
JSON, CSV = "application/json", "text/csv"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """Of the application, whose model answers with the texts themselves."""
    with serving_toys(LIMITS) as served:
        app = make_app(served, take_no_verdicts(), metrics=ServingMetrics(), token=None)
        yield TestClient(app, base_url="http://localhost")


def read_texts(client: TestClient, body: bytes, kind: str = JSON) -> list[str]:
    answer = client.post("/invocations", content=body, headers={"content-type": kind})
    assert answer.status_code == 200, answer.text
    return [row["label"] for row in answer.json()["predictions"]]


FORMS = {
    "split": {"dataframe_split": {"columns": ["id", "text"], "data": [[1, "a"], [2, "b"]]}},
    "split with an index": {"dataframe_split": {"index": [0, 1], "columns": ["text"], "data": [["a"], ["b"]]}},
    "records": {"dataframe_records": [{"text": "a"}, {"text": "b", "id": 2}]},
    "instances": {"instances": [{"text": "a"}, {"text": "b"}]},
    "bare instances": {"instances": ["a", "b"]},
    "lists of one": {"instances": [["a"], ["b"]]},
    "inputs": {"inputs": {"text": ["a", "b"]}},
    "bare inputs": {"inputs": ["a", "b"]},
    "parameters, which are ignored": {"inputs": ["a", "b"], "params": {"x": 1}},
}


@pytest.mark.parametrize("request_", FORMS.values(), ids=list(FORMS))
def test_every_form_is_read(client: TestClient, request_: dict[str, Any]) -> None:
    assert read_texts(client, json.dumps(request_).encode()) == ["a", "b"]


TABLES = {
    "a column": ("text\na\nb\n", ["a", "b"]),
    "several columns": ("id,text\r\n1,a\r\n2,b", ["a", "b"]),
    "empty lines": ("text\n\na\n\nb\n\n", ["a", "b"]),
    "quotes": ('text\n"a, ""b"""\n"c\nd"\n', ['a, "b"', "c\nd"]),
    "a byte order mark": ("\ufefftext\na\n", ["a"]),
    "words that pandas takes for nothing": ("text\nNA\nnull\n1\n", ["NA", "null", "1"]),
}


@pytest.mark.parametrize(("table", "texts"), TABLES.values(), ids=list(TABLES))
def test_csv_is_read(client: TestClient, table: str, texts: list[str]) -> None:
    assert read_texts(client, table.encode(), CSV) == texts


def rows(*values: Any) -> bytes:
    return json.dumps({"dataframe_split": {"columns": ["text"], "data": [[value] for value in values]}}).encode()


BAD = {
    "null": (rows("a", None), 400, "row 1: the text is missing"),
    "a number": (rows("a", 5), 400, "row 1: the text is the number 5"),
    "no number": (b'{"inputs": ["a", NaN]}', 400, "row 1: the text is missing"),
    "a number among bare texts": (b'{"instances": ["a", 5]}', 400, "row 1: the text is the number 5"),
    "true": (rows(True), 400, "row 0: the text is true"),
    "a list": (rows(["a"]), 400, "row 0: the text is a list"),
    "an empty text": (rows("a", "b", ""), 400, "row 2: the text is ''"),
    "a blank text": (rows("\u200b\t "), 400, "row 0: the text is"),
    "a long text": (rows("a", "b" * 11), 400, "row 1: the text has 11 characters; at most 10"),
    "half a character": (rows("a\ud800"), 400, "row 0: the text holds half of a surrogate pair"),
    "too many rows": (rows(*"abcd"), 413, "4 rows in one request; at most 3"),
    "no rows": (rows(), 400, "no rows"),
    "another column": (
        b'{"dataframe_split": {"columns": ["comment"], "data": [["a"]]}}',
        400,
        "the columns are 'comment'; one named 'text'",
    ),
    "a column twice": (b'{"dataframe_split": {"columns": ["text", "text"], "data": []}}', 400, "one named 'text'"),
    "a short row": (
        b'{"dataframe_split": {"columns": ["text"], "data": [["a"], []]}}',
        400,
        "row 1: 0 values for 1 columns",
    ),
    "a record without": (b'{"dataframe_records": [{"text": "a"}, {"txt": "b"}]}', 400, "row 1: the columns are 'txt'"),
    "a record that is none": (b'{"dataframe_records": ["a"]}', 400, "row 0: an object with 'text'"),
    "another input": (b'{"inputs": {"comment": ["a"]}}', 400, "the columns are 'comment'"),
    "an input without list": (b'{"inputs": {"text": "a"}}', 400, "inputs: Input should be a valid list; found 'a'"),
    "two forms": (
        b'{"inputs": ["a"], "instances": ["a"]}',
        400,
        "exactly one of dataframe_split, dataframe_records, instances, inputs is needed; found 'inputs', 'instances'",
    ),
    "no form": (b'{"texts": ["a"]}', 400, "found 'texts'"),
    "a chat": (b'{"messages": []}', 400, "found 'messages'"),
    "half a character in a field": (b'{"\\ud800": ["a"]}', 400, "found '\\ud800'"),
    "a list for a request": (
        b'["a"]',
        400,
        "the body: Input should be a valid dictionary or object to extract fields from; found ['a']",
    ),
    "cut JSON": (b'{"inputs": ["a"', 400, "not JSON"),
    "no UTF-8": (b'{"inputs": ["\xff"]}', 400, "the body cannot be read: 'utf-8' codec"),
    "nothing": (b"", 400, "the body: Field required"),
    "null for a body": (b"null", 400, "the body: Field required"),
    "null for a form": (b'{"inputs": null}', 400, "inputs: Input should be a valid list; found None"),
    "no columns": (b'{"dataframe_split": {"data": [["a"]]}}', 400, "dataframe_split: columns: Field required"),
    "a row that is none": (
        b'{"dataframe_split": {"columns": ["text"], "data": [["a"], 5]}}',
        400,
        "row 1: Input should be a valid list; found 5",
    ),
    "parameters without names": (
        b'{"inputs": ["a"], "params": 5}',
        400,
        "params: Input should be a valid dictionary; found 5",
    ),
    "many mistakes": (
        b'{"inputs": {"x": 1}, "params": ' + b"[" + b"5," * 100_000 + b"5]}",
        400,
        "one named 'text' is needed",
    ),
    "JSON without end": (b'{"inputs":' + b"[" * 100_000, 400, "the body cannot be read: maximum recursion"),
    "a number without end": (b'{"inputs": [' + b"1" * 5000 + b"]}", 400, "the body cannot be read: Exceeds the limit"),
}


@pytest.mark.parametrize(("body", "status", "said"), BAD.values(), ids=list(BAD))
def test_what_is_no_text_is_refused_in_one_line(client: TestClient, body: bytes, status: int, said: str) -> None:
    assert_refused(client, body, JSON, status, said)


BAD_TABLES = {
    "a blank cell": (b'text\na\n""\n', "row 1: the text is ''"),
    "another column": (b"comment\na\n", "the columns are 'comment'; one named 'text'"),
    "a short line": (b"id,text\n1,a\n2\n", "row 1: 1 values for 2 columns"),
    "a column's name alone": (b"text\n", "no rows"),
    "an open quote": (b'text\n"a', "not CSV: unexpected end of data"),
    "no UTF-8": (b"text\n\xff\n", "can't decode byte 0xff"),
}


@pytest.mark.parametrize(("body", "said"), BAD_TABLES.values(), ids=list(BAD_TABLES))
def test_a_bad_table_is_refused_in_one_line(client: TestClient, body: bytes, said: str) -> None:
    assert_refused(client, body, CSV, 400, said)


def assert_refused(client: TestClient, body: bytes, kind: str, status: int, said: str) -> None:
    answer = client.post("/invocations", content=body, headers={"content-type": kind})
    assert answer.status_code == status
    assert set(answer.json()) == {"error_code", "message"}
    line = answer.json()["message"]
    assert said in line
    assert "\n" not in line
    assert len(line) < 300


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["dataframe_split", "dataframe_records", "instances", "inputs", "text", "columns", "data", "x"]), inner,
)))  # fmt: skip
def test_any_json_is_read_or_refused(client: TestClient, request_: Any) -> None:
    answer = client.post("/invocations", content=json.dumps(request_), headers={"content-type": JSON})
    assert answer.status_code in (200, 400, 413)
    if answer.status_code == 200:
        assert all(row["label"].strip() for row in answer.json()["predictions"])
