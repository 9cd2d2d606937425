"""Local sources: a relative one counts from the folder of its config, then from the working directory.

`data.source`, those of `data.sources`, `model.source` and those of `model.members` are made absolute once, when the
config is loaded, so that a run that stands in another folder (a schedule's, the launcher's, a study's) reads the same
file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from agile_classifier.config.addresses.version import SCHEME as VERSION_SCHEME
from agile_classifier.config.run import RunConfig
from agile_classifier.environment import mirror
from agile_classifier.errors import InputError
from agile_classifier.files import match_files

SECTIONS = ("data", "model")
"""Sections whose `source` may be a local path."""
START = "start_from"
"""Field of the section `model` that may be one, too."""


def locate_sources(parameters: dict[str, Any], *folders: Path) -> None:
    """Make relative local sources of unvalidated sections absolute, where one of the folders holds them."""
    for name in SECTIONS:
        section = parameters.get(name)
        several = [*_listed(section, "sources"), *(_inner(member, "model") for member in _listed(section, "members"))]
        for each in (section, *several):
            if isinstance(each, dict):
                _locate(each, folders)
    model = parameters.get("model")
    if isinstance(model, dict) and isinstance(start := model.get(START), str) and _local_path(start) is not None:
        model[START] = _located(start, folders)


def require_sources(config: RunConfig, *folders: Path, name: str) -> None:
    """Refuse a config whose relative source none of the folders holds, nor the mirror.

    Parameters
    ----------
    folders : Path
        Where was looked, for the error.
    name : str
        Where the config came from, for the error.

    Raises
    ------
    InputError
        Names the field and every place that was looked at.
    """
    for field, source in _named_sources(config):
        path = _local_path(source)
        may_be_hub_model = field.endswith("model.source") and not source.startswith(".") and source.count("/") <= 1
        if path is None or path.is_absolute() or may_be_hub_model or _is_in_mirror(path):
            continue
        looked = " nor in ".join(dict.fromkeys(str(folder) for folder in folders))
        raise InputError(f"{name}: {field} {source}: no such file or folder in {looked}{_beside()}")


def describe_data(data: Mapping[str, Any]) -> list[str]:
    """The addresses of a recorded section `data`, of each of its sources, in order.

    >>> describe_data({"source": "a.csv"}), describe_data({"sources": [{"source": ["b.csv", "c.csv"]}]})
    (['a.csv'], ['b.csv', 'c.csv'])
    """
    found = [each["source"] for each in data.get("sources") or [data]]
    return [address for one in found for address in ([one] if isinstance(one, str) else one)]


def require_files(config: RunConfig, *, name: str) -> None:
    """Refuse a config whose absolute local source is not on this machine, where the run will stand, nor in the mirror.

    Raises
    ------
    InputError
        Names the field and the path.
    """
    for field, source in _named_sources(config):
        path = _local_path(source)
        if path is not None and path.is_absolute() and not (match_files(path) or _is_in_mirror(path)):
            raise InputError(f"{name}: {field} {source}: no such file or folder{_beside()}")


Named = TypeVar("Named", str, list[str])


def place_free(source: Named) -> Named:
    """A local source without the folder that it lies in: `/home/me/texts.csv` → `texts.csv`; an address as it is."""
    if isinstance(source, list):
        return [place_free(one) for one in source]
    path = _local_path(source)
    return source if path is None else "!/".join([path.name, *source.split("!/")[1:]])


def file_names(source: str | Sequence[str]) -> str:
    """The last part of a recorded source, or of each of a list: `a.csv, b.csv`."""
    return ", ".join(one.rpartition("/")[2] for one in ([source] if isinstance(source, str) else source))


def _named_sources(config: RunConfig) -> list[tuple[str, str]]:
    """Field and address of everything that a run reads; nothing where it reads a snapshot."""
    if config.data.snapshot is not None:
        return []
    named = [
        (f"data.sources.{part.name}" if config.data.sources else "data.source", part) for part in config.data.parts
    ]
    addresses = [(field, address) for field, part in named for address in part.addresses]
    members = [
        (f"model.members.{place}.model.source", str(member.model["source"]))
        for place, member in enumerate(config.model.members)
        if "source" in member.model
    ]
    start = [] if config.model.start_from is None else [(f"model.{START}", config.model.start_from)]
    return [*addresses, ("model.source", config.model.source), *start, *members]


def _listed(section: Any, field: str) -> list[Any]:
    """Elements of a list in a section that is not yet validated; none where it is none."""
    found = _inner(section, field)
    return list(found) if isinstance(found, list | tuple) else []


def _inner(section: Any, field: str) -> Any:
    return section.get(field) if isinstance(section, dict) else None


def _locate(section: dict[str, Any], folders: tuple[Path, ...]) -> None:
    source = section.get("source")
    if isinstance(source, str):
        section["source"] = _located(source, folders)
    elif isinstance(source, list | tuple):
        section["source"] = [_located(one, folders) if isinstance(one, str) else one for one in source]


def _located(source: str, folders: tuple[Path, ...]) -> str:
    path = _local_path(source)
    if path is None or path.is_absolute():
        return source
    inner = source.split("!/")[1:]
    found = next((folder / path for folder in folders if match_files(folder / path)), None)
    if found is None:
        return source
    whole = found.resolve() if found.exists() else os.path.normpath(found.absolute())
    return "!/".join([str(whole), *inner])


def _local_path(source: str) -> Path | None:
    """The path in a source, without what it names within an archive; None for an address."""
    head = source.split("!/")[0]
    return None if "://" in head or head.startswith(VERSION_SCHEME) else Path(head).expanduser()


def _is_in_mirror(path: Path) -> bool:
    folder = mirror()
    return folder is not None and next(folder.rglob(path.name), None) is not None


def _beside() -> str:
    return "" if mirror() is None else f", nor in the mirror {mirror()}"
