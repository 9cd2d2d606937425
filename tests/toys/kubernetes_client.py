"""What submits to the stand-in of a cluster: commands in processes of their own, against a real ZenML server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from agile_classifier.ops.project import root
from tests.toys.fake_kubernetes import FakeCluster
from tests.toys.waiting import until_answered

A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}
SECRETS = {
    "agile-artifacts": {"AWS_ACCESS_KEY_ID": "SENTINEL-KEY", "AWS_SECRET_ACCESS_KEY": "SENTINEL-SECRET"},
    "agile-tracking": {"MLFLOW_TRACKING_USERNAME": "SENTINEL-USER", "MLFLOW_TRACKING_PASSWORD": "SENTINEL-PASSWORD"},
    "agile-hub": {"HF_TOKEN": "SENTINEL-HUB"},
}
QUIET = {
    "ZENML_ANALYTICS_OPT_IN": "false",
    "ZENML_DISABLE_STEP_LOGS_STORAGE": "true",
    "ZENML_LOGGING_COLORS_DISABLED": "true",
}


@contextmanager
def serve_zenml(folder: Path) -> Iterator[str]:
    """ZenML's own server on loopback, with a database of its own; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "ZENML_CONFIG_PATH": str(folder / "server"),
        "ZENML_SERVER": "true",
        "ZENML_SERVER_AUTO_ACTIVATE": "true",
        "ZENML_SERVER_JWT_SECRET_KEY": "for a test" * 5,
        "ZENML_DEFAULT_USER_PASSWORD": "SENTINEL-ZENML",
        "ZENML_LOGGING_VERBOSITY": "WARN",
        **QUIET,
    }
    command = [sys.executable, "-m", "uvicorn", "zenml.zen_server.zen_server_api:app", "--port", str(port)]
    log = (folder / "server.log").open("w")
    server = subprocess.Popen([*command, "--no-access-log"], env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        until_answered(f"{address}/health", server, (folder / "server.log").read_text)
        yield address
    finally:
        server.terminate()
        server.wait()
        log.close()


def make_cluster(folder: Path) -> FakeCluster:
    """Secrets, a GPU, and the folder /app of the images."""
    app = folder / "app"
    app.mkdir(parents=True)
    for name in ("agile_classifier", "configs", "pipelines", "steps", "constraints.txt"):
        (app / name).symlink_to(root() / name)
    cluster = FakeCluster(pod_folder=app)
    for name, values in SECRETS.items():
        cluster.put_secret(name, values)
    cluster.put_node("gpu", labels=A100, gpus=1)
    cluster.pod_environment = {
        "PYTHONPATH": str(app),
        "ZENML_CUSTOM_SOURCE_ROOT": str(app),
        "ZENML_CONFIG_PATH": str(folder / "pod"),
        "HOME": str(folder),
        "COLD": "1",  # ZenML reads a pod's other variables while it is imported
        "ZENML_DISABLE_PIPELINE_LOGS_STORAGE": "true",  # there is no bucket to write them to
        **QUIET,
    }
    return cluster


def environment_of(folder: Path, zenml_server: str) -> Mapping[str, str]:
    """The variables of a person who submits; the kubeconfig is the folder's."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    (home / "ready").touch()  # no database of its own is needed
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(root()),
        "HOME": str(folder),
        "KUBECONFIG": str(folder / "kubeconfig"),
        "AGILE_HOME": str(home),
        "AGILE_KUBE_CONTEXT": "fake",
        "AGILE_ARTIFACTS": "s3://bucket/agile",
        "AGILE_REGISTRY": "registry.example",
        "MLFLOW_TRACKING_URI": "https://mlflow.example",
        "ZENML_STORE_URL": zenml_server,
        "ZENML_STORE_USERNAME": "default",
        "ZENML_STORE_PASSWORD": "SENTINEL-ZENML",
        **{name: value for values in SECRETS.values() for name, value in values.items()},
    }


def run_client(folder: Path, program: str, zenml_server: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program as that person, who has set further variables."""
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=root(),
        env={**environment_of(folder, zenml_server), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
