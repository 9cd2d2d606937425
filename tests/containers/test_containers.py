"""The quickstart in containers, one a step: the same result as in one process, though its training is killed half way.

make test-containers            # SHORT=1: on fewer rows
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from agile_classifier.training.checkpoints import complete_checkpoints
from tests.toys.waiting import LONGEST, until

pytestmark = [pytest.mark.containers, pytest.mark.timeout(3000)]
PROJECT = Path(__file__).parents[2]
FETCHING = {"ingest", "ingest_base_model"}
STEPS = {*FETCHING, "keep_threshold", "validate", "label_and_split", "fine_tune", "evaluate", "register", "promote"}
SHORT = ["--limit", "900", "--set", "split.train=300"] if os.environ.get("SHORT") == "1" else []
TEXTS = ["what a lovely day", "this is awful :(", "😀"]
FACTS = """
import hashlib, json
from agile_classifier.ops.state.home import prepare_state
prepare_state()
from zenml.client import Client
run = Client().list_pipeline_runs(sort_by="desc:created", size=1).items[0]
adapter = run.steps["fine_tune"].outputs["adapter"][0].load()
evaluation = run.steps["evaluate"].outputs["evaluation"][0].load()
tensors = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in adapter.path.rglob("*.safetensors")}
print(json.dumps({"adapter": tensors, "metrics": evaluation.metrics["candidate"]}))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder that containers of any user may use."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def containers() -> dict[str, Any]:
    """Step → what its container was allowed, as the engine tells it; filled while runs go."""
    return {}


@pytest.fixture(scope="module")
def killed(built: str, engine: Any, home: Path, containers: dict[str, Any]) -> subprocess.Popen[str]:
    """A run whose training was ended by SIGKILL after its first checkpoint."""
    agile(home, "stack", "containers")
    with watched(engine, containers):
        run = subprocess.Popen(
            [sys.executable, "-m", "agile_classifier", "train", "configs/quickstart.yaml", *SHORT],
            cwd=PROJECT, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        until(lambda: run.poll() is not None or _has_checkpoint(home), "no checkpoint")
        assert run.poll() is None, run.communicate()[0]
        engine.containers.get(containers["fine_tune"]["Id"]).kill()
        run.wait(LONGEST)
    return run


@pytest.fixture(scope="module")
def resumed(killed: subprocess.Popen[str], engine: Any, home: Path, containers: dict[str, Any]) -> str:
    """What the run after it printed."""
    with watched(engine, containers):
        return agile(home, "train", "configs/quickstart.yaml", *SHORT)


@pytest.fixture(scope="module")
def in_process(resumed: str, home: Path) -> dict[str, Any]:
    """Adapter and metrics of the same run in this process' manner, nothing reused."""
    agile(home, "stack", "local")
    agile(home, "train", "configs/quickstart.yaml", "--no-cache", *SHORT)
    return facts(home)


def test_a_killed_container_is_told_in_one_line(killed: subprocess.Popen[str]) -> None:
    assert killed.stdout is not None
    said = killed.stdout.read()
    assert killed.returncode == 1, said
    assert said.splitlines()[-1].startswith("agile: error: step fine_tune: its container was killed")
    assert "Traceback" not in said


def test_the_next_run_reuses_what_was_done_and_runs_the_rest(resumed: str) -> None:
    told = dict(line.split(":", 1) for line in resumed.splitlines() if line.startswith(("reused:", "ran:")))
    ran = {"keep_threshold", "fine_tune", "evaluate", "register", "promote"}  # the first and the last are never reused
    assert {kind: set(steps.strip().split(", ")) for kind, steps in told.items()} == {"reused": STEPS - ran, "ran": ran}


def test_every_step_ran_in_a_container_of_its_own_that_may_do_little(resumed: str, containers: dict[str, Any]) -> None:
    assert set(containers) == STEPS
    assert len({found["Id"] for found in containers.values()}) == len(STEPS)
    for step, found in containers.items():
        host = found["HostConfig"]
        assert host["NetworkMode"] == ("host" if step in FETCHING else "none"), step
        assert host["ReadonlyRootfs"], step
        assert host["Memory"] > 0, step
        assert host["CapDrop"] == ["ALL"], step
        assert host["SecurityOpt"] == ["no-new-privileges"], step
        assert found["Config"]["User"] == str(os.getuid()), step


def test_a_training_that_was_killed_in_its_container_ends_as_one_in_a_process_that_was_not(
    resumed: str, home: Path, request: pytest.FixtureRequest
) -> None:
    in_containers = facts(home)
    assert in_containers["adapter"]
    assert in_containers == request.getfixturevalue("in_process")


def test_nothing_of_a_run_stays_behind(resumed: str, engine: Any, containers: dict[str, Any]) -> None:
    left = {found.id for found in engine.containers.list(all=True)}
    assert not left & {found["Id"] for found in containers.values()}


def test_an_image_of_other_code_is_refused_before_anything_is_submitted(built: str, home: Path, engine: Any) -> None:
    other = engine.images.get(f"agile-classifier/steps:{built}")
    stack = PROJECT / "configs" / "stacks" / "containers.yaml"
    assert f"agile-classifier/steps:{built}" in stack.read_text()
    code = "from agile_classifier.ops.engines import require as engines, stacks; engines.code_digest = lambda: 'another'; engines.require_engine(stacks.read_stack('containers'))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env=environment(home), capture_output=True, text=True, check=False
    )
    assert other.labels["agile.code"]
    assert "holds other code than this folder; build it again: make images" in " ".join(done.stderr.split())


