"""Engines: what is wrong with one is said before anything is submitted. Real sockets, no engine needed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from threading import Thread

import pytest

from agile_classifier.errors import InputError
from agile_classifier.ops.engines.require import require_engine
from agile_classifier.ops.engines.stacks import StackFile, read_stack
from agile_classifier.ops.project import root


class NoImages(BaseHTTPRequestHandler):
    """An engine that answers and has no image."""

    def do_GET(self) -> None:
        is_version = self.path.endswith(("/version", "/_ping"))
        body = b'{"ApiVersion": "1.41", "Version": "20.10"}' if is_version else b'{"message": "No such image"}'
        self.send_response(200 if is_version else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def address_string(self) -> str:
        return "socket"

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class Engine(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True


@pytest.fixture
def containers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackFile:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////tmp/mlflow.db")
    monkeypatch.setenv("AGILE_HOME", str(tmp_path))
    return read_stack("containers")


@pytest.fixture
def without_images(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "engine.sock"
    server = Engine(str(place), NoImages)
    Thread(target=server.serve_forever, daemon=True).start()
    yield place
    server.shutdown()
    server.server_close()


def test_this_process_needs_no_engine() -> None:
    require_engine(StackFile("local", {}, {}))


def test_no_engine_is_said_with_the_way_back(
    containers: StackFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
    with pytest.raises(InputError, match=r"no Docker engine answers at unix://.*nothing.sock; .* agile stack local"):
        require_engine(containers)


@pytest.mark.skipif(os.getuid() == 0, reason="root may open every socket")
def test_a_socket_of_others_is_said_as_one(
    containers: StackFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "theirs.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))
        place.chmod(0)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{place}")
        with pytest.raises(InputError, match="no permission to use the Docker engine"):
            require_engine(containers)


def test_a_missing_image_is_named_with_the_command_that_builds_it(
    containers: StackFile, without_images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{without_images}")
    with pytest.raises(InputError, match=r"no image agile-classifier/steps:\S+ on this machine; build it: make images"):
        require_engine(containers)


@pytest.mark.slow
@pytest.mark.usefixtures("warm")
def test_a_stack_is_selected_though_its_engine_is_down_and_a_run_on_it_refused_before_anything_is_recorded(
    new_home: Callable[[Path], Path], tmp_path: Path
) -> None:
    new_home(tmp_path)
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("ZENML_", "MLFLOW_"))}
    environment = {**mine, "AGILE_HOME": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/nothing.sock"}

    def agile(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "agile_classifier", *arguments]
        return subprocess.run(command, cwd=root(), env=environment, capture_output=True, text=True, check=False)

    selected = agile("stack", "containers")
    assert selected.returncode == 0, selected.stderr
    assert selected.stdout == "stack containers: orchestrator local_docker, image_builder local\n"
    assert "agile: a run would be refused: stack containers: no Docker engine answers" in selected.stderr
    run = agile("train", "configs/quickstart.yaml")
    assert run.returncode == 2
    assert run.stderr.startswith("agile: error: stack containers: no Docker engine answers")
    assert not (tmp_path / "mlflow-artifacts").exists()
    assert agile("stack", "nowhere").returncode == 2
