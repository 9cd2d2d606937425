"""Grid: the cells of a study.

A cell is one contender trained once on one choice of rows, and evaluated on those that are left for test. It is known
by what decides its outcome, so that studies share cells, and a new field's default makes no other cell.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from agile_classifier.config.files import parse_config, pin_data, read_parameters, set_value
from agile_classifier.config.labels.many import MANY
from agile_classifier.config.run import RunConfig
from agile_classifier.config.section import Section
from agile_classifier.config.sources import locate_sources, place_free
from agile_classifier.config.training import CHANGED_DEFAULTS
from agile_classifier.errors import InputError
from agile_classifier.files import content_digest, tree_digest
from agile_classifier.models.starts.folder import find_manifest
from agile_classifier.studies.external import require_external
from agile_classifier.studies.file import Contender, Study

DECIDING = ("data", "labels", "split", "data_quality", "model", "fine_tune", "evaluation")
"""Sections that decide the outcome of a cell."""
INDIFFERENT = {
    "data_quality": ("leaks_limit", "duplicates_limit", "conflicts_limit", "min_agreement"),
    "evaluation": ("n_resamples", "calibration", "slices"),
    "fine_tune": ("devices", "device", "max_time"),
    "labels": ("refit",),
}
"""Fields of theirs that do not: a cell is never refused for a limit, keeps the probabilities before calibration, is
trained to its end, and follows no champion, so that its label threshold is always fitted."""
OF_BASELINES = ("data", "labels", "split", "data_quality", "evaluation")
"""Sections that decide a baseline; `frozen` reads of `model` too:"""
OF_FROZEN = ("source", "sha256", "revision", "max_length")
"""An external contender is told the same of it."""
KEY_LENGTH = 16


class Place(Section):
    """Place of a cell in the grid."""

    contender: str
    size: int | None = None
    """Training size; None: as the config says."""
    split: int = 0
    """Seed of the split."""
    seed: int = 0
    """Seed of the training."""

    @property
    def name(self) -> str:
        """Name of the place, in words."""
        size = "" if self.size is None else f" size {self.size}"
        return f"{self.contender}{size} split {self.split} seed {self.seed}"


@dataclass(frozen=True)
class Cell:
    """One contender on one choice of rows with one seed."""

    place: Place
    config: RunConfig
    baseline: str | None = None
    external: Path | None = None
    """Folder of an external contender."""

    @property
    def decides(self) -> dict[str, Any]:
        """Fields that decide the outcome and differ from their defaults, or have had others, by section."""
        sections = DECIDING if self.is_tuned else (*OF_BASELINES, *(("model",) * self.reads_base))
        chosen = self.config.model_dump(mode="json", include=set(sections), exclude_defaults=True)
        kept = {
            name: {field: value for field, value in section.items() if field not in INDIFFERENT.get(name, ())}
            for name, section in chosen.items()
        }
        if self.is_tuned:
            for section, field in CHANGED_DEFAULTS:
                kept.setdefault(section, {})[field] = getattr(getattr(self.config, section), field)
        if not self.is_tuned and self.reads_base:
            kept["model"] = {field: value for field, value in kept["model"].items() if field in OF_FROZEN}
        for source in kept["data"].get("sources", [kept["data"]]):
            source["source"] = place_free(source["source"])  # its SHA-256 says which file it is
        if self.config.model.start_from is not None:  # of baselines too: it decides which rows are left for test
            kept["model"] = {**kept.get("model", {}), "start_from": _identify(self.config.model.start_from)}
        found = {name: section for name, section in kept.items() if section}
        if self.external is not None:
            return {**found, "external": tree_digest(require_external(self.external)), "seed": self.place.seed}
        return found if self.baseline is None else {**found, "baseline": self.baseline}

    @property
    def is_tuned(self) -> bool:
        """Whether it is a training by the config's own recipe."""
        return self.baseline is None and self.external is None

    @property
    def reads_base(self) -> bool:
        """Whether the config's base model has a part in it."""
        return self.is_tuned or self.external is not None or self.baseline == "frozen"

    @cached_property
    def key(self) -> str:
        """Digest of `decides`, 16 hex digits."""
        return hashlib.sha256(json.dumps(self.decides, sort_keys=True).encode()).hexdigest()[:KEY_LENGTH]


def _identify(start: str) -> str:
    """Digest of a start's files, wherever its folder lies; its address where it lists none, to be refused later."""
    manifest = find_manifest(Path(start).expanduser())
    return start if manifest is None else content_digest(manifest)


