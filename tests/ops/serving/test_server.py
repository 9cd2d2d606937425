"""Serving: real servers on loopback, on a registered toy that scores a text by its length."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from agile_classifier.errors import InputError
from agile_classifier.ops.project import root
from tests.toys.toy_serving import EXPECTED, TEXTS, Server, Start, Store
from tests.toys.waiting import LONGEST, until

SECRET = "sentinel-token-0123456789"
FORMS: list[dict[str, Any]] = [
    {"dataframe_split": {"columns": ["text"], "data": [[text] for text in TEXTS]}},
    {"dataframe_records": [{"text": text} for text in TEXTS]},
    {"instances": [{"text": text} for text in TEXTS]},
    {"inputs": {"text": TEXTS}},
]


@pytest.mark.parametrize("form", FORMS, ids=[next(iter(form)) for form in FORMS])
def test_every_form_is_answered_with_label_probabilities_and_version(server: Server, form: dict[str, Any]) -> None:
    answer = server.ask(form)
    assert (answer.status_code, answer.json()) == (200, {"predictions": EXPECTED})
    assert answer.headers["x-model-version"] == "1"


def inputs(*texts: Any) -> dict[str, Any]:
    return {"inputs": list(texts)}


REFUSED = [
    ("a null", inputs("a", None), {}, 400, "row 1: the text is missing"),
    ("a number", inputs("a", 5), {}, 400, "row 1: the text is the number 5"),
    ("a blank text", inputs("a", "b", " \u200b"), {}, 400, "row 2: the text is"),
    ("a long text", inputs("a" * 101), {}, 400, "row 0: the text has 101 characters; at most 100"),
    ("many rows", inputs(*"abcdef"), {}, 413, "6 rows in one request; at most 5"),
    ("a large request", b" " * 20_001, {}, 413, "more than 20000 bytes"),
    ("a large request in chunks", b" " * 15_000, {"stream": True}, 413, "more than 20000 bytes"),
    ("no JSON", b"{", {}, 400, "not JSON"),
    (
        "a Parquet file",
        b"PAR1",
        {"content-type": "application/vnd.apache.parquet"},
        415,
        "application/json or text/csv in UTF-8 is needed",
    ),
    ("packed JSON", b"{}", {"content-encoding": "gzip"}, 415, "encoding gzip"),
    ("another character set", b"{}", {"content-type": "application/json; charset=utf-16"}, 415, "charset=utf-16"),
]


@pytest.mark.parametrize(
    ("request_", "headers", "status", "said"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_cannot_be_scored_is_refused_in_mlflows_shape(
    server: Server, request_: Any, headers: dict[str, Any], status: int, said: str
) -> None:
    before = server.metric("agile_serving_rows_total")
    if headers.pop("stream", False):
        answer = requests.post(
            f"{server.address}/invocations", data=iter([request_, request_]), headers={"content-type": "application/json"}, timeout=LONGEST
        )  # fmt: skip
    else:
        answer = server.ask(request_, headers=headers)
    assert answer.status_code == status
    assert set(answer.json()) == {"error_code", "message"}
    assert said in answer.json()["message"]
    assert server.metric("agile_serving_rows_total") == before


def test_another_path_or_method_is_refused_in_the_same_shape(server: Server) -> None:
    assert server.get("/nothing").json() == {
        "error_code": "ENDPOINT_NOT_FOUND",
        "message": "no /nothing; there are /ping, /health, /version, /metrics, /invocations, /feedback, /v1/models,"
        " /v1/moderations, /v1alpha1/comments:analyze",
    }
    answer = server.get("/invocations")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert server.ask(inputs("a")).status_code == 200


def test_a_failure_of_the_model_is_a_500_without_its_insides(server: Server) -> None:
    answer = server.ask(inputs("broken"))
    assert (answer.status_code, answer.json()["error_code"]) == (500, "INTERNAL_ERROR")
    assert "toy" not in answer.text
    server.until_said("RuntimeError: the toy is broken")
    assert server.ask(inputs("a")).status_code == 200


def test_metrics_count_requests_rows_and_refusals(server: Server) -> None:
    ok = 'agile_serving_requests_total{path="/invocations",status="200"}'
    count, rows = server.metric(ok), server.metric("agile_serving_rows_total")
    server.ask(inputs("a", "b", "c"))
    server.ask(inputs(None))
    assert (server.metric(ok), server.metric("agile_serving_rows_total")) == (count + 1, rows + 3)
    assert server.metric('agile_serving_refused_total{code="INVALID_PARAMETER_VALUE"}') >= 1
    assert server.metric('agile_serving_model_info{model="toy",version="1"}') == 1
    assert server.metric("agile_serving_request_seconds_count") >= 2
    assert server.metric("agile_serving_in_flight") == 0


def test_the_load_test_asks_each_text_once_and_counts_the_answers(server: Server) -> None:
    from benchmarks.served.clients import ask

    port = int(server.address.rpartition(":")[2])
    run = asyncio.run(ask(port, [*TEXTS * 20, "broken"], clients=4, seconds=LONGEST))
    assert run.statuses == {200: 40, 500: 1}
    assert len(run.milliseconds) == 40
    assert 0 < run.percentile(50) <= run.percentile(99) <= 1000 * run.seconds
    assert run.per_second == 40 / run.seconds
    assert asyncio.run(ask(port, TEXTS * 20, clients=4, seconds=0)).statuses == {}


def test_a_wrong_token_is_refused_before_anything_is_read(start: Start) -> None:
    server = start(AGILE_SERVE_TOKEN=SECRET)
    right = {"authorization": f"Bearer {SECRET}"}
    assert server.get("/ping").status_code == 200
    for headers in (
        {},
        {"authorization": f"Bearer {SECRET}x"},
        {"authorization": SECRET},
        {"authorization": "Bearer é"},
    ):
        encoded = {name: value.encode() for name, value in headers.items()}
        answer = server.ask(b"{" * 100_000, headers=encoded)
        assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert [server.get(path, headers=encoded).status_code for path in ("/metrics", "/health", "/x")] == [401] * 3
    assert server.ask(inputs("short"), headers=right).json() == {"predictions": EXPECTED[:1]}
    assert server.get("/metrics", headers=right).status_code == 200
    assert SECRET not in server.log.read_text()


def test_a_promotion_is_followed_without_a_dropped_request(store: Store, start: Start) -> None:
    server, fixed = start(), start("--version", "1")
    store.make_version()
    seen: list[list[tuple[int, str]]] = [[] for _ in range(4)]
    done = threading.Event()

    def client(number: int) -> None:
        with requests.Session() as session:
            while not done.is_set():
                answer = session.post(f"{server.address}/invocations", json=inputs("a", "b"), timeout=LONGEST)
                versions = {row["model_version"] for row in answer.json()["predictions"]}
                assert versions == {answer.headers["x-model-version"]}
                seen[number].append((answer.status_code, versions.pop()))

    with ThreadPoolExecutor(4) as clients:
        running = [clients.submit(client, number) for number in range(4)]
        store.promote("2")
        server.until_said("toy: version 2 has taken over from version 1")
        _break(store, store.make_version())
        store.promote("3")
        server.until_said("version 3 cannot be loaded")
        server.until_said("version 2 stays in service")
        store.client.delete_registered_model_alias("toy", "champion")
        server.until_said("no version has the alias 'champion'")
        done.set()
        for one in running:
            one.result(LONGEST)
    store.promote("1")
    for answers in seen:
        assert {status for status, _ in answers} == {200}
        versions = [version for _, version in answers]
        assert versions == sorted(versions)
        assert versions[-1] == "2"
    assert server.metric('agile_serving_swaps_total{result="unreadable"}') >= 1
    server.until_said("toy: version 1 has taken over from version 2")
    assert fixed.ask(inputs("a")).headers["x-model-version"] == "1"


def _break(store: Store, version: str) -> None:
    """Take a version's files away."""
    from mlflow.artifacts import download_artifacts

    shutil.rmtree(download_artifacts(f"models:/toy/{version}"))


