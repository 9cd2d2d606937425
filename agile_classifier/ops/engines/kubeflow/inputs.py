"""Kubeflow's inputs: every field of a RunConfig as a typed input of an uploaded pipeline, and back.

Kubeflow knows text, integers, numbers, booleans and lists. A field that takes one of several kinds, nothing among them,
is an input of text, read as `--set` reads a value of the command line: `null`, `3`, `[a, b]`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from agile_classifier.config.ensemble.members import renew_recorded
from agile_classifier.config.files import as_value, parse_config, set_value
from agile_classifier.config.run import RunConfig
from agile_classifier.config.section import Section
from agile_classifier.errors import InputError

PLAIN = (bool, int, float, str)
RENEWED = {"fine_tune_ensemble_with": "fine_tune.ensemble_with"}
"""Input that a pipeline compiled before may still have → field that it was, which is read as it is today."""

STEPS_OF_FIELDS = {"ingest_start": ("model", "start_from")}
"""Step that a pipeline has where a field is set, and not else → section and field."""


@dataclass(frozen=True)
class Input:
    """One field of the config as an input of a Kubeflow pipeline."""

    path: str
    """`section.field`, as `--set` names it."""
    kind: type
    """Kubeflow's type of the input."""
    default: Any
    """Default of the input: the config's value, as `kind`."""
    description: str

    @property
    def name(self) -> str:
        """Name of the input in Kubeflow, which allows no dots."""
        return self.path.replace(".", "_")


def list_inputs(config: RunConfig) -> list[Input]:
    """List the fields of a config in its order, with its values as defaults."""
    return list(_inputs_of(config))


def read_inputs(values: Mapping[str, Any]) -> RunConfig:
    """Read the config that the inputs of a Kubeflow run describe.

    Parameters
    ----------
    values : Mapping of names of inputs to what Kubeflow passes; one that is missing keeps the config's own default

    Raises
    ------
    InputError
        Names the first field that cannot be used.
    """
    parameters: dict[str, Any] = {}
    for path, kind, as_yaml, _ in _fields_of(RunConfig):
        name = path.replace(".", "_")
        if name in values:
            value = values[name]
            set_value(parameters, path, as_value(value) if as_yaml else _whole(value) if kind is int else value)
    for name, path in RENEWED.items():
        if name in values:
            set_value(parameters, path, values[name])
    return parse_config(renew_recorded(parameters), name="inputs")


def require_same_steps(config: RunConfig, compiled: Collection[str]) -> None:
    """Refuse inputs that ask for other steps than a pipeline was compiled with: Kubeflow neither adds nor skips one.

    Raises
    ------
    InputError
        Names the input, what was found and what to do.
    """
    for step, (section, field) in STEPS_OF_FIELDS.items():
        value = getattr(getattr(config, section), field)
        if (value is not None) is (step in compiled):
            continue
        found = f"inputs: {section}_{field}: found {'null' if value is None else value}, and this pipeline was compiled"
        if value is None:
            raise InputError(f"{found} with the step {step}; name one, or compile a config without {section}.{field}")
        raise InputError(
            f"{found} without the step {step}; compile it with --set {section}.{field}={value}, and upload that"
        )


def _inputs_of(config: RunConfig) -> Iterator[Input]:
    values = config.model_dump(mode="json")
    for path, kind, as_yaml, description in _fields_of(RunConfig):
        value: Any = values
        for part in path.split("."):
            value = value[part]
        default = _as_text(value) if as_yaml else kind(value)
        yield Input(path, kind, default, description)


def _fields_of(section: type[Section], prefix: str = "") -> Iterator[tuple[str, type, bool, str]]:
    """Yield the path, Kubeflow type, whether that type is YAML in a text, and description of every field."""
    for name, field in section.model_fields.items():
        path = f"{prefix}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from _fields_of(field.annotation, f"{path}.")
        else:
            kind = _kind(field.annotation)
            yield path, kind or str, kind is None, " ".join((field.description or "").split())


def _kind(annotation: Any) -> type | None:
    """Kubeflow's type of an annotation; None if the field takes several types."""
    if annotation in PLAIN:
        return annotation  # type: ignore[no-any-return]
    if get_origin(annotation) is Literal and all(isinstance(value, str) for value in get_args(annotation)):
        return str
    return list if get_origin(annotation) is tuple else None


def _as_text(value: Any) -> str:
    """Write a value as YAML if it reads back as the same value, else as JSON."""
    return value if isinstance(value, str) and as_value(value) == value else json.dumps(value)


def _whole(value: Any) -> Any:
    """Turn 3.0, as Kubeflow may pass an integer, into 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
