"""The launcher, really served: who may ask, what is refused with the reason, and a training that runs and is found in ZenML."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests

from tests.toys.waiting import LONGEST, until, until_said

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_module")]

TOKEN = "sentinel-token-of-the-launcher"


class Launcher:
    """`agile deploy` in a process of its own, on a free port."""

    def __init__(self, log: Path, *options: str, **environment: str) -> None:
        self.log = log
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "agile_classifier", "deploy", "--port", "0", *options],
                env={**os.environ, **environment}, stdout=file, stderr=file, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        self.address = ""

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def wait(self) -> Launcher:
        until_said("launcher for the stack", self.process, self.said)
        self.address = self.said().split()[-1].replace("0.0.0.0", "127.0.0.1")
        return self

    def ask(self, path: str, **how: Any) -> requests.Response:
        return requests.get(f"{self.address}{path}", timeout=LONGEST, **how)

    def start(self, **document: Any) -> requests.Response:
        return requests.post(f"{self.address}/launches", json=document, timeout=LONGEST)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(LONGEST) == 0


@pytest.fixture(scope="module")
def launcher(state_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    launcher = Launcher(tmp_path_factory.mktemp("launcher") / "said.txt")
    yield launcher.wait()
    launcher.end()


@pytest.fixture(scope="module")
def toy(tiny_model: Path, tiny_examples: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Overrides that make the quickstart a training of seconds."""
    data = tmp_path_factory.mktemp("launched") / "examples.csv"
    tiny_examples.to_csv(data, index=False)
    return {
        "data.source": str(data), "data.sha256": None, "data.column_names": None, "data.quoting": True,
        "validation.min_rows": 20, "validation.min_class_rows": 5, "split.train": 70, "split.validation": 10, "split.test": None,
        "model.source": str(tiny_model), "model.sha256": None, "model.max_length": 32, "fine_tune.epochs": 2,
        "evaluation.n_resamples": 100, "registry.model_name": "launched",
        "data.columns.text": "text", "data.columns.score": "score", "data.columns.id": "id", "data.columns.group": None,
    }  # fmt: skip


def until_over(launcher: Launcher, identity: str) -> dict[str, Any]:
    def find() -> dict[str, Any]:
        found: dict[str, Any] = launcher.ask(f"/launches/{identity}", headers={"Accept": "application/json"}).json()
        return found if found["state"] != "running" else {}

    return until(find, launcher.said)


def test_a_launched_training_is_a_real_run_and_another_must_wait(launcher: Launcher, toy: dict[str, Any]) -> None:
    from zenml.client import Client

    answer = launcher.start(config="quickstart", overrides=toy)
    assert answer.status_code == 202, answer.text
    second = launcher.start(config="quickstart", overrides=toy)
    assert second.status_code == 409
    assert "still runs" in second.json()["message"]
    found = until_over(launcher, answer.json()["id"])
    assert (found["state"], found["exit_code"]) == ("done", 0), found["output"]
    run = Client().get_pipeline_run(found["run"])
    assert run.status.is_successful
    assert run.config.parameters is not None
    assert run.config.parameters["fine_tune"]["epochs"] == 2
    page = launcher.ask(f"/launches/{found['id']}").text
    assert f"/runs/{run.id}" in page
    assert "refresh" not in page
    assert found["id"] in launcher.ask("/").text


def test_the_form_starts_what_was_filled_in_and_shows_why_it_did_not(launcher: Launcher, toy: dict[str, Any]) -> None:
    from agile_classifier.config.files import write_value

    filled_in = {name: "" if value is None else write_value(value) for name, value in toy.items()}
    mistaken, form = {**filled_in, "fine_tune.epochs": "0"}, f"{launcher.address}/configs/quickstart"
    refused = requests.post(form, data=mistaken, timeout=LONGEST)
    assert refused.status_code == 400
    assert "fine_tune.epochs: Input should be greater than 0; found 0" in refused.text
    assert f'value="{toy["model.source"]}"' in refused.text, "what was filled in must not be lost"
    answer = requests.post(form, data={**mistaken, "fine_tune.epochs": "2"}, timeout=LONGEST)
    assert answer.status_code == 200, answer.text
    found = until_over(launcher, answer.url.rpartition("/")[2])
    assert found["state"] == "done", found["output"]
    assert "ran:    ingest, keep_threshold, promote\n" in found["output"], "equal steps are reused, as from a terminal"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"config": "quikstart"}, "config 'quikstart': no such config; there are: edos, "),
        ({"config": "../secrets"}, "no such config"),
        ({"config": "quickstart", "overrides": {"fine_tune.epoch": 1}}, "fine_tune.epoch: unknown field; allowed here: alpha"),
        ({"config": "quickstart", "overrides": {"fine_tune.epochs": "many"}}, "fine_tune.epochs: Input should be a valid integer"),
        ({"overrides": {}}, "config: Field required"),
        ({"config": "quickstart", "overrides": ["fine_tune.epochs=1"]}, "overrides: Input should be a valid dictionary; found"),
    ],
)  # fmt: skip
def test_what_cannot_be_launched_is_refused_with_the_reason(
    launcher: Launcher, document: dict[str, Any], said: str
) -> None:
    n_before = len(launcher.ask("/launches").json())
    answer = launcher.start(**document)
    assert answer.status_code == 400
    assert said in answer.json()["message"]
    assert len(launcher.ask("/launches").json()) == n_before


