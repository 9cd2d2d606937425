"""Base models of an ensemble: each lies once, in a folder of its own, however many members stand on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from agile_classifier.models.ensemble.members import read_specs
from agile_classifier.models.gguf import fetch_base_model, fetch_base_of

if TYPE_CHECKING:  # a version that is only scored holds no config
    from agile_classifier.config.ensemble.members import Planned

Base = Path | tuple[Path, ...]
"""The folder of a base model; of an ensemble that stands on several the folder that holds one each (`1/`, `2/`, …), or
the folders themselves, in the order of the members."""


class Pin(NamedTuple):
    """What says which base model is meant: `model.source` and how it is pinned."""

    source: str
    sha256: tuple[str, ...] | None
    revision: str | None


def list_pins(members: Sequence[Planned]) -> tuple[Pin, ...]:
    """The pin of each member's base model; of a linear machine, which reads none, that of the first."""
    models = [member.model for member in members]
    return tuple(Pin(model.source, model.sha256, model.revision) for model in models)


def list_bases(pins: Sequence[Pin]) -> tuple[Pin, ...]:
    """The different base models of members, in the order of who stands on them first."""
    return tuple(dict.fromkeys(pins))


def place_bases(base: Base, pins: Sequence[Pin]) -> tuple[Path, ...]:
    """The folder of the base model of each member's pin."""
    different = list_bases(pins)
    if isinstance(base, tuple):
        folders = base
    else:
        folders = (base,) if len(different) == 1 else tuple(base / str(n) for n in range(1, len(different) + 1))
    return tuple(folders[different.index(pin)] for pin in pins)


def find_bases(adapter: Path, base: Base) -> tuple[Path, ...]:
    """The folder of the base model of each network in an adapter's folder, the first member's first."""
    return place_bases(base, _read_pins(adapter))


def fetch_bases(pins: Sequence[Pin], *, cache: Path, **where: Any) -> tuple[Path, ...]:
    """Fetch the different base models of members, each as `fetch_base_model` does."""
    return tuple(
        fetch_base_model(pin.source, sha256=pin.sha256, revision=pin.revision, cache=cache, **where)
        for pin in list_bases(pins)
    )


def gather_bases(folders: Sequence[Path], into: Path) -> Path:
    """Put the different base models of an ensemble into one folder, as links to where they lie; returns it."""
    for number, folder in enumerate(folders, start=1):
        for file in (path for path in folder.rglob("*") if path.is_file()):
            place = into / str(number) / file.relative_to(folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(file.resolve())
    return into


def fetch_bases_of(adapter: Path) -> tuple[Path, ...]:
    """The base models that the members of an adapter were trained on, and no others; raises as `fetch_base_of`."""
    specs = dict(zip(_read_pins(adapter), read_specs(adapter), strict=True))
    return tuple(map(fetch_base_of, specs.values()))


def _read_pins(adapter: Path) -> list[Pin]:
    return [Pin(spec.base_source, spec.base_sha256, spec.base_revision) for spec in read_specs(adapter)]
