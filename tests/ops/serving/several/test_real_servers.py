"""Several models from one process, asked by the clients that people already have, on a real server on loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openai
import pytest
import requests

from tests.toys.toy_serving import EXPECTED, TEXTS, Server, Store, open_store, starting
from tests.toys.waiting import LONGEST, until

SHORT, LONG = TEXTS
TOKEN = "sentinel-token-0123456789"
DOCUMENTED = {"comment": {"text": LONG}, "languages": ["en"], "requestedAttributes": {"TOXICITY": {}}}


@pytest.fixture(scope="module")
def store(
    state_folder: Path, new_mlflow: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """Models `toy` and `other`, each with a champion."""
    with open_store(tmp_path_factory.mktemp("several"), new_mlflow) as made:
        made.make_version("other")
        made.promote("1", "other")
        yield made


@pytest.fixture(scope="module")
def server(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with starting(store, tmp_path_factory.mktemp) as start:
        yield start(
            "--model", "toy", "--model", "other", "--attribute", "TOXICITY=toy/long", "--prediction-ids", "--max-rows", "5",
            AGILE_SERVE_TOKEN=TOKEN,
        )  # fmt: skip


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[openai.OpenAI]:
    """OpenAI's own client, of which nothing but the address was changed."""
    with openai.OpenAI(api_key=TOKEN, base_url=f"{server.address}/v1", max_retries=0, timeout=LONGEST) as client:
        yield client


def test_openais_client_reads_every_field(client: openai.OpenAI) -> None:
    found = client.moderations.create(model="toy", input=[SHORT, LONG])
    assert [result.flagged for result in found.results] == [False, True]
    assert (found.id.startswith("modr-"), found.model) == (True, "toy")
    assert found.results[1].categories.model_dump(exclude_none=True) == {"long": True}
    assert found.results[1].category_scores.model_dump(exclude_none=True) == {"long": 1.0}
    assert found.results[1].model_extra["model_version"] == "1"
    one = client.moderations.create(model="other", input=[{"type": "text", "text": LONG}])
    assert [result.flagged for result in one.results] == [True]
    assert client.moderations.create(model="other", input=SHORT).results[0].flagged is False
    assert [model.id for model in client.models.list()] == ["toy", "other"]


def test_openais_client_raises_what_it_knows(client: openai.OpenAI, server: Server) -> None:
    with pytest.raises(openai.NotFoundError, match="no 'omni-moderation-latest' is served here") as missing:
        client.moderations.create(model="omni-moderation-latest", input="a")
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError, match="name one of the models that are served here: toy, other"):
        client.moderations.create(input="a")
    with pytest.raises(openai.APIStatusError, match="10000 rows in one request; at most 5") as many:
        client.moderations.create(model="toy", input=["a"] * 10_000)
    assert many.value.status_code == 413
    with pytest.raises(openai.AuthenticationError, match="a wrong token"):
        client.with_options(api_key=f"{TOKEN}x").moderations.create(model="toy", input="a")
    with pytest.raises(openai.InternalServerError, match="the model failed: RuntimeError"):
        client.moderations.create(model="toy", input="broken")


def test_a_request_for_perspective_works_after_changing_the_host(server: Server) -> None:
    def analyze(key: str = TOKEN) -> requests.Response:
        address = f"{server.address}/v1alpha1/comments:analyze?key={key}"
        return requests.post(address, json=DOCUMENTED, timeout=LONGEST)

    score = analyze().json()["attributeScores"]["TOXICITY"]
    assert score["summaryScore"] == {"value": 1.0, "type": "PROBABILITY"}
    verdict = {"verdicts": [{"prediction_id": score["predictionId"], "verdict": "short"}]}
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert requests.post(f"{server.address}/feedback", json=verdict, headers=bearer, timeout=LONGEST).status_code == 200
    assert analyze(f"{TOKEN}x").status_code == 401
    assert server.get("/metrics").status_code == 401
    assert TOKEN not in server.log.read_text()
    assert 'path="/v1alpha1/comments:analyze",status="200"' in server.get("/metrics", headers=bearer).text


def test_googles_client_finds_the_interface_by_its_description(server: Server) -> None:
    discovery = pytest.importorskip("googleapiclient.discovery", reason="google-api-python-client is not installed")
    address = f"{server.address}/$discovery/rest?version=v1alpha1"
    analyzer = discovery.build(
        "commentanalyzer", "v1alpha1", developerKey=TOKEN, discoveryServiceUrl=address, static_discovery=False
    )
    answer = analyzer.comments().analyze(body=DOCUMENTED).execute()
    assert answer["attributeScores"]["TOXICITY"]["summaryScore"]["value"] == 1.0
    from googleapiclient.errors import HttpError

    with pytest.raises(HttpError, match="no 'SPAM'; there are TOXICITY") as refused:
        analyzer.comments().analyze(body={**DOCUMENTED, "requestedAttributes": {"SPAM": {}}}).execute()
    assert refused.value.status_code == 400


def test_a_promotion_of_one_model_is_followed_while_all_answer(store: Store, server: Server) -> None:
    seen: dict[str, list[tuple[int, str]]] = {"toy": [], "other": []}
    done = threading.Event()

    def ask(model: str) -> None:
        body = {"inputs": TEXTS, "params": {"model": model}}
        with requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {TOKEN}"
            while not done.is_set():
                answer = session.post(f"{server.address}/invocations", json=body, timeout=LONGEST)
                rows: list[dict[str, Any]] = answer.json()["predictions"]
                assert [{name: row[name] for name in EXPECTED[0]} | {"model_version": "1"} for row in rows] == EXPECTED
                seen[model].append((answer.status_code, answer.headers["x-model-version"]))

    with ThreadPoolExecutor(2) as clients, ExitStack() as ending:
        ending.callback(done.set)
        asking = [clients.submit(ask, model) for model in seen]
        store.promote(store.make_version("other"), "other")
        server.until_said("other: version 2 has taken over from version 1")
        n_before = len(seen["toy"])
        until(lambda: len(seen["toy"]) >= n_before + 3 or asking[0].done(), server.log.read_text)
        done.set()
        for each in asking:
            each.result(LONGEST)
    assert {status for answers in seen.values() for status, _ in answers} == {200}
    assert {version for _, version in seen["toy"]} == {"1"}
    assert seen["other"][-1][1] == "2"
    metrics = server.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
    assert 'agile_serving_model_info{model="toy",version="1"} 1.0' in metrics
    assert 'agile_serving_model_info{model="other",version="2"} 1.0' in metrics
    assert 'agile_serving_model_rows_total{model="other"}' in metrics
