"""Kubeflow: a training pipeline as a file that a person uploads in the Kubeflow UI, to run it there or to schedule it.

The file is Kubeflow Pipelines' IR YAML. Its first task, `start`, reads the run's inputs and records the run with ZenML;
a task a step follows, in the order of the ZenML pipeline. Nothing is submitted and no server is asked: what the steps
run on is read from `configs/stacks/kubeflow.yaml`, and everything else from the pipeline itself. A variable of that
file that is not set here becomes an input of the pipeline.
"""

from __future__ import annotations

import copy
import inspect
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kfp import compiler, dsl  # type: ignore[import-untyped]
from zenml.config import ResourceSettings
from zenml.config.resource_settings import ByteUnit
from zenml.config.retry_config import StepRetryConfig
from zenml.pipelines.pipeline_definition import Pipeline
from zenml.utils import dict_utils

from agile_classifier.config.run import RunConfig
from agile_classifier.environment import SERVED
from agile_classifier.errors import InputError, leaks, redact
from agile_classifier.ops.engines.kubeflow.inputs import Input, list_inputs
from agile_classifier.ops.engines.kubeflow.later import Later, list_later, name_of_image
from agile_classifier.ops.engines.stacks import SERVERS, StackFile
from agile_classifier.ops.engines.variables import as_written, list_open
from agile_classifier.ops.project import module_command

COMMAND = list(module_command("agile_classifier.ops.engines.kubeflow.tasks", python="python"))
START = "start"
EVERYTHING = "{{$}}"
"""Kubeflow's placeholder of a task's whole input, as JSON."""
GPU = "nvidia.com/gpu"
RECORD = "snapshot"
"""Name of the output of `start` that hands the id of the recorded run to the steps."""
RUN = dsl.PIPELINE_JOB_ID_PLACEHOLDER
PLATFORM = frozenset({
    "activeDeadlineSeconds", "configMapAsEnv", "configMapAsVolume", "emptyDirMounts", "enabledSharedMemory",
    "fieldPathAsEnv", "genericEphemeralVolume", "imagePullPolicy", "imagePullSecret", "nodeAffinity", "nodeSelector",
    "podAffinity", "podMetadata", "pvcMount", "secretAsEnv", "secretAsVolume", "securityContext", "tolerations",
})  # fmt: skip
"""Fields of KubernetesExecutorConfig, kfp-kubernetes 2.16; Kubeflow ignores others without a word."""


@dataclass(frozen=True)
class Task:
    """Description of a task: image, command, environment, and what Kubernetes is asked for."""

    name: str
    image: str
    environment: Mapping[str, str]
    resources: ResourceSettings
    retry: StepRetryConfig | None
    platform: Mapping[str, Any]


def write_pipeline(pipeline: Pipeline, config: RunConfig, stack: StackFile, output: Path) -> list[str]:
    """Compile the pipeline into a file; an existing file is replaced whole, or left as it is.

    Returns the names of the inputs without a default, which a run asks for.

    Raises
    ------
    InputError
        The stack's file lacks something or says what Kubeflow does not know, a value gives a secret away, or the file
        cannot be written.
    """
    _check_no_secrets(config, stack)
    if output.suffix not in (".yaml", ".yml"):
        raise InputError(f"--output {output}: the Kubeflow UI takes a .yaml file")
    pipeline.prepare(**{section: getattr(config, section) for section in type(config).model_fields})
    compiled = _compiled(pipeline, list_inputs(config), stack)
    unfinished = output.with_name(f".{output.stem}-{os.getpid()}.yaml")
    try:
        with unfinished.open("x"):
            compiler.Compiler().compile(compiled, str(unfinished))
        unfinished.replace(output)
    except OSError as error:
        raise InputError(f"--output {output}: cannot be written: {error.strerror}") from None
    finally:
        unfinished.unlink(missing_ok=True)
    return [name for name, found in compiled.component_spec.inputs.items() if not found.optional]


