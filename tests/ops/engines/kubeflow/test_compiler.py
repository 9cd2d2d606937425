"""The file for Kubeflow, written by the command line as a person does, and read by Kubeflow's own reader."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from google.protobuf import json_format
from kfp import components
from kfp.pipeline_spec import pipeline_spec_pb2

from agile_classifier.errors import InputError

if TYPE_CHECKING:
    from agile_classifier.ops.engines.stacks import StackFile

PROJECT = Path(__file__).parents[4]
CONFIG = PROJECT / "configs" / "quickstart.yaml"
VARIABLES = {
    "AGILE_ARTIFACTS": "s3://agile/artifacts",
    "AGILE_REGISTRY": "registry.example.org",
    "KUBEFLOW_URL": "https://kubeflow.example.org/pipeline",
    "MLFLOW_TRACKING_URI": "https://mlflow.example.org",
    "ZENML_STORE_URL": "http://127.0.0.1:1",  # nothing answers there, and nothing is asked
}
SECRETS = {
    "ZENML_STORE_API_KEY": "sentinel-zenml-key",
    "AWS_SECRET_ACCESS_KEY": "sentinel-aws-key",
    "MLFLOW_TRACKING_PASSWORD": "sentinel-mlflow",
}
PARENTS = {
    "ingest": {"start"},
    "ingest-base-model": {"start"},
    "keep-threshold": {"start", "ingest"},
    "validate": {"start", "ingest", "keep-threshold"},
    "label-and-split": {"start", "validate", "keep-threshold"},
    "fine-tune": {"start", "ingest-base-model", "label-and-split"},
    "evaluate": {"start", "ingest-base-model", "label-and-split", "fine-tune"},
    "register": {"start", "ingest-base-model", "label-and-split", "fine-tune", "evaluate"},
    "promote": {"start", "register", "evaluate"},
}

pytestmark = pytest.mark.usefixtures("warm_module")

Compile = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def compile_config(new_home: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Compile:
    folder = tmp_path_factory.mktemp("compile")
    new_home(folder / "home")
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("ZENML_", "MLFLOW_", "AGILE_"))
    }

    def run(*words: str, **variables: str | None) -> subprocess.CompletedProcess[str]:
        chosen = {
            **inherited,
            **VARIABLES,
            **SECRETS,
            "AGILE_HOME": str(folder / "home"),
            "PYTHONPATH": str(PROJECT),
            **variables,
        }
        environment = {name: value for name, value in chosen.items() if value is not None}
        command = [sys.executable, "-m", "agile_classifier", "compile", *words]
        return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="module")
def file(compile_config: Compile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("compiled") / "pipeline.yaml"
    done = compile_config(str(CONFIG), "--engine", "kubeflow", "--output", str(path), "--set", "fine_tune.epochs=4")
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="module")
def documents(file: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(file.read_text()))


@pytest.fixture(scope="module")
def spec(documents: list[dict[str, Any]]) -> pipeline_spec_pb2.PipelineSpec:
    return json_format.ParseDict(documents[0], pipeline_spec_pb2.PipelineSpec())


@pytest.fixture(scope="module")
def executors(spec: pipeline_spec_pb2.PipelineSpec) -> dict[str, Any]:
    deployment = json_format.ParseDict(
        json_format.MessageToDict(spec.deployment_spec), pipeline_spec_pb2.PipelineDeploymentConfig()
    )
    return {name.removeprefix("exec-"): found.container for name, found in deployment.executors.items()}


@pytest.fixture(scope="module")
def platform(documents: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return {name.removeprefix("exec-"): fields for name, fields in found.items()}


def test_kubeflow_reads_the_file(file: Path) -> None:
    assert components.load_component_from_file(str(file)).name == "training"


def test_the_tasks_stand_in_the_order_of_the_pipeline(spec: pipeline_spec_pb2.PipelineSpec) -> None:
    tasks = dict(spec.root.dag.tasks)
    assert set(tasks) == {"start", *PARENTS}
    assert list(tasks["start"].dependent_tasks) == []
    assert {name: set(tasks[name].dependent_tasks) for name in PARENTS} == PARENTS


def test_no_task_is_taken_from_kubeflows_cache_and_each_is_tried_again(spec: pipeline_spec_pb2.PipelineSpec) -> None:
    for task in spec.root.dag.tasks.values():
        assert not task.caching_options.enable_cache
        assert task.retry_policy.max_retry_count == 2
        assert task.retry_policy.backoff_duration.seconds == 60


def test_the_configs_values_are_typed_inputs_which_the_first_task_is_given(
    spec: pipeline_spec_pb2.PipelineSpec, executors: dict[str, Any]
) -> None:
    inputs = spec.root.input_definitions.parameters
    kinds = pipeline_spec_pb2.ParameterType.ParameterTypeEnum
    assert inputs["fine_tune_epochs"].default_value.number_value == 4
    assert inputs["fine_tune_epochs"].parameter_type == kinds.NUMBER_INTEGER
    assert inputs["fine_tune_learning_rate"].parameter_type == kinds.NUMBER_DOUBLE
    assert inputs["model_double_quant"].parameter_type == kinds.BOOLEAN
    assert inputs["fine_tune_target_modules"].parameter_type == kinds.LIST
    assert inputs["data_limit"].default_value.string_value == "null"
    assert "data.limit" in inputs["data_limit"].description
    passed = spec.root.dag.tasks["start"].inputs.parameters
    assert {name: found.component_input_parameter for name, found in passed.items()} == {name: name for name in inputs}
    arguments = list(executors["start"].args)
    assert arguments[arguments.index("--executor-input") + 1] == "{{$}}"
    assert {name.replace("_", "-") for name in arguments[arguments.index("--steps") + 1].split(",")} == set(PARENTS)


def test_every_step_takes_the_record_that_the_first_task_made_of_the_inputs(
    spec: pipeline_spec_pb2.PipelineSpec, executors: dict[str, Any]
) -> None:
    for name in PARENTS:
        passed = spec.root.dag.tasks[name].inputs.parameters["snapshot"].task_output_parameter
        assert (passed.producer_task, passed.output_parameter_key) == ("start", "snapshot")
        arguments = list(executors[name].args)
        assert arguments[:3] == ["step", "--name", name.replace("-", "_")]
        assert arguments[arguments.index("--snapshot") + 1] == "{{$.inputs.parameters['snapshot']}}"
        assert arguments[arguments.index("--run") + 1] == "{{$.pipeline_job_uuid}}"


def test_fine_tune_alone_is_placed_on_an_a100(executors: dict[str, Any], platform: dict[str, dict[str, Any]]) -> None:
    resources = executors["fine-tune"].resources
    assert (resources.accelerator.resource_type, resources.accelerator.resource_count) == ("nvidia.com/gpu", "1")
    assert executors["fine-tune"].image == "registry.example.org/agile-classifier/fine-tune:0.1.0"
    assert platform["fine-tune"]["nodeSelector"]["labels"] == {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}
    assert platform["fine-tune"]["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    ]
    assert platform["fine-tune"]["enabledSharedMemory"] == {"volumeName": "shared-memory", "size": "8Gi"}
    for name in {"start", *PARENTS} - {"fine-tune"}:
        assert not executors[name].resources.HasField("accelerator"), name
        assert executors[name].image == "registry.example.org/agile-classifier/steps:0.1.0"
        assert not {"nodeSelector", "tolerations", "enabledSharedMemory"} & set(platform[name])


def test_every_task_asks_for_what_it_may_use(executors: dict[str, Any]) -> None:
    for name, container in executors.items():
        cpus, memory = ("8.0", "65536Mi") if name == "fine-tune" else ("2.0", "8192Mi")
        found = container.resources
        assert (found.resource_cpu_request, found.resource_cpu_limit) == (cpus, cpus)
        assert (found.resource_memory_request, found.resource_memory_limit) == (memory, memory)


def test_secrets_are_references_and_none_is_written(file: Path, platform: dict[str, dict[str, Any]]) -> None:
    assert [name for name, value in SECRETS.items() if value in file.read_text()] == []
    for fields in platform.values():
        read = {pair["envVar"] for secret in fields["secretAsEnv"] for pair in secret["keyToEnv"]}
        assert set(SECRETS) <= read
        assert {secret["secretName"] for secret in fields["secretAsEnv"]} == {"agile-classifier"}


def test_the_pods_know_their_servers(executors: dict[str, Any]) -> None:
    for container in executors.values():
        assert {pair.name: pair.value for pair in container.env} == {
            name: VARIABLES[name] for name in ("ZENML_STORE_URL", "MLFLOW_TRACKING_URI")
        }


def test_the_platform_configuration_is_one_that_kubeflow_knows(platform: dict[str, dict[str, Any]]) -> None:
    if importlib.util.find_spec("kfp.kubernetes") is None:
        pytest.skip("kfp-kubernetes, which holds the schema, is not installed")
    from kfp.kubernetes import kubernetes_executor_config_pb2

    from agile_classifier.ops.engines.kubeflow.compiler import PLATFORM

    config = kubernetes_executor_config_pb2.KubernetesExecutorConfig
    for fields in platform.values():
        json_format.ParseDict(fields, config())
    assert {field.json_name for field in config.DESCRIPTOR.fields} == PLATFORM


@pytest.fixture(scope="module")
def bare(compile_config: Compile, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The file that a laptop writes on which no variable is set."""
    path = tmp_path_factory.mktemp("bare") / "pipeline.yaml"
    unset = dict.fromkeys([*VARIABLES, *SECRETS])
    done = compile_config(str(CONFIG), "--output", str(path), **unset)
    assert done.returncode == 0, done.stderr
    said = done.stderr.splitlines()[-1]
    assert said == f"written to {path}; upload it in the Kubeflow UI; a run there asks for {', '.join(LATER)}"
    document: dict[str, Any] = next(yaml.safe_load_all(path.read_text()))
    components.load_component_from_file(str(path))
    return document