def test_a_training_that_fails_shows_its_exit_code_and_its_last_words(launcher: Launcher, toy: dict[str, Any]) -> None:
    answer = launcher.start(config="quickstart", overrides={**toy, "data.columns.text": "gone"})
    found = until_over(launcher, answer.json()["id"])
    assert (found["state"], found["exit_code"]) == ("failed", 2)
    assert "no column 'gone'" in found["output"].splitlines()[-1]


def test_pages_of_other_sites_and_names_of_other_hosts_get_nothing(launcher: Launcher) -> None:
    foreign: list[dict[str, str]] = [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
    for headers in foreign:
        answer = requests.post(
            f"{launcher.address}/launches", json={"config": "quickstart"}, headers=headers, timeout=LONGEST
        )
        assert answer.status_code == 403
    for body in (b"x" * 300_000, iter([b"x" * 300_000])):  # the second without a length
        assert requests.post(f"{launcher.address}/launches", data=body, timeout=LONGEST).status_code == 413
    assert launcher.ask("/", headers={"Host": "evil.example"}).status_code == 421
    assert launcher.ask("/launches/nothing").status_code == 404
    assert launcher.ask("/launches/..%2f..%2fetc").status_code == 404
    assert launcher.ask("/configs/nothing").json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"


def test_a_browser_gets_a_page_and_the_form_wants_fields(launcher: Launcher) -> None:
    page = launcher.ask("/configs/nothing", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "config &#39;nothing&#39;: no such config" in page.text
    n_before = len(launcher.ask("/launches").json())
    answer = requests.post(f"{launcher.address}/configs/quickstart", json={"config": "quickstart"}, timeout=LONGEST)
    assert (answer.status_code, answer.json()["message"]) == (400, "no field of the form was sent")
    assert len(launcher.ask("/launches").json()) == n_before


def test_every_endpoint_is_described(launcher: Launcher) -> None:
    paths = launcher.ask("/openapi.json").json()["paths"]
    assert {path: set(methods) for path, methods in paths.items()} == {
        "/health": {"get"}, "/setup": {"post"}, "/predict": {"post"}, "/webhook": {"post"}, "/train": {"post"},
        "/launches": {"get", "post"}, "/launches/{id}": {"get"},
        "/files": {"get", "post"}, "/files/{id}/parts": {"post"},
    }  # fmt: skip
    assert "agile deploy" in launcher.ask("/docs").text


def test_with_a_token_nobody_else_sees_anything(state_folder: Path, tmp_path: Path) -> None:
    launcher = Launcher(tmp_path / "said.txt", "--host", "0.0.0.0", AGILE_LAUNCH_TOKEN=TOKEN).wait()
    try:
        for path in ("/", "/configs/quickstart", "/launches", "/health"):
            refused = launcher.ask(path)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith("Basic")
        assert launcher.ask("/", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
        assert launcher.ask("/", auth=("anybody", TOKEN)).status_code == 200
        wrong: list[Callable[[], requests.Response]] = [
            lambda: launcher.ask("/", auth=("anybody", TOKEN[:-1])),
            lambda: launcher.ask("/", headers={"Authorization": "Basic ä".encode()}),
            lambda: launcher.ask("/", headers={"Authorization": "Bearer"}),
        ]
        assert [ask().status_code for ask in wrong] == [401, 401, 401]
        assert TOKEN not in launcher.said()
    finally:
        launcher.end()


def test_beyond_loopback_a_token_is_needed(state_folder: Path, tmp_path: Path) -> None:
    launcher = Launcher(tmp_path / "said.txt", "--host", "0.0.0.0")
    assert launcher.process.wait(LONGEST) == 2
    assert (
        launcher.said()
        .splitlines()[-1]
        .startswith("agile: error: --host 0.0.0.0: beyond loopback a token is needed: set AGILE_LAUNCH")
    )
