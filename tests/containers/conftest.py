"""A container engine and the images under test.

The engine that is there is used. Where there is none, one is installed from Debian's packages only with CI=true or INSTALL_ENGINE=1, and ended
afterwards; a base image that no registry gives is made of Debian's packages. Where no engine can be had the tests are skipped, and say why.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.toys.waiting import LONGEST, until

PROJECT = Path(__file__).parents[2]
VERSION = "0.1.0"
BASE = "python:3.11.14-slim-bookworm"
DEBIAN_BASE = "local/python311:bookworm"
HERE = PROJECT / "containers" / ".here"
"""What this machine adds to a build: its certificates and wheels. Not committed."""
IMPATIENT = ("-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=30")
"""Options by which apt-get gives a server up that does not answer."""
MAY_INSTALL = os.environ.get("CI") == "true" or os.environ.get("INSTALL_ENGINE") == "1"


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Docker's client on an engine that answers."""
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=LONGEST)
        client.ping()
    except DockerException:
        if not MAY_INSTALL:
            pytest.skip("no container engine answers; start one, or let INSTALL_ENGINE=1 install one")
        yield from _own_engine(tmp_path_factory.mktemp("engine"))
    else:
        yield client


@pytest.fixture(scope="session")
def built(engine: Any) -> str:
    """The images `steps` and `serving` with this folder's code; the version that they are tagged with."""
    (HERE / "trust").mkdir(parents=True, exist_ok=True)
    (HERE / "wheels").mkdir(exist_ok=True)
    certificates = os.environ.get("SSL_CERT_FILE")
    if certificates:
        shutil.copyfile(certificates, HERE / "trust" / "here.pem")
    for wheel in Path(os.environ.get("PIP_FIND_LINKS") or HERE / "wheels").glob("*.whl"):
        if not (HERE / "wheels" / wheel.name).exists():
            shutil.copyfile(wheel, HERE / "wheels" / wheel.name)
    arguments = {"BASE_IMAGE": _base_image(engine), "CA_BUNDLE": "containers/.here/trust", "WHEELS": "containers/.here/wheels"}  # fmt: skip
    options = " ".join(["--network host", *(f"--build-arg {name}={value}" for name, value in arguments.items())])
    environment = {"DOCKER_BUILDKIT": _buildkit(), **os.environ, "BUILD_OPTIONS": options}
    command = ["sh", str(PROJECT / "containers" / "build.sh"), "steps", "serving"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return VERSION


def _own_engine(folder: Path) -> Iterator[Any]:
    """An engine of our own: no bridge and no firewall rules, so that it changes nothing on the machine."""
    import docker

    if os.geteuid() != 0:
        _leave_out("only root can start one")
    if not shutil.which("dockerd") or not shutil.which("mmdebstrap"):
        for command in (["update"], ["install", "--yes", "--no-install-recommends", "docker.io", "mmdebstrap"]):
            _run_or_leave_out("apt-get", *IMPATIENT, *command)
    socket, pid_file, log = f"unix://{folder}/docker.sock", folder / "dockerd.pid", folder / "log.txt"
    command = ["dockerd", "--data-root", str(folder / "data"), "--exec-root", str(folder / "exec"), "--host", socket]
    alone = ["--iptables=false", "--ip6tables=false", "--bridge=none", "--host-gateway-ip", "127.0.0.1"]
    with log.open("w") as file:
        daemon = subprocess.Popen([*command, "--pidfile", str(pid_file), *alone], stdout=file, stderr=file)
    before = {name: os.environ.get(name) for name in ("DOCKER_HOST", "PATH")}
    os.environ |= {"DOCKER_HOST": socket, "PATH": f"/usr/bin:{os.environ['PATH']}"}  # the client that came with it
    try:
        until(lambda: daemon.poll() is not None or _answers(socket), log.read_text)
        if daemon.poll() is not None:
            _leave_out(log.read_text())
        yield docker.DockerClient(base_url=socket, timeout=LONGEST, version="auto")
    finally:
        daemon.terminate()
        daemon.wait(LONGEST)
        shutil.rmtree(folder / "data", ignore_errors=True)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _answers(socket: str) -> bool:
    import docker
    from docker.errors import DockerException

    try:
        with closing(docker.DockerClient(base_url=socket, timeout=LONGEST)) as client:
            return bool(client.ping())
    except DockerException:
        return False


def _run_or_leave_out(*command: str) -> None:
    """Run what an engine of our own needs; where it fails there is none."""
    if not shutil.which(command[0]):
        _leave_out(f"there is no {command[0]}")
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        _leave_out(done.stderr)


def _leave_out(said: str) -> NoReturn:
    lines = said.strip().splitlines() or ["it said nothing"]
    pytest.skip(f"no container engine can be had here: {lines[-1][:300]}")


def _base_image(engine: Any) -> str:
    from docker.errors import APIError, ImageNotFound

    for name in (BASE, DEBIAN_BASE):
        try:
            engine.images.get(name)
        except ImageNotFound:
            continue
        return name
    try:
        engine.images.pull(BASE)
    except APIError:
        packages = "python3,python3-venv,ca-certificates"
        made = f"mmdebstrap --quiet --variant=minbase --include={packages} bookworm - | docker import - {DEBIAN_BASE}"
        _run_or_leave_out("bash", "-o", "pipefail", "-c", made)
        return DEBIAN_BASE
    return BASE


def _buildkit() -> str:
    """1 where the client knows BuildKit: by its plugin, or as one so old that it has it built in."""
    version = subprocess.run(
        ["docker", "version", "--format", "{{.Client.Version}}"], capture_output=True, text=True, check=True
    ).stdout
    plugin = subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode == 0
    return str(int(plugin or int(version.split(".")[0]) < 23))
