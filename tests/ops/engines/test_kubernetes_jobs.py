"""What ZenML submits to a cluster for the quickstart: every Job, as it arrives at a fake API server.

The client is `agile stack kubernetes` and `agile train` in a process of their own, ZenML's server is a real one, and the
orchestrator's Job is run with the command and the variables of its manifest. Only the steps' pods are not run.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from kubernetes.client import ApiClient
from zenml.integrations.kubernetes import manifest_utils
from zenml.integrations.kubernetes.orchestrators import kubernetes_orchestrator_entrypoint
from zenml.integrations.kubernetes.pod_settings import KubernetesPodSettings

from agile_classifier.ops.engines.kubernetes import NEEDED_RIGHTS
from tests.toys.fake_kubernetes import FakeCluster, serve
from tests.toys.kubernetes_client import A100, SECRETS, make_cluster, run_client, serve_zenml

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_module")]

Object = dict[str, Any]
ORCHESTRATOR = "orchestrator"
VERSIONS = ("1.33", "1.34", "1.35", "1.36", "1.37")
UPSTREAM: dict[str, set[str]] = {
    "ingest": set(),
    "ingest_base_model": set(),
    "keep_threshold": {"ingest"},
    "validate": {"ingest", "keep_threshold"},
    "label_and_split": {"validate", "keep_threshold"},
    "fine_tune": {"label_and_split", "ingest_base_model"},
    "evaluate": {"fine_tune", "ingest_base_model", "label_and_split"},
    "register": {"fine_tune", "evaluate"},
    "promote": {"register", "evaluate"},
}
ORCHESTRATOR_RIGHTS = {
    ("get", "pods"),
    ("list", "pods"),
    ("create", "jobs"),
    ("get", "jobs"),
    ("list", "jobs"),
    ("patch", "jobs"),
    ("delete", "jobs"),
    ("delete", "secrets"),
}
"""(verb, resource) that the role of agile-orchestrator must allow: docs/how-to/kubernetes.md."""
SUBMIT = """
from agile_classifier.ops.state.home import prepare_state
prepare_state()
from agile_classifier.ops.engines import kubernetes as engine_kubernetes
from agile_classifier.ops.runs import outcome
engine_kubernetes.is_loopback = lambda host: False  # the servers of this test are here
outcome.show = lambda run, model_name: print_retries(run.name)  # no step has run that could have given a result
outcome.summarise = lambda run: "submitted"
def print_retries(name):
    import json
    from zenml.client import Client
    steps = Client().get_pipeline_run(name).snapshot.step_configurations
    print("retries:" + json.dumps({name: step.config.retry.max_retries for name, step in steps.items()}))
from agile_classifier.cli import app as cli
cli.app(["stack", "kubernetes"], standalone_mode=False)
cli.app(["train", "configs/quickstart.yaml"], standalone_mode=False)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kubernetes")


@pytest.fixture(scope="module")
def zenml_server(folder: Path) -> Iterator[str]:
    """ZenML's own server on loopback, with a database of its own; yields its address."""
    with serve_zenml(folder) as address:
        yield address


@pytest.fixture(scope="module")
def cluster(folder: Path, zenml_server: str) -> Iterator[FakeCluster]:
    """A cluster to which the quickstart has been submitted."""
    cluster = make_cluster(folder)
    with serve(cluster, folder / "kubeconfig"):
        done = run_client(folder, SUBMIT, zenml_server)
        (folder / "client.log").write_text(done.stdout, encoding="utf-8")
        print(done.stderr, cluster.pod_output, sep="\n")  # what pytest shows of a failure
        assert done.returncode == 0
        yield cluster


@pytest.fixture(scope="module")
def retries(cluster: FakeCluster, folder: Path) -> dict[str, int]:
    """Step → how often ZenML's server lets it be tried again."""
    said = (folder / "client.log").read_text(encoding="utf-8")
    return dict(json.loads(said.partition("retries:")[2]))


def pod_of(job: Object) -> Object:
    return dict(job["spec"]["template"]["spec"])


def container_of(job: Object) -> Object:
    containers = pod_of(job)["containers"]
    assert len(containers) == 1
    assert "initContainers" not in pod_of(job)
    return dict(containers[0])


