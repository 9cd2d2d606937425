"""Pages: ZenML's dashboard and MLflow's registry in a browser, on loopback, over the very stores that runs write to.

With the embedded stores both are open: who can reach loopback of this machine can read the files too. Stores of a team,
named by `ZENML_STORE_URL` and `MLFLOW_TRACKING_URI`, ask for a login; where those name a running server, that server's
page is the page. Passwords are handed on by environment alone.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from zenml.client import Client

from agile_classifier.environment import SERVED, home
from agile_classifier.errors import InputError, redact
from agile_classifier.ops.project import module_command
from agile_classifier.ops.runs.links import runs_path
from agile_classifier.ops.state.databases import locked_databases, locked_line

HOST = "127.0.0.1"
MLFLOW_RUNS = "/#/experiments?workflowType=machine_learning"
"""Path of MLflow's list of experiments, as training runs see it, and not the traces of language agents."""
LONGEST_START = 600.0
"""Longest start of both servers, in seconds, as long as they live: a busy machine takes minutes to import them."""
LONGEST_END = 20.0
"""Time between asking a server to end and killing it, in seconds."""
PAUSE = 0.3
PASSWORD = "MLFLOW_AUTH_ADMIN_PASSWORD"  # noqa: S105  (the name of a variable)


@dataclass(frozen=True)
class Server:
    """One of the two servers, ZenML's or MLflow's."""

    name: str
    address: str
    page: str
    """Path of the page that a person wants first: the runs."""
    command: tuple[str, ...] = ()
    """Empty where it runs already, and not by us."""
    environment: dict[str, str] = field(default_factory=dict)
    """Variables that the server gets beside our own environment."""
    login: str = ""
    """Login that a person needs; empty if none."""

    @property
    def log(self) -> Path:
        """Path of the server's log."""
        return home() / "logs" / f"{self.name.lower()}-server.log"


def find_servers(*, zenml_port: int, mlflow_port: int) -> tuple[Server, ...]:
    """Find which servers to start, by the stores in the environment.

    Raises
    ------
    InputError
        A port is busy, a database is locked, or MLflow's administrator of a team has no password yet.
    """
    servers = (_zenml(zenml_port), _mlflow(mlflow_port))
    for server, option in zip(servers, ("--zenml-port", "--mlflow-port"), strict=True):
        if server.command and not _is_free(port := int(server.address.rpartition(":")[2])):
            raise InputError(f"{option} {port}: the port is busy; name another one")
    if zenml_port == mlflow_port:
        raise InputError(f"--mlflow-port {mlflow_port}: is ZenML's; name another one")
    if locked := locked_databases(home()):
        raise InputError(locked_line(locked))
    if not os.environ.get("ZENML_STORE_URL"):
        _skip_survey()
    return servers


def _skip_survey() -> None:
    """ZenML's dashboard shows nothing before its first visitor has given a name and answered questions.

    Over a state folder of our own nobody is asked.
    """
    client = Client()
    if client.active_user.email_opted_in is None:
        client.update_user(
            client.active_user.id, updated_email_opt_in=False, updated_metadata={"finished_onboarding_survey": True}
        )


def show(servers: Sequence[Server], *, say: Callable[[str], None]) -> None:
    """Start them, say where they are once all answer, and stay until interrupted.

    Raises
    ------
    RuntimeError
        One ended by itself, or does not answer; the others are ended too.
    """
    for number in (signal.SIGTERM, signal.SIGINT):  # to be told to stop is this command's usual end
        signal.signal(number, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), _running(servers) as running:
        for server in servers:
            say(f"starting {server.name} …" if server.command else f"{server.name} runs already")
        deadline = time.monotonic() + LONGEST_START
        waiting = list(servers)
        while waiting:
            _require_alive(running)
            waiting = [server for server in waiting if not _answers(f"{server.address}/health")]
            if waiting and time.monotonic() > deadline:
                raise RuntimeError(
                    f"{waiting[0].name} does not answer at {waiting[0].address}; {_last_words(waiting[0])}"
                )
            time.sleep(PAUSE)
        for server in servers:
            say(f"{server.name}: {server.address}{server.page}{f'  ({server.login})' if server.login else ''}")
        say("Ctrl-C stops both")
        while True:
            _require_alive(running)
            time.sleep(PAUSE)
    say("stopped")


