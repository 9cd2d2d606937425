"""Both pages, really started: what a run leaves shows in them, and nothing stays behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from agile_classifier.errors import InputError
from tests.toys.waiting import LONGEST, until_said

pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Pages:
    """`agile ui` in a process of its own."""

    def __init__(self, log: Path) -> None:
        self.zenml, self.mlflow = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        ports = [address.rpartition(":")[2] for address in (self.zenml, self.mlflow)]
        self.log = log
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "agile_classifier", "ui", "--zenml-port", ports[0], "--mlflow-port", ports[1]],
                env=os.environ, stdout=file, stderr=file, stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def wait(self) -> None:
        until_said("Ctrl-C stops both", self.process, self.said)

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(LONGEST)


@pytest.fixture
def pages(state_folder: Path, tmp_path: Path) -> Iterator[Pages]:
    pages = Pages(tmp_path / "said.txt")
    yield pages
    if pages.process.poll() is None:
        pages.end(signal.SIGTERM)


def test_nobody_is_asked_for_a_name_before_the_dashboard_shows_anything(pages: Pages) -> None:
    pages.wait()
    user = requests.get(f"{pages.zenml}/api/v1/current-user", timeout=LONGEST).json()
    assert user["body"]["email_opted_in"] is False
    assert user["metadata"]["user_metadata"] == {"finished_onboarding_survey": True}


def test_both_pages_answer_show_a_run_made_meanwhile_and_leave_nothing_behind(pages: Pages) -> None:
    from mlflow import MlflowClient

    from tests.toys import toy_training

    pages.wait()
    assert f"ZenML: {pages.zenml}/projects/default/runs\n" in pages.said()
    assert f"MLflow: {pages.mlflow}/#/experiments?workflowType=machine_learning\n" in pages.said()
    assert "<title>" in requests.get(pages.zenml, timeout=LONGEST).text
    assert "machine_learning" in requests.get(pages.mlflow, timeout=LONGEST).text.partition("<title>")[0]
    name = toy_training.train("shown")
    MlflowClient().set_registered_model_alias("shown", "champion", "1")
    run = requests.get(f"{pages.zenml}/api/v1/runs", params={"name": name}, timeout=LONGEST).json()["items"][0]
    assert run["body"]["status"] == "completed"
    asked = {"name": "shown", "alias": "champion"}
    found: Any = requests.get(
        f"{pages.mlflow}/api/2.0/mlflow/registered-models/alias", params=asked, timeout=LONGEST
    ).json()
    assert found["model_version"]["version"] == "1"
    children = pages.children()
    assert len(children) >= 2
    assert pages.end() == 0
    assert pages.said().endswith("stopped\n")
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


def test_a_server_that_dies_ends_the_other_and_the_command_says_so(pages: Pages) -> None:
    pages.wait()
    children = pages.children()
    next(child for child in children if "zenml.zen_server.zen_server_api:app" in child.cmdline()).kill()
    assert pages.process.wait(LONGEST) == 1
    assert "agile: error: ZenML ended with exit status -9" in pages.said()
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


def test_a_busy_port_is_named_before_anything_is_started(state_folder: Path) -> None:
    from agile_classifier.ops.web.ui import find_servers

    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with pytest.raises(InputError, match=f"--mlflow-port {port}: the port is busy"):
            find_servers(zenml_port=free_port(), mlflow_port=port)
    port = free_port()
    with pytest.raises(InputError, match=f"--mlflow-port {port}: is ZenML's"):
        find_servers(zenml_port=port, mlflow_port=port)


def test_a_store_that_is_a_server_is_shown_and_none_is_started(
    state_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.ops.web.ui import find_servers

    monkeypatch.setenv("ZENML_STORE_URL", "https://zenml.company/")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.company")
    servers = find_servers(zenml_port=free_port(), mlflow_port=free_port())
    assert [(server.address, server.command) for server in servers] == [
        ("https://zenml.company", ()),
        ("https://mlflow.company", ()),
    ]


def test_databases_of_a_team_ask_for_a_login_and_no_password_stands_on_a_command_line(
    state_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.ops.web.ui import PASSWORD, find_servers

    monkeypatch.setenv("ZENML_STORE_URL", "mysql://zen:sentinel-one@db/zenml")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://flow:sentinel-two@db/mlflow")
    monkeypatch.delenv(PASSWORD, raising=False)
    with pytest.raises(InputError, match=f"{PASSWORD}: not set"):
        find_servers(zenml_port=free_port(), mlflow_port=free_port())
    monkeypatch.setenv(PASSWORD, "sentinel-three")
    zenml, mlflow = find_servers(zenml_port=free_port(), mlflow_port=free_port())
    assert "NO_AUTH" not in zenml.environment.values()
    assert "basic-auth" in mlflow.command
    written = (state_folder / "mlflow-auth.ini").read_text(encoding="utf-8")
    assert "sentinel" not in " ".join([*zenml.command, *mlflow.command, zenml.login, mlflow.login, written])
