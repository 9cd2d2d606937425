"""Kubernetes: every Job that ZenML submits for a run, as it reaches the cluster; and what is said before one is submitted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest

from classifier.errors import InputError
from operations.engines import require_engine
from operations.stacks import read_stack
from operations.state import PROJECT

HERE = Path(__file__).parent
PIPELINE = {
    "ingest": set(),
    "ingest_base_model": set(),
    "validate": {"ingest", "ingest_base_model"},
    "label_and_split": {"validate"},
    "fine_tune": {"label_and_split", "ingest_base_model"},
    "evaluate": {"fine_tune", "label_and_split", "ingest_base_model"},
    "register": {"fine_tune", "evaluate"},
    "promote": {"register"},
}
"""Step → steps that must be over before its Job may be."""
SENTINELS = {
    "AWS_ACCESS_KEY_ID": "sentinel-access",
    "AWS_SECRET_ACCESS_KEY": "sentinel-secret-key",
    "HF_TOKEN": "sentinel-hub-token",
    "MLFLOW_TRACKING_PASSWORD": "sentinel-tracking",
}
ORCHESTRATOR = "orchestrator"
VERSIONS = [f"1.{minor}" for minor in range(33, int(kubernetes_validate.latest_version().split(".")[1]) + 1)]
Log = list[dict[str, Any]]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder of a cluster that answers: its `kubeconfig`, `cluster.json` that says what it has, and `log.jsonl`."""
    folder = tmp_path_factory.mktemp("cluster")
    describe(folder)
    server = subprocess.Popen([sys.executable, str(HERE / "fake_kubernetes.py"), str(folder)])
    deadline = time.monotonic() + 30
    while not (folder / "kubeconfig").exists():
        assert server.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield folder
    server.kill()
    server.wait()


