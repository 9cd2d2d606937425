"""Serving: real servers on loopback, on a registered toy that scores a text by its length."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from agile_classifier.errors import InputError
from agile_classifier.ops.project import root

SECRET = "sentinel-token-0123456789"
SCORER = Path(__file__).parents[2] / "toys" / "toy_slow_scorer.py"
TEXTS = ["short", "a text of some length"]
EXPECTED = [
    {"label": "short", "probability_short": 0.75, "probability_long": 0.25, "model_version": "1"},
    {"label": "long", "probability_short": 0.0, "probability_long": 1.0, "model_version": "1"},
]


@dataclass(frozen=True)
class Store:
    """An MLflow store in which `toy` has versions; and the environment in which it is found."""

    client: Any
    run_id: str
    environment: dict[str, str]

    def make_version(self) -> str:
        import mlflow
        from mlflow.models import ModelSignature
        from mlflow.types import ColSpec, DataType, Schema

        from agile_classifier.ops.registry.versions import create_version

        outputs = [("label", DataType.string), ("probability_short", DataType.double), ("probability_long", DataType.double)]  # fmt: skip
        signature = ModelSignature(
            Schema([ColSpec(DataType.string, "text")]), Schema([ColSpec(kind, name) for name, kind in outputs])
        )
        with mlflow.start_run(run_id=self.run_id):
            logged = mlflow.pyfunc.log_model(
                name="classifier", python_model=str(SCORER), signature=signature, pip_requirements=["mlflow"]
            )
        return create_version("toy", model_uri=str(logged.model_uri), run_id=self.run_id, tags={}, description="")

    def promote(self, version: str) -> None:
        self.client.set_registered_model_alias("toy", "champion", version)


@dataclass(frozen=True)
class Server:
    """A server's process, its address, and what it says on standard error."""

    process: subprocess.Popen[str]
    address: str
    log: Path

    def ask(self, request: Any = None, **options: Any) -> requests.Response:
        """POST to `/invocations`; bytes as they are."""
        given = {"data": request} if isinstance(request, bytes) else {"json": request}
        headers = {"content-type": "application/json", **options.pop("headers", {})}
        return requests.post(f"{self.address}/invocations", **given, headers=headers, timeout=60, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(f"{self.address}{path}", timeout=30, **options)

    def metric(self, line: str) -> float:
        found = re.search(rf"^{re.escape(line)} (\S+)$", self.get("/metrics").text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def says(self, what: str, *, within: float = 30) -> bool:
        deadline = time.monotonic() + within
        while what not in self.log.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        return what in self.log.read_text()


Start = Callable[..., Server]


@pytest.fixture(scope="module")
def store(state_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    import mlflow
    from mlflow import MlflowClient

    folder, shared = tmp_path_factory.mktemp("serving"), mlflow.get_tracking_uri()
    address = f"sqlite:///{folder}/mlflow.db"
    mlflow.set_tracking_uri(address)
    client = MlflowClient()
    run = client.create_run(client.create_experiment("toy", artifact_location=(folder / "artifacts").as_uri()))
    (folder / "ready").touch()  # the databases that serving needs are there
    environment = {**os.environ, "AGILE_HOME": str(folder), "MLFLOW_TRACKING_URI": address}
    environment.pop("AGILE_SERVE_TOKEN", None)
    made = Store(client, run.info.run_id, environment)
    made.make_version()
    made.promote("1")
    yield made
    mlflow.set_tracking_uri(shared)


@pytest.fixture(scope="module")
def start(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """`agile serve` with options, on any port; ended afterwards."""
    started: list[subprocess.Popen[str]] = []

    def run(*options: str, **environment: str) -> Server:
        log = tmp_path_factory.mktemp("server") / "log.txt"
        with log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "agile_classifier", "serve", "--port", "0", "--poll", "0.1", *options],
                env=store.environment | environment, stdout=subprocess.PIPE, stderr=file, text=True, cwd=root(),
            )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("serving toy version "), said + log.read_text()
        return Server(process, said.split(" at ")[1].strip(), log)

    yield run
    for process in started:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def server(start: Start) -> Server:
    """On the champion, with small limits."""
    return start("--max-characters", "100", "--max-rows", "5", "--max-bytes", "20000")


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


@pytest.mark.parametrize("form", FORMS[:2], ids=["split", "records"])
def test_the_answers_are_those_of_mlflows_own_server(store: Store, server: Server, form: dict[str, Any]) -> None:
    import mlflow
    from mlflow.pyfunc import scoring_server

    plain = mlflow.pyfunc.load_model("models:/toy/1")
    schema = plain.metadata.get_input_schema()
    theirs = json.loads(
        scoring_server.invocations(json.dumps(form).encode(), "application/json", plain, schema).response
    )
    ours = [{name: value for name, value in row.items() if name != "model_version"} for row in server.ask(form).json()["predictions"]]  # fmt: skip
    assert theirs == {"predictions": ours}


def test_mlflows_other_paths_answer(server: Server) -> None:
    import mlflow

    assert [server.get(path).status_code for path in ("/ping", "/health")] == [200, 200]
    assert server.get("/version").text == mlflow.__version__


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
    ("a table", b"text\na\n", {"content-type": "text/csv"}, 415, "content type text/csv"),
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
            f"{server.address}/invocations", data=iter([request_, request_]), headers={"content-type": "application/json"}, timeout=30
        )  # fmt: skip
    else:
        answer = server.ask(request_, headers=headers)
    assert answer.status_code == status
    assert set(answer.json()) == {"error_code", "message"}
    assert said in answer.json()["message"]
    assert server.metric("agile_serving_rows_total") == before


def test_another_path_or_method_is_refused_in_the_same_shape(server: Server) -> None:
    assert server.get("/docs").json()["error_code"] == "ENDPOINT_NOT_FOUND"
    answer = server.get("/invocations")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert server.ask(inputs("a")).status_code == 200


def test_a_failure_of_the_model_is_a_500_without_its_insides(server: Server) -> None:
    answer = server.ask(inputs("broken"))
    assert (answer.status_code, answer.json()["error_code"]) == (500, "INTERNAL_ERROR")
    assert "toy" not in answer.text
    assert server.says("RuntimeError: the toy is broken")
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
    from benchmarks.serving import ask

    port = int(server.address.rpartition(":")[2])
    run = asyncio.run(ask(port, [*TEXTS * 20, "broken"], clients=4, seconds=30))
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
                answer = session.post(f"{server.address}/invocations", json=inputs("a", "b"), timeout=30)
                versions = {row["model_version"] for row in answer.json()["predictions"]}
                assert versions == {answer.headers["x-model-version"]}
                seen[number].append((answer.status_code, versions.pop()))

    with ThreadPoolExecutor(4) as clients:
        running = [clients.submit(client, number) for number in range(4)]
        store.promote("2")
        assert server.says("toy: version 2 has taken over from version 1")
        _break(store, store.make_version())
        store.promote("3")
        assert server.says("version 3 cannot be loaded")
        assert server.says("version 2 stays in service")
        store.client.delete_registered_model_alias("toy", "champion")
        assert server.says("no version has the alias 'champion'")
        done.set()
        for one in running:
            one.result(30)
    store.promote("1")
    for answers in seen:
        assert {status for status, _ in answers} == {200}
        versions = [version for _, version in answers]
        assert versions == sorted(versions)
        assert versions[-1] == "2"
    assert server.metric('agile_serving_swaps_total{result="unreadable"}') >= 1
    assert server.says("toy: version 1 has taken over from version 2")
    assert fixed.ask(inputs("a")).headers["x-model-version"] == "1"


def _break(store: Store, version: str) -> None:
    """Take a version's files away."""
    from mlflow.artifacts import download_artifacts

    shutil.rmtree(download_artifacts(f"models:/toy/{version}"))


def test_overload_is_answered_503_with_retry_after_and_a_stop_lets_requests_end(start: Start) -> None:
    server = start("--max-requests", "4", "--max-waiting", "6", "--max-rows", "6")
    with ThreadPoolExecutor(16) as clients:
        answers = list(clients.map(server.ask, [inputs("slow")] * 16))
        assert {answer.status_code for answer in answers} == {200, 503}
        refused = [answer for answer in answers if answer.status_code == 503]
        assert all(answer.headers["retry-after"] == "1" for answer in refused)
        assert all(answer.json()["error_code"] == "TEMPORARILY_UNAVAILABLE" for answer in refused)
        under_way = clients.submit(server.ask, inputs("slow", "slow"))
        deadline = time.monotonic() + 30
        while server.metric("agile_serving_in_flight") < 1 and time.monotonic() < deadline:
            time.sleep(0.02)
        server.process.send_signal(signal.SIGTERM)
        assert under_way.result(30).status_code == 200
    assert server.process.wait(30) == 0
    assert server.says("stopped")
    with pytest.raises(requests.ConnectionError):
        server.get("/ping")


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
        env=store.environment | environment, capture_output=True, text=True, cwd=root(), timeout=120,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    complaint = [line for line in done.stderr.splitlines() if line.startswith("agile: error: ")]
    assert len(complaint) == 1
    assert said in complaint[0]
    assert "Traceback" not in done.stderr
