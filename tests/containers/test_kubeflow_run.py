"""A compiled pipeline runs: each task in a container, by Kubeflow's own local runner, against real servers on loopback.

The runner knows neither a task's environment nor Kubernetes Secrets, so the test passes the first as the file has it, and
the second as a cluster would. How a container ended it asks too late; `tests/toys/kfp_runner.py` asks in time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests
import yaml
from moto.server import ThreadedMotoServer

from tests.toys.kfp_runner import run_docker_container
from tests.toys.waiting import LONGEST

pytestmark = [pytest.mark.containers, pytest.mark.timeout(3000)]
PROJECT = Path(__file__).parents[2]
REGISTRY = "registry.invalid"
MODEL = "from-kubeflow"
STEPS = [
    "ingest",
    "ingest_base_model",
    "keep_threshold",
    "validate",
    "label_and_split",
    "fine_tune",
    "evaluate",
    "register",
    "promote",
]


@pytest.fixture(scope="module")
def images(built: str, engine: Any) -> Iterator[str]:
    """A registry's name, under which the image of the steps stands as both images of the pipeline."""
    image = engine.images.get(f"agile-classifier/steps:{built}")
    names = [f"{REGISTRY}/agile-classifier/{name}" for name in ("steps", "fine-tune")]
    for name in names:
        image.tag(name, built)
    yield REGISTRY
    for name in names:
        engine.images.remove(f"{name}:{built}")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """An S3 server that takes any key: Kubeflow's artifact store is never a folder."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def mlflow_server(serve: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("mlflow-server")
    store = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "files")]
    environment = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return serve(["mlflow", "server", *store], environment)


@pytest.fixture(scope="module")
def secret(zenml_key: str) -> dict[str, str]:
    """What the Kubernetes Secret would hold."""
    return {
        "ZENML_STORE_API_KEY": zenml_key,
        "AWS_ACCESS_KEY_ID": "sentinel-access",
        "AWS_SECRET_ACCESS_KEY": "sentinel-secret-key",
    }


@pytest.fixture(scope="module")
def compiled(
    images: str, s3: str, zenml_server: str, mlflow_server: str, tiny_model: Path, tiny_examples: pd.DataFrame,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:  # fmt: skip
    """The pipeline's file, as the command line writes it without a key to ZenML's server."""
    import boto3

    folder = tmp_path_factory.mktemp("compiled")
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=s3, **keys).create_bucket(Bucket="agile")
    tiny_examples.to_csv(folder / "examples.csv", index=False)
    sections = {
        "data": {"source": str(folder / "examples.csv"), "columns": {"score": "score", "id": "id"}},
        "validation": {"min_rows": 20, "min_class_rows": 5},
        "split": {"train": 70, "validation": 10},
        "model": {"source": str(tiny_model), "max_length": 32},
        "fine_tune": {"epochs": 3, "rank": 4, "learning_rate": 1e-2, "batch_size": 8},
        "evaluation": {"n_resamples": 100},
        "promotion": {"min_rows": 10},
        "registry": {"model_name": MODEL},
    }
    config, output = folder / "config.yaml", folder / "pipeline.yaml"
    config.write_text(yaml.safe_dump({"parameters": sections}))
    variables = {
        "AGILE_HOME": str(folder / "home"),
        "AGILE_ARTIFACTS": "s3://agile/artifacts",
        "AGILE_REGISTRY": images,
        "KUBEFLOW_URL": "https://kubeflow.example.org/pipeline",
        "MLFLOW_TRACKING_URI": mlflow_server,
        "ZENML_STORE_URL": zenml_server,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ZENML_")}
    command = [sys.executable, "-m", "agile_classifier", "compile", str(config), "--output", str(output)]
    subprocess.run(command, env={**inherited, **variables, "PYTHONPATH": str(PROJECT)}, check=True)
    return output


@pytest.fixture(autouse=True)
def _exit_code_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kfp.local.docker_task_handler.run_docker_container", run_docker_container)


@pytest.fixture(scope="module")
def run_file(
    compiled: Path, secret: dict[str, str], s3: str, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Any]:
    from docker.types import Mount
    from kfp import components, local

    spec = next(yaml.safe_load_all(compiled.read_text()))
    written = {
        pair["name"]: pair["value"]
        for executor in spec["deploymentSpec"]["executors"].values()
        for pair in executor["container"]["env"]
    }
    region = {"AWS_ENDPOINT_URL": s3, "AWS_DEFAULT_REGION": "us-east-1"}
    runner = local.DockerRunner(
        network_mode="host",
        environment={**written, **secret, **region, "AGILE_HOME": "/tmp/state"},
        mounts=[Mount(str(place), str(place), type="bind", read_only=True) for place in (compiled.parent, tiny_model)],
        user=f"{os.getuid()}:{os.getgid()}",
    )
    local.init(runner, pipeline_root=str(tmp_path_factory.mktemp("pipeline-root")))
    return components.load_component_from_file(str(compiled))


def test_a_run_goes_by_the_inputs_that_were_typed_and_not_by_those_of_the_file(
    run_file: Callable[..., Any], zenml_api: Callable[..., Any], mlflow_server: str
) -> None:
    run_file(fine_tune_epochs=2, labels_names="[bad, good]", promotion_metric="f1", model_double_quant=False)

    runs = zenml_api("GET", "runs", params={"hydrate": True})["items"]
    assert [run["body"]["status"] for run in runs] == ["completed"]
    steps = zenml_api("GET", "steps", params={"pipeline_run_id": runs[0]["id"], "hydrate": True})["items"]
    found = {step["name"]: step for step in steps}
    assert sorted(found) == sorted(STEPS)
    assert {step["body"]["status"] for step in steps} == {"completed"}
    settings = {name: step["metadata"]["config"]["parameters"] for name, step in found.items()}
    assert settings["fine_tune"]["settings"]["epochs"] == 2
    assert settings["fine_tune"]["settings"]["rank"] == 4
    assert settings["fine_tune"]["model"]["double_quant"] is False
    assert settings["label_and_split"]["labels"]["names"] == ["bad", "good"]
    assert settings["promote"]["settings"]["metric"] == "f1"
    version = requests.get(
        f"{mlflow_server}/api/2.0/mlflow/model-versions/get",
        params={"name": MODEL, "version": "1"},
        timeout=LONGEST,
    ).json()["model_version"]
    run = requests.get(
        f"{mlflow_server}/api/2.0/mlflow/runs/get", params={"run_id": version["run_id"]}, timeout=LONGEST
    ).json()["run"]
    logged = {parameter["key"]: parameter["value"] for parameter in run["data"]["params"]}
    assert logged["fine_tune.epochs"] == "2", logged


def test_an_input_that_cannot_be_used_stops_the_run_before_its_first_step(
    run_file: Callable[..., Any], zenml_api: Callable[..., Any], capfd: pytest.CaptureFixture[str]
) -> None:
    before = zenml_api("GET", "runs")["total"]
    with pytest.raises(RuntimeError, match="start"):
        run_file(fine_tune_epochs=0)
    assert "agile: error: inputs: fine_tune.epochs: Input should be greater than 0; found 0" in capfd.readouterr().out
    assert zenml_api("GET", "runs")["total"] == before


def test_a_step_that_fails_is_the_run_s_failure(
    run_file: Callable[..., Any], zenml_api: Callable[..., Any], mlflow_server: str
) -> None:
    with pytest.raises(RuntimeError, match="validate"):
        run_file(validation_min_rows=1000)
    newest = zenml_api("GET", "runs", params={"sort_by": "desc:created", "size": 1})["items"][0]
    steps = zenml_api("GET", "steps", params={"pipeline_run_id": newest["id"]})["items"]
    statuses = {step["name"]: step["body"]["status"] for step in steps}
    assert statuses["validate"] == "retrying", "Kubeflow itself would try again, the local runner does not"
    assert "fine_tune" not in statuses


def test_a_container_that_fails_at_once_is_never_taken_for_a_success(images: str, built: str, tmp_path: Path) -> None:
    from kfp.local import DockerRunner
    from kfp.local.docker_task_handler import DockerTaskHandler
    from kfp.local.status import Status

    def run(code: int) -> Status:
        command = ["python3", "-c", f"raise SystemExit({code})"]
        image = f"{images}/agile-classifier/steps:{built}"
        return DockerTaskHandler(image, command, str(tmp_path), DockerRunner(network_mode="none")).run()

    assert [run(code) for code in (3, 0, 3, 3)] == [Status.FAILURE, Status.SUCCESS, Status.FAILURE, Status.FAILURE]