@pytest.fixture(scope="module")
def log(cluster: Path, zenml_server: str, zenml_key: str, tmp_path_factory: pytest.TempPathFactory) -> Log:
    """What the cluster was told while a run was submitted and orchestrated, in order."""
    home = tmp_path_factory.mktemp("home")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ZENML_", "MLFLOW_"))}
    environment = {
        **inherited, **SENTINELS, **variables(cluster), "AGILE_HOME": str(home), "PYTHONPATH": str(PROJECT),
        "ZENML_CUSTOM_SOURCE_ROOT": str(PROJECT), "ZENML_STORE_URL": zenml_server, "ZENML_STORE_API_KEY": zenml_key,
    }  # fmt: skip
    command = [sys.executable, str(HERE / "toy_orchestrator.py"), "configs/quickstart.yaml", ORCHESTRATOR]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-6000:]
    return [json.loads(line) for line in (cluster / "log.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def jobs(log: Log) -> dict[str, Any]:
    """Every Job: step → body, and the orchestrator's own."""
    return {step_of(found["body"]): found["body"] for found in log if found["what"] == "jobs"}


def step_of(job: Any) -> str:
    arguments = pod(job)["containers"][0]["args"]
    return arguments[arguments.index("--step_name") + 1] if "--step_name" in arguments else ORCHESTRATOR


def pod(job: Any) -> Any:
    return job["spec"]["template"]["spec"]


def test_a_run_is_one_job_for_each_step_and_one_that_orchestrates(jobs: dict[str, Any]) -> None:
    assert set(jobs) == {ORCHESTRATOR, *PIPELINE}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_job_is_valid_under_a_strict_schema(jobs: dict[str, Any], version: str) -> None:
    for job in jobs.values():
        kubernetes_validate.validate(
            {"apiVersion": "batch/v1", "kind": "Job", **without_nulls(job)}, version, strict=True
        )


def test_zenml_still_writes_empty_fields_that_kubernetes_does_not_know(jobs: dict[str, Any]) -> None:
    """A server drops them, with a warning. When this fails, the schemas need no `without_nulls`."""
    context = pod(jobs["ingest"])["containers"][0]["securityContext"]
    assert {name for name, value in context.items() if value is None} >= {"run_as_user", "seccomp_profile"}


def test_a_job_is_made_only_when_all_before_it_are_complete(log: Log) -> None:
    complete: set[str] = set()
    for found in log:
        step = step_of(found["body"]) if found["what"] in ("jobs", "complete") else ""
        if found["what"] == "complete":
            complete.add(step)
        elif found["what"] == "jobs" and step != ORCHESTRATOR:
            assert PIPELINE[step] <= complete, step
    assert complete == set(PIPELINE)


def test_fine_tune_stands_on_an_a100_with_shared_memory_and_nothing_else_does(jobs: dict[str, Any]) -> None:
    for step, job in jobs.items():
        spec, container = pod(job), pod(job)["containers"][0]
        on_gpu = step == "fine_tune"
        asked, limits = container["resources"]["requests"], container["resources"]["limits"]
        assert {"cpu", "memory"} <= set(asked), step
        assert "memory" in limits, step
        assert (asked.get("nvidia.com/gpu"), limits.get("nvidia.com/gpu")) == (("1", "1") if on_gpu else (None, None))
        gpu = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"} if on_gpu else {}
        assert (spec.get("nodeSelector") or {}) == gpu, step
        assert bool(spec.get("tolerations")) == on_gpu, step
        memory = {volume["name"] for volume in spec["volumes"] if volume["emptyDir"].get("medium") == "Memory"}
        mounted = {mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] in memory}
        assert mounted == ({"/dev/shm"} if on_gpu else set()), step
        image = "fine-tune" if on_gpu else "steps"
        assert container["image"] == f"registry.invalid/agile-classifier/{image}:0.1.0"
    assert pod(jobs["fine_tune"])["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]  # fmt: skip


def test_every_container_runs_without_rights_under_its_account(jobs: dict[str, Any]) -> None:
    for step, job in jobs.items():
        spec = pod(job)
        account = "agile-classifier" if step == ORCHESTRATOR else "agile-classifier-steps"
        assert spec["serviceAccountName"] == account, step
        assert spec["imagePullSecrets"] == [{"name": "agile-registry"}], step
        for container in [*spec["containers"], *(spec.get("initContainers") or [])]:
            context = container["securityContext"]
            assert context["runAsNonRoot"] is True, step
            assert context["runAsUser"] == 10001, step
            assert context["allowPrivilegeEscalation"] is False, step
            assert context["readOnlyRootFilesystem"] is True, step
            assert context["capabilities"] == {"drop": ["ALL"]}, step
            assert context["seccompProfile"] == {"type": "RuntimeDefault"}, step
            assert not context.get("privileged"), step


def test_no_job_holds_a_secret_in_plain_text(jobs: dict[str, Any], log: Log, zenml_key: str) -> None:
    tokens = [value for found in log if found["what"] == "secrets" for value in secret_values(found["body"])]
    assert tokens, "the run's token came along as a Secret"
    for step, job in jobs.items():
        written = json.dumps(job)
        for value in (*SENTINELS.values(), zenml_key, *tokens):
            assert value not in written, step
        container = pod(job)["containers"][0]
        assert container["envFrom"] == [{"secretRef": {"name": "agile-classifier"}}], step
        taken = {entry["name"]: entry.get("valueFrom") for entry in container["env"]}
        assert "secretKeyRef" in taken["ZENML_STORE_API_TOKEN"], step
        assert not any(word in name for name, by in taken.items() if by is None for word in ("TOKEN", "PASSWORD", "KEY", "SECRET"))  # fmt: skip


def test_a_failed_pod_is_tried_again_and_one_that_lost_its_node_without_being_counted(jobs: dict[str, Any]) -> None:
    for step, job in jobs.items():
        assert job["spec"]["backoffLimit"] == (3 if step == ORCHESTRATOR else 2), step
        actions = [rule["action"] for rule in job["spec"]["podFailurePolicy"]["rules"]]
        assert actions == ["Ignore", "Count"], step
        assert pod(job)["restartPolicy"] == "Never", step


def test_the_order_of_zenml_s_own_failure_policy_still_counts_a_lost_node() -> None:
    """When this fails, `pod_failure_policy` of configs/stacks/kubernetes.yaml is no longer needed."""
    from zenml.integrations.kubernetes.orchestrators import kubernetes_orchestrator_entrypoint

    source = Path(kubernetes_orchestrator_entrypoint.__file__).read_text()
    default = source[source.index("pod_failure_policy = settings.pod_failure_policy or {") :]
    assert default.index('"action": "Count"') < default.index('"action": "Ignore"')


@pytest.fixture
def ready(cluster: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Ask the cluster for the stack, after a change of what it has or of the environment."""
    for name, value in {**variables(cluster), "ZENML_STORE_URL": "https://zenml.example.org"}.items():
        monkeypatch.setenv(name, value)

    def ask(*, nodes: list[str] | None = None, allowed: bool = True, **changed: str) -> None:
        describe(cluster, nodes=["a100"] if nodes is None else nodes, allowed=allowed)
        for name, value in changed.items():
            monkeypatch.setenv(name, value)
        require_engine(read_stack("kubernetes"))

    yield ask
    describe(cluster)


def test_a_cluster_that_can_take_a_run_is_not_refused(ready: Callable[..., None]) -> None:
    ready()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ZENML_STORE_URL": "sqlite:///zenml.db"}, "ZENML_STORE_URL: pods need a server's address, https://…; found sqlite:"),
        ({"MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"}, "MLFLOW_TRACKING_URI: pods need a server's address"),
        ({"KUBE_CONTEXT": "elsewhere"}, "no context elsewhere in the kubeconfig; there are: fake"),
        ({"KUBECONFIG": "/nowhere/kubeconfig"}, "kubeconfig: "),
        ({"allowed": False}, "no permission to create Jobs in namespace agile-classifier"),
        ({"nodes": []}, "fine_tune asks for a node with nvidia.com/gpu.product=NVIDIA-A100-SXM4-80GB, and there is none"),
    ],
    ids=["ZenML in a file", "MLflow in a file", "unknown context", "no kubeconfig", "no permission", "no GPU"],
)  # fmt: skip
def test_what_a_cluster_lacks_is_said_before_anything_is_submitted(
    ready: Callable[..., None], changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=f"stack kubernetes: {said}"):
        ready(**changed)


def test_a_cluster_that_does_not_answer_is_said_to(ready: Callable[..., None], cluster: Path, tmp_path: Path) -> None:
    dead = json.loads((cluster / "kubeconfig").read_text())
    dead["clusters"][0]["cluster"]["server"] = "http://127.0.0.1:9"
    (tmp_path / "kubeconfig").write_text(json.dumps(dead))
    with pytest.raises(InputError, match=r"no cluster answers at http://127.0.0.1:9; .* agile stack local"):
        ready(KUBECONFIG=str(tmp_path / "kubeconfig"))


def describe(folder: Path, *, nodes: list[str] | None = None, allowed: bool = True) -> None:
    said = {"nodes": ["a100"] if nodes is None else nodes, "allowed": allowed}
    (folder / "cluster.json").write_text(json.dumps(said))


def variables(cluster: Path) -> dict[str, str]:
    return {
        "AGILE_ARTIFACTS": "s3://agile/artifacts",
        "AGILE_REGISTRY": "registry.invalid",
        "KUBECONFIG": str(cluster / "kubeconfig"),
        "KUBE_CONTEXT": "fake",
        "MLFLOW_TRACKING_URI": "https://mlflow.example.org",
    }


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def secret_values(secret: Any) -> list[str]:
    import base64

    return [base64.b64decode(value).decode() for value in (secret.get("data") or {}).values()]
