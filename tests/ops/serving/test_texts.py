"""Texts of a request: every form that MLflow takes is read; what is no text is refused, with its row named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.ops.serving.texts import Refusal, TextLimits, read_texts

LIMITS = TextLimits(max_rows=3, max_characters=10)

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
def test_every_form_is_read(request_: dict[str, Any]) -> None:
    assert read_texts(json.dumps(request_).encode(), LIMITS) == ["a", "b"]


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
    "a short row": (b'{"dataframe_split": {"columns": ["text"], "data": [["a"], []]}}', 400, "row 1: a list of 1"),
    "a record without": (b'{"dataframe_records": [{"text": "a"}, {"txt": "b"}]}', 400, "row 1: the columns are 'txt'"),
    "a record that is none": (b'{"dataframe_records": ["a"]}', 400, "row 0: an object with 'text'"),
    "another input": (b'{"inputs": {"comment": ["a"]}}', 400, "the columns are 'comment'"),
    "an input without list": (b'{"inputs": {"text": "a"}}', 400, "a list is needed, found a text"),
    "two forms": (b'{"inputs": ["a"], "instances": ["a"]}', 400, "exactly one of dataframe_split"),
    "no form": (b'{"texts": ["a"]}', 400, "the fields 'texts'"),
    "a chat": (b'{"messages": []}', 400, "the fields 'messages'"),
    "a list for a request": (b'["a"]', 400, "the request is a list"),
    "cut JSON": (b'{"inputs": ["a"', 400, "not JSON"),
    "no UTF-8": (b'{"inputs": ["\xff"]}', 400, "not JSON"),
    "nothing": (b"", 400, "not JSON"),
    "JSON without end": (b'{"inputs":' + b"[" * 100_000, 400, "not JSON"),
    "a number without end": (b'{"inputs": [' + b"1" * 5000 + b"]}", 400, "not JSON"),
}


@pytest.mark.parametrize(("body", "status", "said"), BAD.values(), ids=list(BAD))
def test_what_is_no_text_is_refused_in_one_line(body: bytes, status: int, said: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_texts(body, LIMITS)
    assert refused.value.status == status
    assert said in refused.value.line
    assert "\n" not in refused.value.line
    assert len(refused.value.line) < 300


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["dataframe_split", "dataframe_records", "instances", "inputs", "text", "columns", "data", "x"]), inner,
)))  # fmt: skip
def test_any_json_is_read_or_refused(request_: Any) -> None:
    try:
        texts = read_texts(json.dumps(request_).encode(), LIMITS)
    except Refusal:
        return
    assert all(isinstance(text, str) and text.strip() for text in texts)