def steps_of(cluster: FakeCluster) -> dict[str, Object]:
    return {step: job for step, job in cluster.jobs().items() if step != ORCHESTRATOR}


def test_there_is_one_job_for_the_orchestrator_and_one_for_each_step(cluster: FakeCluster) -> None:
    assert sorted(cluster.jobs()) == sorted([ORCHESTRATOR, *UPSTREAM])
    assert len(cluster.submitted) == len(cluster.jobs())


def test_a_step_is_submitted_only_after_all_before_it_have_succeeded(cluster: FakeCluster) -> None:
    for step, upstream in UPSTREAM.items():
        created = cluster.events.index(("created", step))
        for before in upstream:
            assert cluster.events.index(("succeeded", before)) < created, (before, step)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_job_is_valid_under_the_strict_schema(cluster: FakeCluster, version: str) -> None:
    for job in cluster.submitted:
        kubernetes_validate.validate({"apiVersion": "batch/v1", "kind": "Job", **job}, version, strict=True)


def test_the_schema_is_as_strict_as_it_says(cluster: FakeCluster) -> None:
    job = json.loads(json.dumps(cluster.jobs()["fine_tune"]))
    container_of(job)["securityContext"]["run_as_user"] = None
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({"apiVersion": "batch/v1", "kind": "Job", **job}, VERSIONS[0], strict=True)


def test_fine_tune_asks_for_one_gpu_of_an_a100_and_for_shared_memory(cluster: FakeCluster) -> None:
    job = cluster.jobs()["fine_tune"]
    pod, container = pod_of(job), container_of(job)
    assert pod["nodeSelector"] == A100
    assert {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in pod["tolerations"]
    assert container["image"] == "registry.example/agile-classifier/fine-tune:0.1.0"
    for kind in ("requests", "limits"):
        assert container["resources"][kind]["nvidia.com/gpu"] == "1"
    assert {"cpu", "memory"} <= set(container["resources"]["requests"])
    (shared,) = [mount["name"] for mount in container["volumeMounts"] if mount["mountPath"] == "/dev/shm"]
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == shared]
    assert volume["emptyDir"]["medium"] == "Memory"
    assert volume["emptyDir"]["sizeLimit"]


def test_all_other_pods_keep_off_the_gpus(cluster: FakeCluster) -> None:
    for step, job in cluster.jobs().items():
        if step == "fine_tune":
            continue
        pod, container = pod_of(job), container_of(job)
        assert container["image"] == "registry.example/agile-classifier/steps:0.1.0"
        assert "nvidia.com/gpu" not in json.dumps(
            [container["resources"], pod.get("tolerations"), pod.get("nodeSelector")]
        )
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]
        terms = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        assert terms == [{"matchExpressions": [{"key": "nvidia.com/gpu.product", "operator": "DoesNotExist"}]}]


