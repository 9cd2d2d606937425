"""Engines: what executes the steps is asked before anything is submitted, and what is wrong is said in one line."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping

from agile_classifier.errors import InputError
from agile_classifier.ops.engines.stacks import StackFile
from agile_classifier.ops.project import code_digest

LOCAL_ENGINES = ("local", "local_docker")
"""Orchestrator flavors that run the steps on this machine."""
LONGEST_WAIT = 10
"""Longest wait for an engine's answer, in seconds."""
CODE_LABEL = "agile.code"
"""Label of an image: digest of the code that it holds."""
COMPILERS: Mapping[str, tuple[str, ...]] = {"kubeflow": ("kfp",)}
"""Engines that a pipeline can be written for, and the packages that this takes beyond the project's own."""


def require_engine(stack: StackFile) -> None:
    """Check that the engine of a stack can take a run.

    Raises
    ------
    InputError
        The engine does not answer, may not be used, lacks an image, or could not reach the servers that record the run.
    """
    require = ENGINES.get(stack.flavor("orchestrator"))
    if require is not None:
        require(stack)


def require_compiler(engine: str) -> None:
    """Check that a pipeline can be compiled for an engine.

    Raises
    ------
    InputError
        The engine is unknown, or its packages are not installed.
    """
    if engine not in COMPILERS:
        raise InputError(f"--engine {engine}: no such engine; there is: {', '.join(COMPILERS)}")
    missing = [package for package in COMPILERS[engine] if not importlib.util.find_spec(package)]
    if missing:
        raise InputError(
            f"--engine {engine}: {', '.join(missing)} not installed: pip install 'agile-classifier[cluster]'"
        )


def _require_docker(stack: StackFile) -> None:
    import docker
    from docker.errors import DockerException, ImageNotFound

    try:
        client = docker.from_env(timeout=LONGEST_WAIT)
        client.ping()
    except DockerException as error:
        raise InputError(_no_docker(stack, error)) from None
    for image in sorted(_images(stack)):
        try:
            labels = client.images.get(image).labels
        except ImageNotFound:
            raise InputError(f"stack {stack.name}: no image {image} on this machine; build it: make images") from None
        if CODE_LABEL in labels and labels[CODE_LABEL] != code_digest():
            raise InputError(
                f"stack {stack.name}: image {image} holds other code than this folder; build it again: make images"
            )


def _no_docker(stack: StackFile, error: Exception) -> str:
    where = os.environ.get("DOCKER_HOST", "its default socket")
    if "Permission denied" in str(error):
        return (
            f"stack {stack.name}: no permission to use the Docker engine at {where}; join its group, or run a "
            "rootless engine"
        )
    return (
        f"stack {stack.name}: no Docker engine answers at {where}; start one, or select another stack: agile stack "
        "local"
    )


def _images(stack: StackFile) -> set[str]:
    settings = [
        stack.run.get("settings", {}),
        *(step.get("settings", {}) for step in stack.run.get("steps", {}).values()),
    ]
    return {setting["docker"]["parent_image"] for setting in settings if "parent_image" in setting.get("docker", {})}


def _require_kubernetes(stack: StackFile) -> None:
    from agile_classifier.ops.engines import kubernetes as engine_kubernetes
    from agile_classifier.ops.engines import kubernetes_workarounds as zenml_workarounds

    engine_kubernetes.require_kubernetes(stack)
    zenml_workarounds.apply()


def _refuse_kubeflow(stack: StackFile) -> None:
    """Refuse a run on Kubeflow: ZenML's own submission fails there (`kubeflow/workarounds.py` says why)."""
    raise InputError(
        f"stack {stack.name}: runs start in Kubeflow's UI; write what to upload there:"
        " agile compile CONFIG --engine kubeflow --output pipeline.yaml"
    )


ENGINES: Mapping[str, Callable[[StackFile], None]] = {
    "local_docker": _require_docker,
    "kubernetes": _require_kubernetes,
    "kubeflow": _refuse_kubeflow,
}
