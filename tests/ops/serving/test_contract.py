"""MLflow's contract: what `agile serve` and `mlflow models serve` answer to the same requests on the same version."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.toys.toy_serving import TEXTS, Server, Store
from tests.toys.waiting import LONGEST

JSON, CSV = "application/json", "text/csv"
ROWS = [[text] for text in TEXTS]
RECORDS = [{"text": text} for text in TEXTS]
ANSWERED: dict[str, dict[str, Any]] = {
    "dataframe_split": {"dataframe_split": {"columns": ["text"], "data": ROWS}},
    "dataframe_split with an index": {"dataframe_split": {"index": [7, 8], "columns": ["text"], "data": ROWS}},
    "dataframe_split with another column": {
        "dataframe_split": {"columns": ["text", "id"], "data": [[*row, 1] for row in ROWS]}
    },
    "dataframe_records": {"dataframe_records": RECORDS},
    "instances": {"instances": RECORDS},
    "bare instances": {"instances": TEXTS},
    "inputs": {"inputs": {"text": TEXTS}},
    "inputs by rows": {"inputs": RECORDS},
    "bare inputs": {"inputs": TEXTS},
    "parameters": {"inputs": {"text": TEXTS}, "params": {"temperature": 0.5}},
    "no parameters": {"dataframe_records": RECORDS, "params": None},
}


TABLES = {
    "a column": "text\nshort\na text of some length\n",
    "several columns": "id,text\r\n1,short\r\n2,a text of some length\r\n",
    "empty lines": "text\n\nshort\n\na text of some length\n\n",
}
REFUSED: dict[str, tuple[str | bytes, str, int]] = {
    "nothing": (b"", JSON, 400),
    "null": ("null", JSON, 400),
    "a list": ("[]", JSON, 400),
    "cut JSON": ("{", JSON, 400),
    "no UTF-8": (b'{"inputs": ["\xff"]}', JSON, 400),
    "no form": ("{}", JSON, 400),
    "two forms": (json.dumps({"inputs": TEXTS, "instances": TEXTS}), JSON, 400),
    "another column": (json.dumps({"dataframe_records": [{"comment": "a"}]}), JSON, 400),
    "an empty table": (b"", CSV, 400),
    "a table of another column": ("comment\na\n", CSV, 400),
    "a table with an open quote": ('text\n"a', CSV, 400),
    "a table that is not UTF-8": (b"text\n\xff\n", CSV, 400),
    "no content type": ("{}", "", 415),
    "another content type": ("<a/>", "text/xml", 415),
    "another character set": ("{}", f"{JSON}; charset=utf-16", 415),
    "an unknown parameter of the content type": ("{}", f"{JSON}; version=2", 415),
}
DIFFERENT: dict[str, tuple[dict[str, Any], int, int]] = {
    "null is scored by MLflow": ({"inputs": ["a", None]}, 400, 200),
    "a number is made a text by MLflow": ({"instances": ["a", 5]}, 400, 200),
    "a blank text is scored by MLflow": ({"inputs": [" "]}, 400, 200),
    "one text for a list is scored by MLflow": ({"inputs": {"text": "a"}}, 400, 200),
    "an unknown field is dropped by MLflow": ({"inputs": ["a"], "texts": ["b"]}, 400, 200),
    "the model's failure is the client's to MLflow, traceback and all": ({"inputs": ["broken"]}, 500, 400),
}
"""Request → our status, MLflow's. A list of one in `instances` MLflow scores as what Python writes for it."""


@pytest.fixture(scope="module")
def mlflows(store: Store, serve: Callable[..., str]) -> str:
    command = ["mlflow", "models", "serve", "--env-manager", "local", "--model-uri", "models:/toy/1"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # MLflow starts uvicorn by name
    return serve(command, {"PATH": path, "MLFLOW_TRACKING_URI": store.environment["MLFLOW_TRACKING_URI"]})


def ask(address: str, body: str | bytes, kind: str = JSON) -> requests.Response:
    return requests.post(f"{address}/invocations", data=body, headers={"content-type": kind}, timeout=LONGEST)


def facts(answer: requests.Response) -> tuple[int, str, str]:
    """Status, content type and body, to the byte; but for the version, which MLflow's server does not tell."""
    return answer.status_code, answer.headers["content-type"], answer.text.replace(', "model_version": "1"', "")


@pytest.mark.parametrize("path", ["/ping", "/health", "/version"])
def test_a_path_that_tells_of_the_server_is_answered_alike(server: Server, mlflows: str, path: str) -> None:
    ours, theirs = (facts(requests.get(f"{address}{path}", timeout=LONGEST)) for address in (server.address, mlflows))
    assert ours == theirs
    assert ours[0] == 200


@pytest.mark.parametrize("form", ANSWERED.values(), ids=list(ANSWERED))
def test_a_form_is_answered_alike(server: Server, mlflows: str, form: dict[str, Any]) -> None:
    ours, theirs = (facts(ask(address, json.dumps(form))) for address in (server.address, mlflows))
    assert ours == theirs
    assert ours[0] == 200


@pytest.mark.parametrize("kind", [CSV, f"{CSV}; charset=utf-8"])
@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_a_table_is_answered_alike(server: Server, mlflows: str, table: str, kind: str) -> None:
    ours, theirs = (facts(ask(address, table, kind)) for address in (server.address, mlflows))
    assert ours == theirs
    assert ours[0] == 200


@pytest.mark.parametrize(("body", "kind", "status"), REFUSED.values(), ids=list(REFUSED))
def test_what_cannot_be_read_is_refused_alike(
    server: Server, mlflows: str, body: str | bytes, kind: str, status: int
) -> None:
    ours, theirs = ask(server.address, body, kind), ask(mlflows, body, kind)
    assert (ours.status_code, theirs.status_code) == (status, status)
    assert set(ours.json()) == {"error_code", "message"}
    if status == 400:  # MLflow's other refusals are plain text
        assert ours.json()["error_code"] == theirs.json()["error_code"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/nothing"), ("GET", "/invocations"), ("HEAD", "/ping")])
def test_another_path_or_method_is_refused_alike(server: Server, mlflows: str, method: str, path: str) -> None:
    ours, theirs = (
        requests.request(method, f"{address}{path}", timeout=LONGEST) for address in (server.address, mlflows)
    )
    assert ours.status_code == theirs.status_code
    assert ours.headers.get("allow") == theirs.headers.get("allow")


@pytest.mark.parametrize(("body", "status", "theirs"), DIFFERENT.values(), ids=list(DIFFERENT))
def test_where_ours_is_stricter_it_says_so(
    server: Server, mlflows: str, body: dict[str, Any], status: int, theirs: int
) -> None:
    assert ask(server.address, json.dumps(body)).status_code == status
    assert ask(mlflows, json.dumps(body)).status_code == theirs