def test_every_container_is_confined(cluster: FakeCluster) -> None:
    for job in cluster.submitted:
        pod, container = pod_of(job), container_of(job)
        assert container["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "privileged": False,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["fsGroup"] == 10001
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert all(set(volume) == {"name", "emptyDir"} for volume in pod["volumes"])
        mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
        assert {"/tmp", "/state"} <= mounted, "the only folders that can be written to"


def test_images_are_pulled_with_a_secret_and_pods_run_under_accounts_of_their_own(cluster: FakeCluster) -> None:
    for step, job in cluster.jobs().items():
        pod = pod_of(job)
        assert pod["imagePullSecrets"] == [{"name": "agile-registry"}]
        account = "agile-orchestrator" if step == ORCHESTRATOR else "agile-steps"
        assert pod["serviceAccountName"] == account
        assert pod.get("automountServiceAccountToken", True) is (step == ORCHESTRATOR)


def test_no_secret_stands_in_a_job_and_each_is_named_where_it_is_needed(cluster: FakeCluster) -> None:
    said = json.dumps(cluster.submitted)
    assert "SENTINEL" not in said
    (token,) = cluster.created_secrets.values()
    assert token["zenml_api_token"].startswith("eyJ"), "not the token that is looked for"
    assert token["zenml_api_token"] not in said
    assert "eyJ" not in said
    for step, job in cluster.jobs().items():
        named = {source["secretRef"]["name"] for source in container_of(job)["envFrom"]}
        fetches = step in {"ingest", "ingest_base_model"}
        tracks = step in {"keep_threshold", "fine_tune", "evaluate", "register", "promote"}
        assert "agile-artifacts" in named
        assert ("agile-notify" in named) == (step != ORCHESTRATOR)
        assert ("agile-hub" in named) == fetches
        assert "agile-tracking" in named or not tracks
        variables = {variable["name"]: variable for variable in container_of(job)["env"]}
        assert variables["ZENML_STORE_API_TOKEN"]["valueFrom"]["secretKeyRef"]["name"] in cluster.created_secrets


def test_the_orchestrator_finds_the_code_that_its_cache_keys_are_made_of(cluster: FakeCluster) -> None:
    assert "Missing file" not in cluster.pod_output, "it would run every step anew"
    assert "Node `promote` completed" in cluster.pod_output


def test_the_token_of_a_run_is_deleted_when_the_run_has_ended(cluster: FakeCluster) -> None:
    assert ("orchestrator", "delete", "secrets") in cluster.asked
    assert not [name for kind, name in cluster.objects if kind == "secrets" and name not in SECRETS]


def test_a_failed_pod_is_tried_again_and_a_preempted_one_is_not_held_against_the_step(cluster: FakeCluster) -> None:
    for step, job in cluster.jobs().items():
        spec = job["spec"]
        assert pod_of(job)["restartPolicy"] == "Never", "what a pod failure policy needs"
        assert spec["backoffLimit"] == {"fine_tune": 5, ORCHESTRATOR: 3}.get(step, 2)
        policy = spec["podFailurePolicy"]["rules"]
        assert decided(policy, exit_code=1, disrupted=False) == "Count"
        assert decided(policy, exit_code=137, disrupted=False) == "Count", "out of memory"
        assert decided(policy, exit_code=143, disrupted=True) == "Ignore"
        assert decided(policy, exit_code=137, disrupted=True) == "Ignore", "killed, after the grace period"
        assert spec["activeDeadlineSeconds"] > 86400
        assert spec["ttlSecondsAfterFinished"] > 0


def test_zenml_itself_takes_as_many_tries_as_kubernetes_makes(cluster: FakeCluster, retries: dict[str, int]) -> None:
    """Its server refuses a try more than that of the step's configuration allows."""
    assert retries == {step: job["spec"]["backoffLimit"] for step, job in steps_of(cluster).items()}


def test_the_rights_that_are_asked_for_are_those_that_are_used(cluster: FakeCluster) -> None:
    used = {(verb, resource) for who, verb, resource in cluster.asked if who == "client"}
    assert used - {("list", "nodes")} == {(verb, resource) for verb, _, resource in NEEDED_RIGHTS}
    orchestrator = {(verb, resource) for who, verb, resource in cluster.asked if who == "orchestrator"}
    assert orchestrator <= ORCHESTRATOR_RIGHTS


def test_zenml_still_counts_a_preempted_pod_as_a_failed_one() -> None:
    """When this fails, `pod_failure_policy` may leave configs/stacks/kubernetes.yaml."""
    source = inspect.getsource(kubernetes_orchestrator_entrypoint.main)
    policy = source[source.index("pod_failure_policy = settings.pod_failure_policy or") :]
    assert policy.index('"Count"') < policy.index('"DisruptionTarget"')


def test_zenml_still_adds_nulls_to_a_security_context() -> None:
    """When this fails, `agile_classifier.ops.engines.kubernetes_workarounds` may go."""
    pod = manifest_utils.build_pod_manifest(
        None, "image", [], [], privileged=False,
        pod_settings=KubernetesPodSettings(container_security_context={"runAsUser": 10001}),
    )  # fmt: skip
    said = ApiClient().sanitize_for_serialization(pod)["spec"]["containers"][0]["securityContext"]
    assert said["run_as_user"] is None


def decided(rules: list[Object], *, exit_code: int, disrupted: bool) -> str:
    """What Kubernetes does about a pod: the action of the first rule that matches."""
    for rule in rules:
        if "onPodConditions" in rule and disrupted:
            assert rule["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
            return str(rule["action"])
        if "onExitCodes" in rule:
            codes = rule["onExitCodes"]
            if (exit_code in codes["values"]) == (codes["operator"] == "In"):
                return str(rule["action"])
    return "Count"