def _zenml(port: int) -> Server:
    store = os.environ.get("ZENML_STORE_URL", "")
    if store.startswith(SERVED):
        return Server("ZenML", store.rstrip("/"), runs_path())
    shared = {
        "ZENML_SERVER": "true",
        "ZENML_SERVER_ALLOW_LOCAL_FILE_ACCESS": "true",
        "ZENML_CONFIG_PATH": str(home() / "zenml-server"),
        "ZENML_LOCAL_STORES_PATH": str(home() / "zenml" / "local_stores"),
        "ZENML_ANALYTICS_OPT_IN": "false",
    }
    embedded = {
        "ZENML_SERVER_AUTH_SCHEME": "NO_AUTH",
        "ZENML_SERVER_DEPLOYMENT_TYPE": "local",
        "ZENML_SERVER_AUTO_ACTIVATE": "true",
        "ZENML_DISABLE_DATABASE_MIGRATION": "true",
    }
    return Server(
        "ZenML",
        f"http://{HOST}:{port}",
        runs_path(),
        (sys.executable, "-m", "uvicorn", "zenml.zen_server.zen_server_api:app", "--host", HOST, "--port", str(port)),
        {**shared, **({"ZENML_STORE_TYPE": "sql"} if store else embedded)},
        "log in as a ZenML user" if store else "",
    )


def _mlflow(port: int) -> Server:
    store = os.environ["MLFLOW_TRACKING_URI"]
    if store.startswith(SERVED):
        return Server("MLflow", store.rstrip("/"), MLFLOW_RUNS)
    is_embedded = store.startswith("sqlite:")
    command = (
        *module_command("agile_classifier.ops.web.mlflow_pages.serve"), "--host", HOST, "--port", str(port),
        "--workers", "1",
        *(() if is_embedded else ("--app-name", "basic-auth")),
    )  # fmt: skip
    told = {
        "MLFLOW_BACKEND_STORE_URI": store,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DEFAULT_ARTIFACT_ROOT": os.environ.get(
            "MLFLOW_DEFAULT_ARTIFACT_ROOT", (home() / "mlflow-artifacts").as_uri()
        ),
    }
    if is_embedded:
        return Server("MLflow", f"http://{HOST}:{port}", MLFLOW_RUNS, command, told)
    users = home() / "mlflow-users.db"
    if not users.exists() and not os.environ.get(PASSWORD):
        raise InputError(
            f"{PASSWORD}: not set; MLflow's administrator `admin` needs a password of 12 characters or more once"
        )
    settings = home() / "mlflow-auth.ini"
    settings.write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{users}\nadmin_username = admin\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n",
        encoding="utf-8",
    )
    told |= {"MLFLOW_AUTH_CONFIG_PATH": str(settings), "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(32)}
    return Server(
        "MLflow", f"http://{HOST}:{port}", MLFLOW_RUNS, command, told, f"user admin, password as in {PASSWORD}"
    )


@contextlib.contextmanager
def _running(servers: Sequence[Server]) -> Iterator[dict[str, tuple[Server, subprocess.Popen[bytes]]]]:
    running: dict[str, tuple[Server, subprocess.Popen[bytes]]] = {}
    try:
        for server in servers:
            if server.command:
                running[server.name] = (server, _start(server))
        yield running
    finally:
        for _, process in running.values():
            _signal_group(process, signal.SIGTERM)
        for _, process in running.values():
            try:
                process.wait(LONGEST_END)
            except subprocess.TimeoutExpired:
                _signal_group(process, signal.SIGKILL)
                process.wait()
            _signal_group(process, signal.SIGKILL)  # its own workers, where it left any


def _start(server: Server) -> subprocess.Popen[bytes]:
    server.log.parent.mkdir(parents=True, exist_ok=True)
    with server.log.open("wb") as log:
        return subprocess.Popen(
            server.command, env={**os.environ, **server.environment}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, cwd=home(),
        )  # fmt: skip


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _require_alive(running: dict[str, tuple[Server, subprocess.Popen[bytes]]]) -> None:
    for server, process in running.values():
        if process.poll() is not None:
            raise RuntimeError(f"{server.name} ended with exit status {process.returncode}; {_last_words(server)}")


def _last_words(server: Server) -> str:
    lines = server.log.read_text(encoding="utf-8", errors="replace").split("\n") if server.log.exists() else []
    said = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    return redact(f"{said[:300]} ({server.log})")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=5) as answer:  # noqa: S310  (http of our own servers)
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
