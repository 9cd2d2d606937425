"""What is asked of a cluster before a run: each thing that is wrong is one line, and nothing is submitted."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kubernetes import config
from zenml.integrations.kubernetes import kube_utils

from agile_classifier.errors import InputError
from agile_classifier.ops.engines import kubernetes as engine_kubernetes
from agile_classifier.ops.engines.kubernetes import GPU_COMES_LATER, is_loopback, require_kubernetes
from agile_classifier.ops.engines.stacks import StackFile, read_stack
from agile_classifier.ops.project import root
from agile_classifier.ops.runs.failures import explain
from tests.toys.fake_kubernetes import FakeCluster, serve, write_kubeconfig

A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}
VARIABLES = {
    "AGILE_KUBE_CONTEXT": "fake",
    "AGILE_ARTIFACTS": "s3://bucket/agile",
    "AGILE_REGISTRY": "registry.example",
    "MLFLOW_TRACKING_URI": "https://mlflow.example",
}
ReadStack = Callable[..., StackFile]


@pytest.fixture
def cluster() -> FakeCluster:
    cluster = FakeCluster()
    cluster.put_node("gpu", labels=A100, gpus=8)
    cluster.put_node("cpu", labels={}, gpus=0)
    return cluster


@pytest.fixture
def stack_of(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ReadStack]:
    """The stack's file, read with other variables than those that a healthy cluster needs; afterwards nothing was submitted."""

    def read(**variables: str) -> StackFile:
        for name, value in {**VARIABLES, **variables}.items():
            monkeypatch.setenv(name, value)
        return read_stack("kubernetes")

    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.delenv(GPU_COMES_LATER, raising=False)
    monkeypatch.setattr(engine_kubernetes, "zenml_store", lambda: "https://zenml.example")
    with serve(cluster, tmp_path / "kubeconfig"):
        yield read
    assert cluster.submitted == []


def refused(stack: StackFile) -> str:
    with pytest.raises(InputError) as caught:
        require_kubernetes(stack)
    said = str(caught.value)
    assert said.startswith("stack kubernetes: ")
    assert "\n" not in said
    return said


def test_a_cluster_that_lacks_nothing_is_taken(stack_of: ReadStack, capsys: pytest.CaptureFixture[str]) -> None:
    require_kubernetes(stack_of())
    assert capsys.readouterr() == ("", "")


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match=r"kubernetes\.yaml: \d environment variables are not set: ") as refused:
        read_stack("kubernetes")
    missing = ("AGILE_KUBE_CONTEXT (Context of kubectl", "AGILE_ARTIFACTS (", "AGILE_REGISTRY (Registry of container")
    assert all(name in str(refused.value) for name in (*missing, "ZENML_STORE_URL (", "MLFLOW_TRACKING_URI ("))


def test_an_unknown_context_is_named_beside_those_that_there_are(stack_of: ReadStack, tmp_path: Path) -> None:
    said = refused(stack_of(AGILE_KUBE_CONTEXT="elsewhere"))
    assert f"no context elsewhere in {tmp_path}/kubeconfig; there are: fake" in said


@pytest.mark.parametrize("content", [None, "", "{not yaml", "kind: Config"])
def test_a_kubeconfig_that_names_no_cluster_is_said_to(
    stack_of: ReadStack, tmp_path: Path, content: str | None
) -> None:
    (tmp_path / "kubeconfig").unlink()
    if content is not None:
        (tmp_path / "kubeconfig").write_text(content, encoding="utf-8")
    assert f"{tmp_path}/kubeconfig names no cluster" in refused(stack_of())