LATER = (
    "kubeflow_url", "agile_artifacts", "agile_registry", "zenml_store_url", "mlflow_tracking_uri",
    "image_agile_classifier_steps", "image_agile_classifier_fine_tune",
)  # fmt: skip
"""Inputs that stand for what only a pod needs."""


def test_what_only_a_pod_needs_is_an_input_that_says_what_it_is_for(bare: dict[str, Any]) -> None:
    inputs = bare["root"]["inputDefinitions"]["parameters"]
    assert {name for name, found in inputs.items() if not found.get("isOptional")} == set(LATER)
    assert inputs["agile_registry"]["description"].startswith("Registry of container images")
    image = "Image ${AGILE_REGISTRY}/agile-classifier/fine-tune:0.1.0."
    assert inputs["image_agile_classifier_fine_tune"]["description"] == image
    assert "$AGILE" not in json.dumps(bare["root"])


def test_every_task_takes_its_image_and_its_servers_from_the_inputs(bare: dict[str, Any]) -> None:
    executors = {
        name.removeprefix("exec-"): found["container"] for name, found in bare["deploymentSpec"]["executors"].items()
    }
    tasks = bare["root"]["dag"]["tasks"]
    assert set(executors) == set(tasks) == {"start", *PARENTS}
    for name, container in executors.items():
        image = "fine_tune" if name == "fine-tune" else "steps"
        passed = {
            inner: each.get("componentInputParameter") for inner, each in tasks[name]["inputs"]["parameters"].items()
        }
        placeholder = re.fullmatch(r"\{\{\$\.inputs\.parameters\['(.+)'\]\}\}", container["image"])
        assert placeholder is not None, container["image"]
        assert passed[placeholder[1]] == f"image_agile_classifier_{image}"
        assert not container.get("env")
        variables = dict(variables_of(container["args"]))
        needed = set(VARIABLES) if name == "start" else {"ZENML_STORE_URL", "MLFLOW_TRACKING_URI"}
        assert set(variables) == needed
        for variable, value in variables.items():
            assert value == f"{{{{$.inputs.parameters['{variable.lower()}']}}}}"
            assert passed[variable.lower()] == variable.lower()


