"""Engines: what executes the steps is asked before anything is submitted, and what is wrong is said in one line."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from classifier.errors import InputError
from operations.code_digest import code_digest
from operations.stacks import StackFile

LONGEST_WAIT = 10
"""Seconds that an engine has to answer."""
CODE_LABEL = "agile.code"
"""Label of an image: digest of the code that it holds."""


def require_engine(stack: StackFile) -> None:
    """Ask the engine of a stack whether it can take a run.

    Raises
    ------
    InputError
        It does not answer, may not be used, lacks an image, or could not reach what the run is recorded in.
    """
    ENGINES.get(stack.flavor("orchestrator"), lambda _: None)(stack)


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
        return f"stack {stack.name}: no permission to use the Docker engine at {where}; join its group, or run a rootless engine"
    return f"stack {stack.name}: no Docker engine answers at {where}; start one, or select another stack: agile stack local"


def _images(stack: StackFile) -> set[str]:
    settings = [
        stack.run.get("settings", {}),
        *(step.get("settings", {}) for step in stack.run.get("steps", {}).values()),
    ]
    return {setting["docker"]["parent_image"] for setting in settings if "parent_image" in setting.get("docker", {})}


ENGINES: Mapping[str, Callable[[StackFile], Any]] = {"local_docker": _require_docker}