def _compiled(pipeline: Pipeline, inputs: list[Input], stack: StackFile) -> Any:
    """Compile the pipeline into Kubeflow's intermediate representation."""
    upstream = {name: sorted(found.upstream_steps) for name, found in pipeline.invocations.items()}
    unknown = sorted(set(stack.run.get("steps", {})) - set(upstream))
    if unknown:
        raise InputError(f"stack {stack.name}: run.steps.{unknown[0]}: no such step; there are: {', '.join(upstream)}")
    tasks = {name: _task(stack, name) for name in (START, *upstream)}
    later = list_later(stack, [task.image for task in tasks.values()])
    variables = [each for each in later if each.variable]
    needed = {
        name: [each for each in variables if each.variable in list_open(tasks[name].environment)] for name in tasks
    }
    source = pipeline.resolve().import_path
    start = _start_component(tasks[START], inputs, variables, source=source, stack=stack, steps=tuple(upstream))
    components = {name: _step_component(tasks[name], needed[name]) for name in upstream}
    names = [*(each.name for each in later), *(found.name for found in inputs)]

    def body(*values: Any) -> None:
        given = dict(zip(names, values, strict=True))
        of_start = [*(found.name for found in inputs), *(each.name for each in variables)]
        started = _configured(start(**{name: given[name] for name in of_start}), tasks[START], given)
        placed = {}
        for name in upstream:
            of_step = {each.name: given[each.name] for each in needed[name]}
            step = components[name](snapshot=started.outputs[RECORD], **of_step)
            placed[name] = _configured(step, tasks[name], given)
        for name, parents in upstream.items():
            placed[name].after(*(placed[parent] for parent in parents))

    described = [f"    {each.name}: {each.description}" for each in later]
    described += [f"    {found.name}: {found.path}. {found.description}" for found in inputs]
    body.__doc__ = "\n".join([inspect.getdoc(pipeline.entrypoint) or "", "", "Args:", *described])
    entry = [_parameter(each.name, str) for each in later]
    entry += [_parameter(found.name, found.kind, default=found.default) for found in inputs]
    return dsl.pipeline(_with_signature(body, entry), name=pipeline.name)


def _start_component(
    task: Task, inputs: list[Input], variables: list[Later], *, source: str, stack: StackFile, steps: tuple[str, ...]
) -> Any:
    described = json.dumps(asdict(stack)).replace("{{", "{\\u007b")  # a reference to a ZenML secret is no placeholder

    def start(file: Any, *values: Any) -> dsl.ContainerSpec:
        options = ["--pipeline", source, "--stack", described, "--executor-input", EVERYTHING, "--run", RUN]
        options += ["--steps", ",".join(steps)]
        given = _as_options(variables, values[len(inputs) :])
        return dsl.ContainerSpec(as_written(task.image), COMMAND, ["start", *options, "--snapshot-file", file, *given])

    parameters = [_parameter(RECORD, dsl.OutputPath(str)), *(_parameter(found.name, found.kind) for found in inputs)]
    parameters += [_parameter(each.name, str) for each in variables]
    return dsl.container_component(_with_signature(start, parameters))


def _step_component(task: Task, variables: list[Later]) -> Any:
    def step(snapshot: Any, *values: Any) -> dsl.ContainerSpec:
        options = ["--name", task.name, "--snapshot", snapshot, "--run", RUN]
        given = _as_options(variables, values)
        return dsl.ContainerSpec(as_written(task.image), COMMAND, ["step", *options, *given])

    step.__name__ = task.name
    parameters = [_parameter(RECORD, str), *(_parameter(each.name, str) for each in variables)]
    return dsl.container_component(_with_signature(step, parameters))


def _as_options(variables: Sequence[Later], values: Sequence[Any]) -> list[Any]:
    """Words of a task's command that set variables."""
    pairs = zip(variables, values, strict=True)
    return [word for each, value in pairs for word in ("--variable", each.variable, value)]