def variables_of(arguments: list[str]) -> list[tuple[str, str]]:
    places = [place for place, word in enumerate(arguments) if word == "--variable"]
    return [(arguments[place + 1], arguments[place + 2]) for place in places]


def test_what_a_run_is_given_fills_the_stack_of_the_file(bare: dict[str, Any]) -> None:
    from agile_classifier.ops.engines.variables import fill_open, list_open

    arguments = bare["deploymentSpec"]["executors"]["exec-start"]["container"]["args"]
    described = json.loads(arguments[arguments.index("--stack") + 1])
    assert sorted(list_open(described)) == sorted(VARIABLES)
    filled = fill_open(described, VARIABLES)
    assert list_open(filled) == []
    assert filled["components"]["artifact_store"]["path"] == VARIABLES["AGILE_ARTIFACTS"]
    assert filled["components"]["orchestrator"]["kubeflow_hostname"] == VARIABLES["KUBEFLOW_URL"]


def test_a_server_that_no_pod_can_reach_is_refused_when_the_run_begins() -> None:
    from agile_classifier.ops.engines.kubeflow.later import require_servers

    require_servers({})
    require_servers({"ZENML_STORE_URL": "https://zenml", "MLFLOW_TRACKING_URI": "http://mlflow"})
    said = r"inputs: zenml_store_url 'file:///z', mlflow_tracking_uri '': pods need a server's address"
    with pytest.raises(InputError, match=said):
        require_servers({"ZENML_STORE_URL": "file:///z", "MLFLOW_TRACKING_URI": ""})