def test_a_cluster_that_does_not_answer_is_named_by_its_context(stack_of: ReadStack, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    write_kubeconfig(tmp_path / "kubeconfig", f"http://127.0.0.1:{closed}", user="client")
    said = refused(stack_of())
    assert "the cluster of context fake does not answer" in said
    assert "refused" in said


def test_who_is_not_logged_in_is_told_so(stack_of: ReadStack, cluster: FakeCluster) -> None:
    cluster.is_logged_in = False
    assert "the cluster of context fake does not know you; log in again" in refused(stack_of())


def test_a_namespace_that_is_not_there_is_named(stack_of: ReadStack) -> None:
    assert "the cluster has no namespace nowhere" in refused(stack_of(AGILE_KUBE_NAMESPACE="nowhere"))


def test_a_right_that_is_missing_is_named_beside_all_that_are_needed(stack_of: ReadStack, cluster: FakeCluster) -> None:
    cluster.forbidden = frozenset({"jobs"})
    said = refused(stack_of())
    assert "context fake may not create jobs, get jobs in namespace agile-classifier" in said
    assert "needed: create jobs, get jobs, list pods, get pods/log, create secrets" in said


def test_who_may_not_look_at_namespaces_and_nodes_may_run_all_the_same(
    stack_of: ReadStack, cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.forbidden = frozenset({"namespaces", "nodes"})
    require_kubernetes(stack_of())
    assert "may not list nodes: not checked" in capsys.readouterr().err


@pytest.mark.parametrize(("gpus", "unschedulable"), [(0, False), (8, True)])
def test_a_cluster_whose_a100s_cannot_be_had_is_refused(
    stack_of: ReadStack, cluster: FakeCluster, gpus: int, unschedulable: bool
) -> None:
    cluster.put_node("gpu", labels=A100, gpus=gpus, unschedulable=unschedulable)
    said = refused(stack_of())
    assert "fine_tune asks for nvidia.com/gpu: 1 on a node with nvidia.com/gpu.product=NVIDIA-A100-SXM4-80GB" in said
    assert "of 1 such nodes none offers it" in said


def test_another_gpu_can_be_named_and_a_node_may_come_later(
    stack_of: ReadStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = refused(stack_of(AGILE_GPU="NVIDIA-H100-80GB-HBM3"))
    assert "nvidia.com/gpu.product=NVIDIA-H100-80GB-HBM3, and of 0 such nodes" in said
    monkeypatch.setenv(GPU_COMES_LATER, "1")
    require_kubernetes(stack_of(AGILE_GPU="NVIDIA-H100-80GB-HBM3"))


@pytest.mark.parametrize("store", ["sqlite:////home/ann/zenml.db", "http://localhost:8237", "http://127.0.0.1:8237"])
def test_a_zenml_that_pods_cannot_reach_is_refused(
    stack_of: ReadStack, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    monkeypatch.setattr(engine_kubernetes, "zenml_store", lambda: store)
    said = refused(stack_of())
    assert f"ZenML's store is {store}, which no pod can reach" in said
    assert "ZENML_STORE_URL=https://host" in said


@pytest.mark.parametrize(
    "tracking", ["sqlite:////home/ann/mlflow.db", "file:///home/ann/mlruns", "/home/ann/mlruns", "http://[::1]:5000"]
)
def test_an_mlflow_that_pods_cannot_reach_is_refused(stack_of: ReadStack, tracking: str) -> None:
    said = refused(stack_of(MLFLOW_TRACKING_URI=tracking))
    assert f"MLflow's tracking server is {tracking}, which no pod can reach" in said
    assert "MLFLOW_TRACKING_URI=https://host" in said


def test_a_password_in_an_address_is_refused_and_not_repeated(stack_of: ReadStack) -> None:
    said = refused(stack_of(MLFLOW_TRACKING_URI="https://ann:geheim@mlflow.example"))
    assert "MLFLOW_TRACKING_URI holds a password" in said
    assert "agile-tracking" in said
    assert "geheim" not in said


def test_a_job_that_failed_is_a_failure_of_the_run_and_no_defect(
    stack_of: ReadStack, cluster: FakeCluster, tmp_path: Path
) -> None:
    condition = {"type": "Failed", "status": "True", "message": "BackoffLimitExceeded"}
    cluster.objects["jobs", "run"] = {
        "metadata": {"name": "run", "annotations": {}},
        "status": {"conditions": [condition]},
    }
    api = config.new_client_from_config(str(tmp_path / "kubeconfig"))
    with pytest.raises(RuntimeError) as caught:
        kube_utils.wait_for_job_to_finish(lambda: api, "agile-classifier", "run")
    failure = explain(caught.value)
    assert "Job `agile-classifier:run` failed: BackoffLimitExceeded" in failure.line
    assert failure.exit_code == 1
    assert not failure.is_defect


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("a.localhost", True), ("127.8.0.1", True), ("::1", True), ("0.0.0.0", True),
     ("10.0.0.1", False), ("mlflow.svc", False), ("localhost.example", False)],
)  # fmt: skip
def test_a_loopback_is_known_by_name_and_number(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.slow
@pytest.mark.usefixtures("warm")
def test_the_command_line_says_it_in_one_line(new_home: Callable[[Path], Path], tmp_path: Path) -> None:
    new_home(tmp_path)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ZENML_", "MLFLOW_"))}
    environment |= {**VARIABLES, "AGILE_HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "none")}
    noted = agile_stack(environment, exit_code=0)
    assert noted.startswith(f"agile: a run would be refused: stack kubernetes: ZenML's store is sqlite:///{tmp_path}")
    said = agile_stack({**environment, "AGILE_ARTIFACTS": str(tmp_path)}, exit_code=2)
    assert said.startswith(f"agile: error: stack kubernetes: components.artifact_store: The path: '{tmp_path}'")
    assert "supported schemes: {'s3://'}" in said


def agile_stack(environment: dict[str, str], *, exit_code: int) -> str:
    """The last line of what `agile stack kubernetes` complains of."""
    done = subprocess.run(
        [sys.executable, "-m", "agile_classifier", "stack", "kubernetes"],
        cwd=root(), env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == exit_code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]
