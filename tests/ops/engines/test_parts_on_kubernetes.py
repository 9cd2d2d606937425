"""Parts of a bucket scored on a cluster, a pod each: every container is run as a process, by its manifest's command.

The API server is a stand-in; ZenML's server, MLflow's and the bucket are real ones on loopback.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import kubernetes_validate
import pytest

from tests.toys.fake_kubernetes import FakeCluster
from tests.toys.fake_kubernetes import serve as serve_kubernetes
from tests.toys.kubernetes_client import SECRETS, make_cluster, run_client, serve_zenml
from tests.toys.toy_places import Store, in_bucket, serving

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_module")]

SUBMIT = """
from agile_classifier.ops.state.home import prepare_state
prepare_state()
from agile_classifier.ops.engines import kubernetes as engine_kubernetes
engine_kubernetes.is_loopback = lambda host: False  # the servers of this test are here
from agile_classifier.cli import app as cli
to = ["--output", "s3://agile/out/", "--model", "toy", "--stack", "kubernetes"]
cli.app(["score", "--input", "s3://agile/in/", *to], standalone_mode=False)
"""
TEXTS = {"a.csv": "text\nshort\n\xfcnl\xf6\xe4ng and long\n", "deep/b.csv": "text\nfine\n \n"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parts-on-kubernetes")


@pytest.fixture(scope="module")
def mlflow_server(serve: Callable[..., str], new_mlflow: Callable[[Path], str], folder: Path) -> str:
    """A tracking server, where `toy` version 1 is champion."""
    store = ["--backend-store-uri", new_mlflow(folder), "--artifacts-destination", str(folder / "files")]
    environment = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return serve(["mlflow", "server", *store], environment)


@pytest.fixture(scope="module")
def version(state_folder: Path, mlflow_server: str) -> Iterator[str]:
    import mlflow
    from mlflow import MlflowClient

    from tests.toys import toy_training as toy

    shared = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(mlflow_server)
    client = MlflowClient()
    made = toy.make_version(client.create_run(client.create_experiment("toy")).info.run_id, "toy", zenml_run="none")
    client.set_registered_model_alias("toy", "champion", made)
    yield made
    mlflow.set_tracking_uri(shared)


@pytest.fixture(scope="module")
def bucket() -> Iterator[tuple[Store, dict[str, str]]]:
    with serving() as variables:
        keys = {name.lower(): value for name, value in SECRETS["agile-artifacts"].items()}
        client = boto3.client("s3", endpoint_url=variables["AWS_ENDPOINT_URL"], region_name="us-east-1", **keys)
        made = in_bucket(client, "agile")
        for name, content in TEXTS.items():
            made.put(f"in/{name}", content)
        yield made, {name: variables[name] for name in ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION")}


@pytest.fixture(scope="module")
def cluster(
    folder: Path, bucket: tuple[Store, dict[str, str]], mlflow_server: str, version: str
) -> Iterator[tuple[FakeCluster, str]]:
    """A cluster on which the parts were scored, and what the person who asked for it was told."""
    cluster = make_cluster(folder)
    cluster.runs_steps = True
    state = folder / "pod-state"
    state.mkdir()
    cluster.pod_environment = {**cluster.pod_environment, **bucket[1], "AGILE_HOME": str(state)}
    with serve_zenml(folder) as zenml, serve_kubernetes(cluster, folder / "kubeconfig"):
        told = {**bucket[1], "MLFLOW_TRACKING_URI": mlflow_server, "AGILE_ARTIFACTS": "s3://agile/artifacts"}
        done = run_client(folder, SUBMIT, zenml, **told)
        print(done.stdout, done.stderr, cluster.pod_output, sep="\n")  # what pytest shows of a failure
        assert done.returncode == 0
        yield cluster, done.stdout


def test_each_part_is_scored_in_a_pod_of_its_own_and_the_rest_in_that_of_the_run(
    cluster: tuple[FakeCluster, str],
) -> None:
    jobs = cluster[0].jobs()
    pods = [name for name in jobs if name != "orchestrator"]
    assert len(pods) == len(TEXTS)
    assert all("score_parts" in name for name in pods)
    created = [step for event, step in cluster[0].events if event == "created"]
    assert sorted(created) == sorted(pods)
    for job in jobs.values():
        kubernetes_validate.validate({"apiVersion": "batch/v1", "kind": "Job", **job}, "1.33", strict=False)
        assert "SENTINEL" not in json.dumps(job)


def test_the_scored_parts_are_the_bytes_of_a_file_scored_here(
    cluster: tuple[FakeCluster, str], bucket: tuple[Store, dict[str, str]], tmp_path: Path
) -> None:
    from agile_classifier.ops.scoring.batch import score_file

    store = bucket[0]
    manifest = json.loads(store.read("out/_manifest.json"))
    assert [part["input"] for part in manifest["parts"]] == list(TEXTS)
    for part in manifest["parts"]:
        source, output = tmp_path / "in.csv", tmp_path / "out.csv"
        source.write_bytes(store.read(f"in/{part['input']}"))
        score_file(source, output=output, run_id=part["run_id"])
        assert store.read(f"out/{part['output']}") == output.read_bytes()
    assert (manifest["n_rows"], manifest["n_rejected"]) == (4, 1)
    assert "out/_rejected/deep/b.rejected.jsonl" in store.names()
    assert cluster[1].splitlines()[-1].startswith("3 rows of 2 parts scored into s3://agile/out/ by toy version 1 (")
