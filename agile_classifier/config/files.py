"""Config files: from a YAML and the command line's overrides to a RunConfig, or to one line that says what is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from agile_classifier.config.addresses.source import Source, is_pattern
from agile_classifier.config.run import RunConfig
from agile_classifier.config.sources import locate_sources, require_sources
from agile_classifier.config.training import DEVICE_FIELDS, FineTuneConfig, ModelConfig
from agile_classifier.errors import InputError, explain_validation, nearest
from agile_classifier.files import content_digest, match_files, read_yaml

DEEPEST = 4
"""Most levels of lists and mappings in a value of the command line."""


def load_config(
    path: Path, *, overrides: tuple[str, ...] = (), here: Path | None = None, needs_sources: bool = False
) -> RunConfig:
    """Read a YAML and the command line's `section.field=value` overrides.

    A relative source becomes absolute: it counts from the YAML's folder, then from the working directory.

    Parameters
    ----------
    here : Path, optional
        In place of the working directory: where a run that another process starts will stand.
    needs_sources : bool
        Whether a run will read its sources, so that they must be there.

    Raises
    ------
    InputError
        Names the file, the field, what was found and what is allowed; or a source that is in neither folder.
    """
    folders = (path.absolute().parent, here or Path.cwd())
    config = parse_config(read_parameters(path, overrides=overrides, here=here), name=str(path))
    if needs_sources:
        require_sources(config, *folders, name=str(path))
    return config


def read_parameters(path: Path, *, overrides: tuple[str, ...] = (), here: Path | None = None) -> dict[str, Any]:
    """Read the mapping under `parameters:` of a YAML with the overrides, sources located, not yet validated.

    A member of an ensemble that names a config has its sections in place of the name.
    """
    parameters, folders = _read_sections(path), (path.absolute().parent, here or Path.cwd())
    for override in overrides:
        _override(parameters, override)
    locate_sources(parameters, *folders)
    model = parameters.get("model")
    if isinstance(model, dict) and isinstance(model.get("members"), list | tuple):
        model["members"] = [_with_sections(member, folders, name=str(path)) for member in model["members"]]
    return parameters


def _read_sections(path: Path) -> dict[str, Any]:
    document = read_yaml(path, what="config file")
    parameters = document.get("parameters") if isinstance(document, dict) else None
    if not isinstance(parameters, dict):
        raise InputError(f"{path}: the sections (data, model, …) must stand under a top-level `parameters:`")
    return parameters


def _with_sections(member: Any, folders: tuple[Path, ...], *, name: str) -> Any:
    """A member of an ensemble with the whole sections of the config that it names; any other as it is."""
    said = member.get("config") if isinstance(member, dict) else None
    if not isinstance(said, str) or set(member) - {"kind"} != {"config"}:
        return member
    path = next((found for folder in folders if (found := folder / said).is_file()), None)
    if path is None:
        looked = " nor in ".join(dict.fromkeys(map(str, folders)))
        raise InputError(f"{name}: model.members config {said}: no such file in {looked}")
    sections = _read_sections(path)
    locate_sources(sections, path.absolute().parent, *folders[1:])
    try:
        model = ModelConfig.model_validate(sections.get("model"))
        fine_tune = FineTuneConfig.model_validate(sections.get("fine_tune") or {})
    except ValidationError as error:
        raise InputError(f"{path}: {explain_validation(error)}") from None
    if model.members:
        raise InputError(f"{name}: model.members config {said}: it is an ensemble itself; name configs of one network")
    return {
        "model": model.model_dump(mode="json", exclude={"members"}),
        "fine_tune": fine_tune.model_dump(mode="json", exclude=set(DEVICE_FIELDS)),
    }


def parse_config(parameters: dict[str, Any], *, name: str) -> RunConfig:
    """Validate the sections; `name` says in an error where they came from."""
    try:
        return RunConfig.model_validate(parameters)
    except ValidationError as error:
        raise InputError(f"{name}: {explain_validation(error, RunConfig)}") from None


def set_value(parameters: dict[str, Any], path: str, value: Any) -> None:
    """Set `section.field` of sections that are not yet validated.

    Raises
    ------
    InputError
        The path names no field of a section.
    """
    *parents, field = path.split(".")
    if not (parents and field and all(parents)):
        raise InputError(f"--set {path}: expected section.field=value{_with_section(path)}")
    section = parameters
    for parent in parents:
        section = section.setdefault(parent, {})
        if not isinstance(section, dict):
            raise InputError(f"--set {path}: {parent} is a value, not a section")
    section[field] = value


def as_value(text: str) -> Any:
    """What a text of the command line stands for.

    YAML 1.1 reads `1e-3` as text; everything else as an element of a config file's list, where `|` is a text too. What
    has anchors, aliases, tags or dates, or is nested more than `DEEPEST`, stands for itself, as a text.
    """
    if re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)[eE][+-]?\d+", text):
        return float(text)
    try:
        values = yaml.load(f"[{text}]", Loader=_PlainValues) or [None]  # noqa: S506  (a SafeLoader that reads less)
    except (ValueError, yaml.YAMLError):
        return text
    return values[0] if len(values) == 1 else text


def write_value(value: Any) -> str:
    """The text that `as_value` reads as the value."""
    if isinstance(value, str) and as_value(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def write_override(path: str, value: Any) -> str:
    """The word after `--set` that gives a field its value."""
    return f"{path}={write_value(value)}"


class _PlainValues(yaml.SafeLoader):
    """YAML without what lets a few bytes stand for many (aliases, levels), or for what JSON cannot write."""

    yaml_implicit_resolvers = {  # noqa: RUF012  (PyYAML's own way)
        sign: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for sign, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:
        """Read the beginning of a list or mapping, or refuse it."""
        if self.flow_level > DEEPEST:
            raise yaml.YAMLError("too many levels")
        super().fetch_flow_collection_start(TokenClass)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose a node of the document, or refuse it."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "anchor", None) is not None or getattr(event, "tag", None) is not None:
            raise yaml.YAMLError("no plain value")
        return super().compose_node(parent, index)


def _override(parameters: dict[str, Any], override: str) -> None:
    path, equals, value = override.partition("=")
    if not equals:
        raise InputError(f"--set {override}: expected section.field=value{_with_section(path)}")
    set_value(parameters, path, as_value(value))


def _fields_at(location: tuple[int | str, ...]) -> list[str]:
    section: Any = RunConfig
    for part in location:
        section = section.model_fields[part].annotation
    return sorted(section.model_fields)


def _with_section(field: str) -> str:
    """End of the line about a field without its section: where fields of that name, or nearly so, stand."""
    paths = {f"{name}.{inner}": inner for name in RunConfig.model_fields for inner in _fields_at((name,))}
    meant = nearest(field, paths.values())
    places = [path for path, inner in paths.items() if inner == meant]
    return f"; did you mean {' or '.join(places)}?" if places else ""


def pin_data(config: RunConfig) -> RunConfig:
    """The config with the SHA-256 of its data, where they are files of this machine and not pinned; else as it is.

    A pattern becomes the list of the files that it matches. A source of the network that is not pinned is known by its
    address alone.
    """
    data = config.data
    if data.sources is not None:
        pinned: dict[str, Any] = {"sources": tuple(part.model_copy(update=_pins(part)) for part in data.sources)}
    else:
        pinned = _pins(data)
    return config.model_copy(update={"data": data.model_copy(update=pinned)}) if pinned else config


def _pins(source: Source) -> dict[str, Any]:
    """Files and digests of a source; nothing where it is pinned, or is no file of this machine."""
    found = [match_files(Path(address).expanduser()) for address in source.addresses]
    if source.is_pinned or not all(files and all(map(Path.is_file, files)) for files in found):
        return {}
    digests = tuple(content_digest(file) for files in found for file in files)
    patterns = any(is_pattern(address) for address in source.addresses)
    named = {"source": tuple(str(file) for files in found for file in files)} if patterns else {}
    return {**named, "sha256": digests}
