"""The team set-up, really started: ZenML on MariaDB, MLflow on PostgreSQL; the same commands by two variables, pages that ask for a login."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest
import requests

from agile_classifier.ops.project import root
from tests.toys.toy_databases import INSTALL, MARIADB, PASSWORD, POSTGRES, free_port, running_mariadb, running_postgres
from tests.toys.waiting import LONGEST, until_said

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (MARIADB and INSTALL and POSTGRES), reason="no MariaDB and PostgreSQL on this machine"),
]


@pytest.fixture(scope="module")
def mariadb() -> Iterator[str]:
    with running_mariadb("zenml") as address:
        yield address


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with running_postgres("mlflow") as address:
        yield address


@pytest.fixture(scope="module")
def team(mariadb: str, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a member of the team."""
    home = tmp_path_factory.mktemp("team")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ZENML_", "MLFLOW_", "AGILE_"))}
    return {
        **kept, "AGILE_HOME": str(home / "home"), "ZENML_STORE_URL": mariadb, "MLFLOW_TRACKING_URI": postgres,
        "ZENML_DEFAULT_USER_PASSWORD": PASSWORD,
        "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD, "MLFLOW_DEFAULT_ARTIFACT_ROOT": (home / "artifacts").as_uri(),
    }  # fmt: skip


def agile(environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agile_classifier", *words], env=dict(environment), cwd=root(), capture_output=True, text=True, check=False
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(team: dict[str, str]) -> str:
    """Name of a run that a member of the team made."""
    words = (
        "from agile_classifier.ops.state.home import prepare_state; prepare_state()\n"
        "from tests.toys import toy_training\nprint(toy_training.train('team'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", words], env=team, cwd=root(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


def test_the_same_commands_work_on_the_teams_stores(team: dict[str, str], trained: str) -> None:
    forced = agile(team, "promote", "1", "--model", "team", "--force", "--reason", "a test")
    assert forced.returncode == 0, forced.stderr
    told = agile(team, "history", "--model", "team")
    assert told.returncode == 0, told.stderr
    assert "version 1 promoted" in told.stdout
    found = agile(team, "doctor")
    said = "".join(done.stdout + done.stderr for done in (forced, told, found))
    assert "mysql://" in found.stdout
    assert PASSWORD not in said
    assert not list((Path(team["AGILE_HOME"])).rglob("*.db")), "nothing is kept beside the team's stores"


def test_the_pages_show_it_and_ask_for_a_login(team: dict[str, str], trained: str, tmp_path: Path) -> None:
    ports, log = [free_port(), free_port()], tmp_path / "said.txt"
    with log.open("wb") as file:
        pages = subprocess.Popen(
            [sys.executable, "-m", "agile_classifier", "ui", "--zenml-port", str(ports[0]), "--mlflow-port", str(ports[1])],
            env=team, cwd=root(), stdout=file, stderr=file, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    try:
        until_said("Ctrl-C stops both", pages, log.read_text)
        zenml, mlflow = (f"http://127.0.0.1:{port}" for port in ports)
        assert requests.get(f"{zenml}/api/v1/runs", timeout=LONGEST).status_code == 401
        models = f"{mlflow}/api/2.0/mlflow/registered-models/get"
        assert requests.get(models, params={"name": "team"}, timeout=LONGEST).status_code == 401
        found = requests.get(models, params={"name": "team"}, auth=("admin", PASSWORD), timeout=LONGEST)
        assert found.status_code == 200, found.text
        assert found.json()["registered_model"]["name"] == "team"
        nobody = requests.post(f"{zenml}/api/v1/login", data={"username": "default", "password": ""}, timeout=LONGEST)
        assert nobody.status_code == 401
        login = requests.post(
            f"{zenml}/api/v1/login", data={"username": "default", "password": PASSWORD}, timeout=LONGEST
        )
        assert login.status_code == 200, login.text
        headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
        runs = requests.get(f"{zenml}/api/v1/runs", headers=headers, timeout=LONGEST).json()["items"]
        assert [run["name"] for run in runs] == [trained]
        commands = [" ".join(process.cmdline()) for process in psutil.Process(pages.pid).children(recursive=True)]
        logs = [path.read_text(errors="replace") for path in (Path(team["AGILE_HOME"]) / "logs").iterdir()]
        assert all(PASSWORD not in text for text in (*commands, *logs, log.read_text()))
    finally:
        if pages.poll() is None:
            pages.send_signal(signal.SIGINT)
    assert pages.wait(LONGEST) == 0
