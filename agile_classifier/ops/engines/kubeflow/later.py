"""What a run is given later: the inputs of a compiled pipeline for variables of its stack that were not set.

Only a pod needs them, so a pipeline is compiled without them, and the Kubeflow UI asks for them. Kubeflow takes an
input as a task's image whole, and not as a part of its name: so an image is an input of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agile_classifier.environment import SERVED, VARIABLES
from agile_classifier.errors import InputError, redact
from agile_classifier.ops.engines.stacks import SERVERS, StackFile
from agile_classifier.ops.engines.variables import OPEN, as_written, list_open


@dataclass(frozen=True)
class Later:
    """An input without a default."""

    name: str
    """Its name in Kubeflow."""
    description: str
    variable: str = ""
    """The variable that it stands for; empty for an image."""


def list_later(stack: StackFile, images: Iterable[str]) -> list[Later]:
    """Inputs for the open variables of a stack, and for the images whose names hold one."""
    variables = [
        Later(name.lower(), VARIABLES.get(name, f"Variable {name} of the stack {stack.name}."), name)
        for name in list_open([stack.components, stack.run])
    ]
    of_images = dict.fromkeys(image for image in images if list_open(image))
    return [*variables, *(Later(name_of_image(image), f"Image {as_written(image)}.") for image in of_images)]


def name_of_image(image: str) -> str:
    """Name of the input that gives an image whose name holds an open variable.

    >>> name_of_image("$AGILE_REGISTRY$/agile-classifier/fine-tune:0.1.0")
    'image_agile_classifier_fine_tune'
    """
    bare = OPEN.sub("", image).rpartition(":")[0] or OPEN.sub("", image)
    return f"image_{re.sub('[^a-z0-9]+', '_', bare.lower()).strip('_')}"


def require_servers(variables: Mapping[str, str]) -> None:
    """Refuse servers' addresses that no pod can reach, all in one line.

    Raises
    ------
    InputError
        Names the inputs, what was found and what is allowed.
    """
    wrong = [name for name in SERVERS if name in variables and not variables[name].startswith(SERVED)]
    if wrong:
        found = ", ".join(f"{name.lower()} {redact(variables[name])!r}" for name in wrong)
        raise InputError(f"inputs: {found}: pods need a server's address, https://…")
