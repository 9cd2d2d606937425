"""A container engine and the images under test.

The engine that is there is used. Where there is none, one is installed from Debian's packages only with CI=true or INSTALL_ENGINE=1, and ended
afterwards; else the tests are skipped, and say so. A base image that no registry gives is made of Debian's packages.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[2]
VERSION = "0.1.0"
BASE = "python:3.11.14-slim-bookworm"
DEBIAN_BASE = "local/python311:bookworm"
HERE = PROJECT / "containers" / ".here"
"""What this machine adds to a build: its certificates and wheels. Not committed."""
MAY_INSTALL = os.environ.get("CI") == "true" or os.environ.get("INSTALL_ENGINE") == "1"


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Docker's client on an engine that answers."""
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=600)
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

    if not shutil.which("dockerd") or not shutil.which("mmdebstrap"):
        for command in (["update"], ["install", "--yes", "--no-install-recommends", "docker.io", "mmdebstrap"]):
            subprocess.run(["apt-get", *command], check=True, capture_output=True)
    socket, pid_file, log = f"unix://{folder}/docker.sock", folder / "dockerd.pid", folder / "log.txt"
    command = ["dockerd", "--data-root", str(folder / "data"), "--exec-root", str(folder / "exec"), "--host", socket]
    alone = ["--iptables=false", "--ip6tables=false", "--bridge=none", "--host-gateway-ip", "127.0.0.1"]
    with log.open("w") as file:
        daemon = subprocess.Popen([*command, "--pidfile", str(pid_file), *alone], stdout=file, stderr=file)
    before = {name: os.environ.get(name) for name in ("DOCKER_HOST", "PATH")}
    os.environ |= {"DOCKER_HOST": socket, "PATH": f"/usr/bin:{os.environ['PATH']}"}  # the client that came with it
    try:
        client = docker.DockerClient(base_url=socket, timeout=600, version="auto") if _answers(daemon, folder) else None
        assert client is not None, log.read_text()[-2000:]
        yield client
    finally:
        daemon.terminate()
        daemon.wait(60)
        shutil.rmtree(folder / "data", ignore_errors=True)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _answers(daemon: subprocess.Popen[bytes], folder: Path) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and daemon.poll() is None:
        if (folder / "docker.sock").exists():
            time.sleep(1)
            return True
        time.sleep(0.5)
    return False


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
        subprocess.run(["bash", "-o", "pipefail", "-c", made], check=True, capture_output=True)
        return DEBIAN_BASE
    return BASE


def _buildkit() -> str:
    """1 where the client knows BuildKit: by its plugin, or as one so old that it has it built in."""
    version = subprocess.run(
        ["docker", "version", "--format", "{{.Client.Version}}"], capture_output=True, text=True, check=True
    ).stdout
    plugin = subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode == 0
    return str(int(plugin or int(version.split(".")[0]) < 23))
