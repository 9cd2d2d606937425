"""How Kubeflow's local runner runs a container, but for how it learns of the end.

Its own lets the engine remove a container as it ends, and takes one that is gone before it has asked for the exit code for a
success (`kfp/local/docker_task_handler.py` of 2.16.1). This one keeps the container until the code is read.
"""

from __future__ import annotations

from typing import Any

import docker


def run_docker_container(
    client: docker.DockerClient, image: str, command: list[str], volumes: dict[str, Any], **arguments: Any
) -> int:
    """Run a container of an image that is there, print what it says, and return its exit code."""
    container = client.containers.run(image=image, command=command, detach=True, volumes=volumes, **arguments)
    try:
        for line in container.logs(stream=True):
            print(line.decode(errors="replace"), end="")
        return int(container.wait()["StatusCode"])
    finally:
        container.remove(force=True)