@pytest.mark.parametrize(
    ("words", "variables", "said"),
    [
        (["--engine", "airflow"], {}, "--engine airflow: no such engine; there is: kubeflow"),
        (
            [],
            {"MLFLOW_TRACKING_URI": "sqlite:///m.db", "ZENML_STORE_URL": "file:///z"},
            "stack kubeflow: run.environment.ZENML_STORE_URL: pods need a server's address; found file:///z;"
            " run.environment.MLFLOW_TRACKING_URI: pods need a server's address; found sqlite:///m.db",
        ),
        (["--output", "pipeline.txt"], {}, "--output pipeline.txt: the Kubeflow UI takes a .yaml file"),
        (["--output", "nowhere/pipeline.yaml"], {}, "--output nowhere/pipeline.yaml: cannot be written: No such file"),
        (["--set", "fine_tune.epochs=0"], {}, "fine_tune.epochs: Input should be greater than 0"),
        (
            ["--set", "data.source=https://example.org/?key=sentinel-aws-key"],
            {},
            "data.source: its value gives away AWS_SECRET_ACCESS_KEY, and the pipeline's file would hold it",
        ),
        (
            [],
            {"MLFLOW_TRACKING_URI": "https://user:word@mlflow.example.org"},
            "run.environment.MLFLOW_TRACKING_URI: its value gives away an address with credentials",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_written(
    compile_config: Compile, tmp_path: Path, words: list[str], variables: dict[str, str | None], said: str
) -> None:
    output = tmp_path / "pipeline.yaml"
    output.write_text("what stood there")
    done = compile_config(str(CONFIG), "--output", str(output), *words, **variables)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("project ")]  # which one it works on
    assert len(lines) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["pipeline.yaml"]
    assert output.read_text() == "what stood there"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_said(compile_config: Compile, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    done = compile_config(str(CONFIG), "--output", str(tmp_path / "pipeline.yaml"))
    assert (done.returncode, "Permission denied" in done.stderr) == (2, True)


def test_a_folder_in_the_place_of_the_file_is_said(compile_config: Compile, tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").mkdir()
    done = compile_config(str(CONFIG), "--output", str(tmp_path / "pipeline.yaml"))
    assert (done.returncode, "cannot be written" in done.stderr) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["pipeline.yaml"]


@pytest.fixture
def stack(state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> StackFile:
    for name, value in VARIABLES.items():
        if name != "ZENML_STORE_URL":  # this process has a store of its own
            monkeypatch.setenv(name, value)
    from agile_classifier.ops.engines.stacks import StackFile

    run = {"environment": {name: VARIABLES[name] for name in ("ZENML_STORE_URL", "MLFLOW_TRACKING_URI")}}
    return StackFile("mine", {}, {**run, "settings": {"docker": {"parent_image": "image:1"}}})


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ({"settings": {}}, "stack mine: no settings.docker.parent_image for start"),
        ({"extra": {"kubernetes": {"nodeSelectors": {}}}}, "stack mine: extra.kubernetes.nodeSelectors: unknown field"),
        ({"steps": {"tune": {}}}, "stack mine: run.steps.tune: no such step; there are: ingest, "),
    ],
)
def test_a_stack_that_kubeflow_would_misread_is_refused(
    stack: StackFile, tmp_path: Path, run: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        _write(dataclasses.replace(stack, run={**stack.run, **run}), tmp_path / "pipeline.yaml")
    assert list(tmp_path.iterdir()) == []


def test_a_reference_to_a_secret_of_zenml_is_no_placeholder_and_arrives_whole(stack: StackFile, tmp_path: Path) -> None:
    components = {"artifact_store": {"flavor": "s3", "path": "s3://agile", "key": "{{agile.key}}"}}
    _write(dataclasses.replace(stack, components=components), tmp_path / "pipeline.yaml")
    document = yaml.safe_load((tmp_path / "pipeline.yaml").read_text())
    arguments = document["deploymentSpec"]["executors"]["exec-start"]["container"]["args"]
    described = arguments[arguments.index("--stack") + 1]
    assert "{{" not in described
    assert json.loads(described)["components"] == components


def test_what_is_not_installed_is_named(state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from agile_classifier.ops.engines import require as engines

    monkeypatch.setattr(engines, "COMPILERS", {"kubeflow": ("no_such_package",)})
    with pytest.raises(InputError, match="--engine kubeflow: no_such_package not installed: pip install"):
        engines.require_compiler("kubeflow")


def test_a_run_is_not_started_from_here(stack: StackFile) -> None:
    from agile_classifier.ops.engines.require import require_engine

    with pytest.raises(InputError, match="agile compile CONFIG --engine kubeflow"):
        require_engine(dataclasses.replace(stack, components={"orchestrator": {"flavor": "kubeflow"}}))


def test_a_task_says_what_is_wrong_with_its_inputs_in_one_line(tmp_path: Path) -> None:
    given = json.dumps({"inputs": {"parameterValues": {"fine_tune_epochs": 0}}})
    options = {
        "pipeline": "p",
        "stack": "{}",
        "executor-input": given,
        "run": "r",
        "snapshot-file": str(tmp_path / "s"),
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    command = [sys.executable, "-m", "agile_classifier.ops.engines.kubeflow.tasks", "start", *words]
    environment = {**os.environ, "AGILE_HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("agile: error: inputs: ")
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("steps", "start", "said"),
    [
        (
            "ingest,fine_tune", "models:/edos@champion",
            "found models:/edos@champion, and this pipeline was compiled without the step ingest_start; compile it with"
            " --set model.start_from=models:/edos@champion, and upload that",
        ),
        (
            "ingest,ingest_start", "null",
            "found null, and this pipeline was compiled with the step ingest_start; name one, or compile a config"
            " without model.start_from",
        ),
    ],
    ids=["compiled without", "compiled with"],
)  # fmt: skip
def test_a_start_that_a_pipeline_was_not_compiled_for_is_refused_in_the_first_task(
    steps: str, start: str, said: str, tmp_path: Path
) -> None:
    from agile_classifier.config.files import load_config
    from agile_classifier.ops.engines.kubeflow.inputs import list_inputs

    values = {each.name: each.default for each in list_inputs(load_config(CONFIG))}
    given = json.dumps({"inputs": {"parameterValues": {**values, "model_start_from": start}}})
    options = {
        "pipeline": "p", "stack": "{}", "executor-input": given, "run": "r", "snapshot-file": str(tmp_path / "s"),
        "steps": steps,
    }  # fmt: skip
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    command = [sys.executable, "-m", "agile_classifier.ops.engines.kubeflow.tasks", "start", *words]
    environment = {**os.environ, "AGILE_HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, f"agile: error: inputs: model_start_from: {said}\n")
    assert not (tmp_path / "s").exists()


def test_each_step_that_a_field_decides_on_is_known(state_folder: Path) -> None:
    from agile_classifier.config.files import load_config
    from agile_classifier.ops.engines.kubeflow.inputs import STEPS_OF_FIELDS, require_same_steps
    from agile_classifier.ops.project import load_pipeline

    without = load_config(CONFIG)
    with_all = load_config(CONFIG, overrides=("model.start_from=models:/edos@champion",))
    steps = []
    for config in (without, with_all):
        pipeline = load_pipeline("training")
        pipeline.prepare(**{section: getattr(config, section) for section in type(config).model_fields})
        steps.append(set(pipeline.invocations))
        require_same_steps(config, pipeline.invocations)
    assert steps[1] - steps[0] == set(STEPS_OF_FIELDS)
    assert steps[0] < steps[1]


def _write(stack: StackFile, output: Path) -> None:
    from agile_classifier.config.files import load_config
    from agile_classifier.ops.engines.kubeflow.compiler import write_pipeline
    from pipelines.training import training

    write_pipeline(training, load_config(CONFIG), stack, output)
