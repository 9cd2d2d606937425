"""Of each thing that ZenML, or Kubeflow itself, gets wrong: that it still does. One that fails here may go from the code."""

import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import docker
import pytest
from google.protobuf import json_format
from kfp import dsl
from kfp.local import docker_task_handler
from zenml.config import ResourceSettings
from zenml.enums import ExecutionMode
from zenml.integrations.kubeflow.flavors.kubeflow_orchestrator_flavor import (
    KubeflowOrchestratorConfig,
    KubeflowOrchestratorSettings,
)
from zenml.integrations.kubeflow.orchestrators.kubeflow_orchestrator import KubeflowOrchestrator

PROJECT = Path(__file__).parents[4]
IMPORT = "import pipelines.training"
WORKAROUND = "from agile_classifier.ops.engines.kubeflow.workarounds import import_without_server as w; w(); "


@pytest.mark.parametrize(("code", "works"), [(IMPORT, False), (WORKAROUND + IMPORT, True)])
@pytest.mark.usefixtures("warm")
def test_importing_a_step_asks_zenmls_server_unless_it_is_told_not_to(code: str, works: bool, tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "ZENML_CONFIG_PATH": str(tmp_path),
        "ZENML_STORE_URL": "sqlite:////proc/zenml.db",  # a store that cannot be opened
        "ZENML_ANALYTICS_OPT_IN": "false",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) is works, done.stderr


def test_zenml_overwrites_the_settings_of_a_pod() -> None:
    settings = KubeflowOrchestratorSettings(pod_settings={"node_selectors": {"disk": "fast"}, "tolerations": [{}]})
    assert settings.pod_settings is not None
    assert (settings.pod_settings.node_selectors, settings.pod_settings.tolerations) == ({}, [])


def _compiled_by_zenml(settings: ResourceSettings) -> dict[str, Any]:
    """The container of a task whose resources ZenML has set."""

    @dsl.container_component
    def task() -> dsl.ContainerSpec:
        return dsl.ContainerSpec(image="image")

    @dsl.pipeline
    def one_task() -> None:
        KubeflowOrchestrator._configure_container_resources(None, task(), settings)  # type: ignore[arg-type]

    return json_format.MessageToDict(one_task.pipeline_spec)["deploymentSpec"]["executors"]["exec-task"]["container"]


def test_zenml_drops_a_gpu() -> None:
    container = _compiled_by_zenml(ResourceSettings(cpu_count=1, gpu_count=1))
    assert "accelerator" not in container["resources"]


def test_zenml_fails_on_memory() -> None:
    with pytest.raises(TypeError, match="expected string"):
        _compiled_by_zenml(ResourceSettings(cpu_count=1, memory="8GiB"))


def test_zenml_refuses_a_pipeline_that_ends_at_its_first_failure_and_retries_within_the_pod() -> None:
    assert KubeflowOrchestrator.supported_execution_modes.fget is not None
    assert ExecutionMode.FAIL_FAST not in KubeflowOrchestrator.supported_execution_modes.fget(None)
    assert not KubeflowOrchestratorConfig(kubeflow_hostname="https://kubeflow.example.org").handles_step_retries


def test_a_step_whose_pod_failed_is_run_again_by_a_second_pod(
    state_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zenml.client import Client

    from agile_classifier.ops.engines.kubeflow.workarounds import launch_once
    from tests.toys import toy_retry

    for name in ("KFP_RUN_ID", "ZENML_ACTIVE_STACK_ID"):
        monkeypatch.setenv(name, "")  # put back afterwards; the step sets both
    mark, run_id = tmp_path / "tried", str(uuid.uuid4())
    pipeline = toy_retry.fragile.with_options(retry={"max_retries": 2})
    pipeline.prepare(mark=str(mark))
    snapshot = pipeline.create_snapshot(name=f"kubeflow-{run_id}")
    with pytest.raises(RuntimeError, match="first"):
        launch_once(snapshot.id, "fails_once", run_id=run_id)
    assert mark.exists()
    launch_once(snapshot.id, "fails_once", run_id=run_id)
    run = Client().list_pipeline_runs(snapshot_id=snapshot.id).items[0]
    assert run.status == "completed"
    assert [step.status for step in Client().list_run_steps(pipeline_run_id=run.id, sort_by="asc:version").items] == [
        "retried",
        "completed",
    ]


class _GoneContainer:
    """Was removed by the engine, as it ended, before anybody asked for its exit code."""

    def logs(self, **_: Any) -> list[bytes]:
        return [b"agile: error: no rows\n"]

    def wait(self) -> dict[str, int]:
        raise docker.errors.NotFound("no such container")


def test_kubeflow_s_local_runner_takes_a_container_that_is_gone_for_a_success(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As long as it does, `tests/toys/kfp_runner.py` stands in its place."""
    client = docker.DockerClient(base_url="unix:///nowhere", version="1.41")
    monkeypatch.setattr(docker.models.images.ImageCollection, "list", lambda _: [])
    monkeypatch.setattr(docker.models.images.ImageCollection, "pull", lambda *_: None)
    monkeypatch.setattr(docker.models.containers.ContainerCollection, "run", lambda _, **__: _GoneContainer())
    assert docker_task_handler.run_docker_container(client, "image", ["false"], {}) == 0