def _with_signature(function: Callable[..., Any], parameters: list[inspect.Parameter]) -> Callable[..., Any]:
    """Give a function the signature from which Kubeflow reads a task's inputs, known only at compile time."""
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return function


def _parameter(name: str, kind: Any, *, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=kind, default=default)


def _task(stack: StackFile, name: str) -> Task:
    """Settings of one task: those that the stack's file gives every step, overridden by those of this step."""
    everywhere = copy.deepcopy({field: value for field, value in stack.run.items() if field != "steps"})
    said = dict_utils.recursive_update(everywhere, stack.run.get("steps", {}).get(name, {}))
    settings, platform = said.get("settings", {}), said.get("extra", {}).get("kubernetes", {})
    image = settings.get("docker", {}).get("parent_image")
    if image is None:
        raise InputError(f"stack {stack.name}: no settings.docker.parent_image for {name}")
    unknown = sorted(set(platform) - PLATFORM)
    if unknown:
        allowed = ", ".join(sorted(PLATFORM))
        raise InputError(f"stack {stack.name}: extra.kubernetes.{unknown[0]}: unknown field; allowed here: {allowed}")
    environment = {variable: str(value) for variable, value in said.get("environment", {}).items()}
    _check_servers(stack, environment)
    resources, retry = ResourceSettings(**settings.get("resources", {})), said.get("retry")
    return Task(name, image, environment, resources, StepRetryConfig(**retry) if retry else None, platform)


def _configured(placed: dsl.PipelineTask, task: Task, given: Mapping[str, Any]) -> dsl.PipelineTask:
    """Apply a task's settings; its resource limits equal its requests, so that no neighbour takes them away.

    Parameters
    ----------
    given : mapping
        The pipeline's inputs, one of which may be the task's image.
    """
    placed.set_display_name(task.name)
    placed.set_caching_options(False)  # ZenML's own cache knows the code; Kubeflow's would give out an old record
    if list_open(task.image):
        placed.set_container_image(given[name_of_image(task.image)])
    for name, value in task.environment.items():
        if not list_open(value):
            placed.set_env_variable(name, value)
    if task.resources.cpu_count is not None:
        placed.set_cpu_request(str(task.resources.cpu_count)).set_cpu_limit(str(task.resources.cpu_count))
    mebibytes = task.resources.get_memory(ByteUnit.MIB)
    if mebibytes is not None:
        placed.set_memory_request(f"{mebibytes:.0f}Mi").set_memory_limit(f"{mebibytes:.0f}Mi")
    if task.resources.gpu_count:
        placed.set_accelerator_type(GPU).set_accelerator_limit(task.resources.gpu_count)
    if task.retry is not None:
        placed.set_retry(task.retry.max_retries, f"{task.retry.delay}s", float(task.retry.backoff))
    placed.platform_config = {"kubernetes": dict(task.platform)} if task.platform else {}
    return placed


def _check_servers(stack: StackFile, environment: Mapping[str, str]) -> None:
    named = {name: environment.get(name, "nothing") for name in SERVERS}
    wrong = [
        f"run.environment.{name}: pods need a server's address; found {redact(address)}"
        for name, address in named.items()
        if not list_open(address) and not address.startswith(SERVED)
    ]
    if wrong:
        raise InputError(f"stack {stack.name}: {'; '.join(wrong)}")


def _check_no_secrets(config: RunConfig, stack: StackFile) -> None:
    """Refuse a pipeline that contains a secret: whoever sees it in the UI may read everything in it."""
    written = {**config.model_dump(mode="json"), "components": stack.components, "run": stack.run}
    for path, value in _values(written):
        for name in leaks(value):
            raise InputError(f"{path}: its value gives away {name}, and the pipeline's file would hold it")


def _values(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text in nested mappings and lists, with its dotted path."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _values(inner, f"{path}.{key}".lstrip("."))
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value):
            yield from _values(inner, f"{path}.{number}")
    elif value is not None:
        yield path, str(value)