def list_cells(study: Study, *, folder: Path) -> list[Cell]:
    """List every cell of a grid, in the order of the study's contenders.

    Baselines take no seed, so they have one cell for all.

    Parameters
    ----------
    folder : Path
        Where the study's file stands, from which it names configs.

    Raises
    ------
    InputError
        A contender's config does not load with what it sets, or the grid asks for what its split cannot give.
    """
    found = {name: list(_cells_of(study, name, folder)) for name in study.trained}
    for name, cells in found.items():
        _require_grid(name, cells)
    for name, contender in study.contenders.items():
        _require_like(name, {member: found[member][0] for member in contender.blend})
        _require_classes(name, contender, [found[member][0] for member in contender.blend or (name,)])
    _require_one_size({name: cells[0] for name, cells in found.items()})
    return [cell for cells in found.values() for cell in cells]


def _require_grid(name: str, cells: Sequence[Cell]) -> None:
    method = cells[0].config.split.method
    sized = cells[0].place.size is not None
    if method == "columns" and (sized or len({cell.place.split for cell in cells}) > 1):
        raise InputError(
            f"contender {name}: split.method columns has one split of one size; found several splits, or sizes"
        )
    if method == "group" and sized:
        raise InputError(f"contender {name}: split.method group counts groups, not examples; sizes are not allowed")


def _require_classes(name: str, contender: Contender, cells: Sequence[Cell]) -> None:
    """What gives a text one of two classes has no answer where it may carry several labels."""
    ways = {"blend": contender.blend, "external": contender.external, "baseline member": contender.baseline == "member"}
    asked = next((way for way, is_asked in ways.items() if is_asked), None)
    if asked is not None and any(cell.config.labels.rule == MANY for cell in cells):
        raise InputError(f"contender {name}: {asked} tells two classes, one a text; found labels.rule many")


def _require_like(blend: str, members: Mapping[str, Cell]) -> None:
    """Members must be judged on the same rows, and calibrated on the same."""
    left_out = {"seed", "train", *INDIFFERENT["data_quality"]}
    for section in ("data", "split", "data_quality"):
        unlike = _find_unlike({
            name: getattr(cell.config, section).model_dump(mode="json", exclude=left_out)
            for name, cell in members.items()
        })  # fmt: skip
        if unlike:
            raise InputError(
                f"blend {blend}: {unlike[1]} has another `{section}` than {unlike[0]}; their rows would differ"
            )


def _require_one_size(cells: Mapping[str, Cell]) -> None:
    """Require one training size: without `sizes`, contenders share a table."""
    sizes = {name: cell.config.split.train for name, cell in cells.items() if cell.place.size is None}
    unlike = _find_unlike(sizes)
    if unlike:
        one, other = unlike
        raise InputError(
            f"contender {other}: split.train {sizes[other] or 'open'}, where {one} has {sizes[one] or 'it open'};"
            " name `sizes` for both"
        )


def _find_unlike(values: Mapping[str, Any]) -> tuple[str, str] | None:
    """Find the first name, and the first with another value; None if all values are equal."""
    names = list(values)
    return next(((names[0], name) for name in names if values[name] != values[names[0]]), None)


def _cells_of(study: Study, name: str, folder: Path) -> Iterator[Cell]:
    contender = study.contenders[name]
    is_file = contender.config.endswith(".yaml")
    file = folder / contender.config if is_file else folder.parent / f"{contender.config}.yaml"
    parameters = read_parameters(file)
    for path, value in contender.set.items():
        set_value(parameters, path, value)
    locate_sources(parameters, file.parent, folder, Path.cwd())
    external = None if contender.external is None else require_external((folder / contender.external).resolve())
    data = pin_data(parse_config(parameters, name=f"contender {name}")).data
    pins = data.model_dump(mode="json", include={"source", "sha256", "sources"}, exclude_none=True)
    sizes: Sequence[int | None] = contender.sizes or study.sizes or (None,)
    seeds: Sequence[int] = (0,) if contender.baseline else contender.seeds or study.seeds
    for size, split, seed in itertools.product(sizes, contender.splits or study.splits, seeds):
        chosen = json.loads(json.dumps(parameters))
        varied = {"split.train": size, "split.seed": split, "fine_tune.seed": seed}
        varied |= {f"data.{field}": value for field, value in pins.items()}
        for path, value in varied.items():
            if value is not None:
                set_value(chosen, path, value)
        config = parse_config(chosen, name=f"contender {name}")
        place = Place(contender=name, size=size, split=split, seed=seed)
        yield Cell(place=place, config=config, baseline=contender.baseline, external=external)