def test_the_serving_image_answers_from_the_champion(resumed: str, built: str, engine: Any, home: Path) -> None:
    answers = agile(home, "score", *TEXTS)
    with served(engine, f"agile-classifier/serving:{built}", home) as address:
        assert requests.get(f"{address}/ping", timeout=LONGEST).status_code == 200
        rows = {"dataframe_split": {"columns": ["text"], "data": [[text] for text in TEXTS]}}
        answer = requests.post(f"{address}/invocations", json=rows, timeout=LONGEST)
    assert answer.status_code == 200, answer.text
    predictions = answer.json()["predictions"]
    assert len(predictions) == len(TEXTS)
    for text, prediction in zip(TEXTS, predictions, strict=True):
        line = next(line for line in answers.splitlines() if text in line)
        assert f"{prediction['label']}" in line, (prediction, answers)


@pytest.mark.parametrize("image", ["steps", "serving"])
def test_an_image_says_what_it_holds_runs_without_rights_and_keeps_no_secret(
    image: str, built: str, engine: Any
) -> None:
    found = engine.images.get(f"agile-classifier/{image}:{built}")
    assert found.attrs["Config"]["User"] == "10001:10001"
    assert found.labels["org.opencontainers.image.version"] == built
    list_sbom = "import json; print(len(json.load(open('/opt/sbom/sbom.cdx.json'))['components']), len(json.load(open('/opt/sbom/licences.json'))))"
    counted = engine.containers.run(
        found, ["python", "-c", list_sbom], remove=True, network_mode="none", read_only=True, entrypoint=""
    )
    n_components, n_licences = map(int, counted.split())
    assert n_components > 50
    assert n_licences > 50
    history = " ".join(layer["CreatedBy"] for layer in found.history())
    for name, value in os.environ.items():
        if any(word in name for word in ("TOKEN", "PASSWORD", "SECRET")) and len(value) >= 8:
            assert value not in history, name


@contextmanager
def watched(engine: Any, containers: dict[str, Any]) -> Iterator[None]:
    """Note what each step's container is allowed, as it starts."""
    events = engine.events(decode=True, filters={"type": "container", "event": "start"})

    def note() -> None:
        for event in events:
            found = engine.api.inspect_container(event["id"])
            arguments = found["Args"]
            if "--step_name" in arguments:
                containers[arguments[arguments.index("--step_name") + 1]] = found

    thread = threading.Thread(target=note, daemon=True)
    thread.start()
    try:
        yield
    finally:
        events.close()
        thread.join(LONGEST)


@contextmanager
def served(engine: Any, image: str, home: Path) -> Iterator[str]:
    """The address of a serving container on loopback, once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = engine.containers.run(
        image, detach=True, network_mode="host", read_only=True, tmpfs={"/tmp": ""}, cap_drop=["ALL"], user=str(os.getuid()),
        volumes={str(home): {"bind": str(home), "mode": "rw"}},
        environment={
            "HOST": "127.0.0.1", "PORT": str(port), "AGILE_HOME": str(home), "MODEL_URI": "models:/quickstart@champion",
            "MLFLOW_TRACKING_URI": f"sqlite:///{home}/mlflow.db",
        },
    )  # fmt: skip
    try:
        until(lambda: _answers(f"http://127.0.0.1:{port}/ping", server), server.logs)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.remove(force=True)


def _has_checkpoint(home: Path) -> bool:
    return any(map(complete_checkpoints, (home / "checkpoints").glob("*")))


def _answers(address: str, server: Any) -> bool:
    server.reload()
    assert server.status == "running", server.logs().decode()[-3000:]
    try:
        return requests.get(address, timeout=LONGEST).ok
    except requests.ConnectionError:
        return False


def environment(home: Path) -> dict[str, str]:
    """This process' own, but for the state and for its one thread: containers take those of the machine."""
    others = ("ZENML_", "MLFLOW_", "OMP_")
    mine = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return {**mine, "AGILE_HOME": str(home), "AGILE_MIRROR": "", "MLFLOW_TRACKING_URI": f"sqlite:///{home}/mlflow.db"}


def agile(home: Path, *arguments: str) -> str:
    """What a command printed; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "agile_classifier", *arguments],
        cwd=PROJECT, env=environment(home), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def facts(home: Path) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", FACTS],
        cwd=PROJECT, env={**environment(home), "ZENML_CUSTOM_SOURCE_ROOT": str(PROJECT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])