def test_overload_is_answered_503_with_retry_after_and_a_stop_lets_requests_end(start: Start, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    server = start("--max-requests", "4", "--max-waiting", "6", "--max-rows", "6", TOY_GATE=str(gate))
    with ThreadPoolExecutor(4) as clients:
        held = [clients.submit(server.ask, inputs("held")) for _ in range(4)]
        until(lambda: server.metric("agile_serving_in_flight") == 4, "four requests are not under way")
        refused = [server.ask(inputs("held")) for _ in range(12)]
        assert [(answer.status_code, answer.headers["retry-after"]) for answer in refused] == [(503, "1")] * 12
        assert all(answer.json()["error_code"] == "TEMPORARILY_UNAVAILABLE" for answer in refused)
        gate.touch()
        assert [answer.result(LONGEST).status_code for answer in held] == [200] * 4
        gate.unlink()
        under_way = clients.submit(server.ask, inputs("held", "held"))
        until(lambda: server.metric("agile_serving_in_flight") == 1, "no request is under way")
        server.process.send_signal(signal.SIGTERM)
        until(lambda: not _accepts(server), "the server takes more requests on")
        gate.touch()
        assert under_way.result(LONGEST).status_code == 200
    assert server.process.wait(LONGEST) == 0
    server.until_said("stopped")


def _accepts(server: Server) -> bool:
    try:
        return server.get("/ping").ok
    except requests.ConnectionError:
        return False


def test_what_cannot_be_served_is_refused_in_one_line(store: Store) -> None:
    from agile_classifier.ops.serving.versions import find_target

    with pytest.raises(InputError, match="model toy: no version 99; there are: 1"):
        find_target("toy", "99")
    with pytest.raises(InputError, match="no version has the alias 'best'; aliases:"):
        find_target(None, "best")
    with pytest.raises(InputError, match="no registered model 'other'; there are: toy"):
        find_target("other", "1")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("options", "environment", "code", "said"),
    [
        (["--host", "0.0.0.0"], {}, 2, "beyond loopback a token is needed"),
        (["--version", "99"], {}, 2, "no version 99"),
        ([], {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{_free_port()}"}, 1, "MlflowException"),
    ],
    ids=["no token", "an unknown version", "a registry that is down"],
)
def test_a_server_that_cannot_start_says_why_and_exits(
    store: Store, options: list[str], environment: dict[str, str], code: int, said: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agile_classifier", "serve", "--port", "0", *options],
        env=store.environment | environment, capture_output=True, text=True, cwd=root(),
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    complaint = [line for line in done.stderr.splitlines() if line.startswith("agile: error: ")]
    assert len(complaint) == 1
    assert said in complaint[0]
    assert "Traceback" not in done.stderr
