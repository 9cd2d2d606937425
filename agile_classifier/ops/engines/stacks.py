"""Stacks: on what a run's steps are executed, from the files under `configs/stacks`.

A file has two halves. `components` become a ZenML stack of the file's name; `run` is what ZenML's run configuration
calls so: settings, environment and the like, for all steps or for one. `agile train` applies the second half of the
active stack's file, so the pipelines know no engine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from pydantic import ValidationError
from zenml.client import Client
from zenml.config.global_config import GlobalConfiguration
from zenml.config.pipeline_run_configuration import PipelineRunConfiguration
from zenml.enums import StackComponentType
from zenml.exceptions import ArtifactStoreInterfaceError
from zenml.models import ComponentResponse

from agile_classifier.environment import SERVED, home
from agile_classifier.errors import InputError, did_you_mean, explain_validation, one_line
from agile_classifier.ops import project
from agile_classifier.ops.engines.variables import explain_missing, fill_lines, list_open
from agile_classifier.ops.state import locks

HALVES = ("components", "run")
NEEDED = (StackComponentType.ORCHESTRATOR, StackComponentType.ARTIFACT_STORE)
DEFAULT = "default"
"""Name of ZenML's built-in components, used where a stack's file names none: local orchestrator, local artifact
store."""
SERVERS = ("ZENML_STORE_URL", "MLFLOW_TRACKING_URI")
"""Variables that name the servers of ZenML and MLflow, which pods need."""
ACTIVE_STACK = "ZENML_ACTIVE_STACK_ID"
"""Variable by which ZenML is told the stack of one process."""
IN_PODS = ("kubernetes", "kubeflow")
"""Flavors of orchestrators that run the steps in pods."""


@dataclass(frozen=True)
class StackFile:
    """A stack file under `configs/stacks`, with its variables filled in."""

    name: str
    components: Mapping[str, Mapping[str, Any]]
    """Kind of component → its `flavor` and the fields of its configuration."""
    run: Mapping[str, Any]
    """The part of ZenML's run configuration that goes with the stack: settings, environment, steps."""

    def flavor(self, kind: str) -> str:
        """Flavor of a component; ZenML's default if the file does not name the component."""
        return str(self.components.get(kind, {}).get("flavor", "local"))


def list_stacks() -> list[str]:
    """Names of the files under `configs/stacks`."""
    return sorted(path.stem for path in _folder().glob("*.yaml"))


def read_stack(name: str) -> StackFile:
    """Read a stack's file; `${NAME}` is a variable of the environment, `${NAME:-value}` one that may be missing.

    Raises
    ------
    InputError
        As `read_open_stack`, or variables are not set: all of them are named, with what each is for.
    """
    stack = _parse(name, os.environ)
    if missing := list_open([stack.components, stack.run]):
        missing += [server for server in _missing_servers(stack) if server not in missing]
        raise InputError(f"{_folder() / f'{name}.yaml'}: {explain_missing(missing)}")
    return _checked(stack)


def read_open_stack(name: str, *, variables: Mapping[str, str]) -> StackFile:
    """Read a stack's file; variables that are not set are left open (`agile_classifier.ops.engines.variables`).

    Raises
    ------
    InputError
        No such file, or it says something that ZenML does not know.
    """
    return _checked(_parse(name, variables))


def _parse(name: str, variables: Mapping[str, str]) -> StackFile:
    path = _folder() / f"{name}.yaml"
    if name not in list_stacks():
        listed = f"{', '.join(list_stacks())}{did_you_mean(name, list_stacks())}"
        raise InputError(f"no stack {name!r} in {_folder()}; there are: {listed}")
    document = yaml.safe_load(_filled(path, variables)) or {}
    unknown = sorted(set(document) - set(HALVES))
    if unknown:
        raise InputError(f"{path}: {unknown[0]}: unknown field; allowed here: {', '.join(HALVES)}")
    return StackFile(name, document.get("components") or {}, document.get("run") or {})


def _checked(stack: StackFile) -> StackFile:
    path = _folder() / f"{stack.name}.yaml"
    _check_components(stack, path)
    _check_run(stack, path)
    return stack


def select(name: str) -> StackFile:
    """Register the ZenML stack that a file describes and make it the active one.

    Raises
    ------
    InputError
        As `read_stack` and `register`.
    """
    stack = read_stack(name)
    register(stack)
    Client().activate_stack(name)
    return stack


def register(stack: StackFile) -> UUID:
    """Register the ZenML stack that a file describes, under the file's name; what is there already is kept.

    Raises
    ------
    InputError
        ZenML refuses a component's configuration.
    """
    client, name = Client(), stack.name
    with locks.acquire(f"stack {name}", holder="a selection"):
        wanted = dict.fromkeys(NEEDED, DEFAULT)
        wanted |= {StackComponentType(kind): _component(stack, kind).name for kind in stack.components}
        registered = {found.name: found for found in client.list_stacks(name=name)}.get(name)
        if registered is None:
            registered = client.create_stack(name, wanted)
        elif {kind: found[0].name for kind, found in registered.components.items()} != wanted:
            client.update_stack(registered.id, component_updates=wanted)
    return registered.id


@contextmanager
def used_stack(name: str | None) -> Iterator[StackFile]:
    """Context in which a stack is the active one of this process alone; without a name, the active one as it is.

    Raises
    ------
    InputError
        As `select`.
    """
    if name is None:
        yield active_stack()
        return
    stack, before = read_stack(name), os.environ.get(ACTIVE_STACK)
    os.environ[ACTIVE_STACK] = str(register(stack))
    try:
        yield stack
    finally:
        del os.environ[ACTIVE_STACK]
        if before is not None:
            os.environ[ACTIVE_STACK] = before


def active_stack() -> StackFile:
    """Read the file of the active stack; a stack that was registered by other means has no settings."""
    name = Client().active_stack_model.name
    return read_stack(name) if name in list_stacks() else StackFile(name, {}, {})


def _folder() -> Path:
    return project.configs() / "stacks"


def _filled(path: Path, variables: Mapping[str, str]) -> str:
    known = {**variables, "AGILE_HOME": str(home()), "AGILE_USER": str(os.getuid())}
    return fill_lines(path.read_text(encoding="utf-8"), known)


def _missing_servers(stack: StackFile) -> list[str]:
    """Servers that pods need and nobody has named: they would be asked for next."""
    if stack.flavor("orchestrator") not in IN_PODS:
        return []
    store = GlobalConfiguration().store_configuration.url
    named = {"ZENML_STORE_URL": store, "MLFLOW_TRACKING_URI": os.environ.get("MLFLOW_TRACKING_URI", "")}
    return [server for server, address in named.items() if not address.startswith(SERVED)]


def _check_components(stack: StackFile, path: Path) -> None:
    kinds = [kind.value for kind in StackComponentType]
    for kind, component in stack.components.items():
        if kind not in kinds:
            raise InputError(f"{path}: components.{kind}: unknown kind; allowed here: {', '.join(kinds)}")
        if "flavor" not in component:
            raise InputError(f"{path}: components.{kind}.flavor: Field required")


def _check_run(stack: StackFile, path: Path) -> None:
    known = sorted(set(PipelineRunConfiguration.model_fields) - {"parameters"})
    unknown = sorted(set(stack.run) - set(known))  # ZenML ignores what it does not know
    if unknown:
        raise InputError(f"{path}: run.{unknown[0]}: unknown field; allowed here: {', '.join(known)}")
    try:
        PipelineRunConfiguration.model_validate(stack.run)
    except ValidationError as error:
        raise InputError(f"{path}: {explain_validation(error, within='run')}") from None


def _component(stack: StackFile, kind: str) -> ComponentResponse:
    """Register a component under the stack's name and its flavor, so that another flavor is another component."""
    client, of_kind = Client(), StackComponentType(kind)
    configuration = {field: value for field, value in stack.components[kind].items() if field != "flavor"}
    name = f"{stack.name}-{stack.flavor(kind)}"
    try:
        found = {there.name: there for there in client.list_stack_components(type=kind, name=name)}.get(name)
        if found is None:
            return client.create_stack_component(name, stack.flavor(kind), of_kind, configuration)
        if any(found.configuration.get(field) != value for field, value in configuration.items()):
            return client.update_stack_component(found.id, of_kind, configuration=configuration)
        return found
    except (ArtifactStoreInterfaceError, ImportError, KeyError, ValueError) as error:  # ValidationError is a ValueError
        raise InputError(f"stack {stack.name}: components.{kind}: {_sentence(error)}") from None


def _sentence(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return explain_validation(error, tells_found=False)  # it may be a secret
    return one_line(str(error).strip("'\""))
