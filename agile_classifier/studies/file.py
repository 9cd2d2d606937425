"""Study: contenders × training sizes × splits × seeds, as one YAML file describes them.

The unit is a cell: one contender trained once on one choice of rows, and judged on the rows that this choice leaves for test.
A cell is known by what decides its outcome, so that studies share cells, and a field's new default is no other cell.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from agile_classifier.config.data import Section
from agile_classifier.config.files import parse_config, pin_data, read_parameters, set_value
from agile_classifier.config.run import RunConfig
from agile_classifier.errors import InputError
from agile_classifier.files import read_yaml
from agile_classifier.models.classical.baselines import BASELINES

BASELINE_NAMES = (*BASELINES, "member", "frozen")
"""What may stand as `baseline`; `member`: what `fine_tune.ensemble_with` would train beside a network, alone; `frozen`: logistic regression
on the embeddings of the config's untuned base model."""
DECIDING = ("data", "labels", "split", "model", "fine_tune", "evaluation")
"""Sections that decide the outcome of a cell."""
INDIFFERENT = {"evaluation": ("n_resamples", "calibration", "slices"), "fine_tune": ("devices", "device", "max_time")}
"""Fields of theirs that do not: a cell keeps the probabilities before calibration, and is trained to its end (`agile_classifier.studies.trial`)."""
VARIED = {"split.train": "sizes", "split.seed": "splits", "fine_tune.seed": "seeds"}
"""Fields that the grid sets → its dimension."""
OF_BASELINES = ("data", "labels", "split", "evaluation")
"""All that decides a baseline, but for `frozen`, which reads `model` too."""
LARGEST_KEY = 16


class Contender(Section):
    """A config as it is shipped, but for what `set` says; or a baseline on its rows."""

    config: str = ""
    """A run configuration: its file, from the study's folder (`comments.yaml`), or the name of one in the folder above (`ethos`)."""
    blend: tuple[str, ...] = ()
    """In place of a config: contenders whose log odds are averaged, cell by cell, and cut by best F1 on validation; it has no cells of its own."""
    calibrate: bool = True
    """Of a blend: whether each member is calibrated on validation first, where there is one."""
    set: Mapping[str, Any] = {}
    """`section.field` → value."""
    baseline: str | None = None
    """Name of a baseline, in place of a tuned model."""
    title: str | None = None
    """Its name in tables; by default its key."""
    sizes: tuple[int, ...] | None = None
    """Training sizes, where they are not the study's."""
    splits: tuple[int, ...] | None = None
    """Seeds of the split, where they are not the study's."""
    seeds: tuple[int, ...] | None = None
    """Seeds of the training, where they are not the study's."""

    @model_validator(mode="after")
    def _known(self) -> Contender:
        if self.baseline is not None and self.baseline not in BASELINE_NAMES:
            raise ValueError(f"baseline {self.baseline!r}; allowed are {', '.join(BASELINE_NAMES)}")
        if bool(self.config) == bool(self.blend):
            raise ValueError("either config or blend is needed, and not both")
        unread = sorted({"set", "baseline", *VARIED.values()} & self.model_fields_set) if self.blend else ()
        if unread:
            raise ValueError(f"{unread[0]} belongs to a config; a blend takes its members as they are")
        varied = [field for field in VARIED if field in self.set]
        if varied:
            raise ValueError(f"set.{varied[0]}: the grid sets it; use {VARIED[varied[0]]}")
        return self


class Published(Section):
    """A figure of others, shown beside ours and compared with nothing."""

    name: str
    source: str
    """Where it stands."""
    size: int | None = None
    """Training examples."""
    split: int | None = None
    """Seed of the split that it was measured on, where it is one of ours: our rows on that split alone are then shown too."""
    roc_auc: float | None = None
    f1: float | None = None
    f1_macro: float | None = None
    accuracy: float | None = None


class Study(Section):
    """A grid of cells, and what is read off it."""

    title: str
    contenders: Annotated[dict[str, Contender], Field(min_length=1)]
    reference: str
    """The contender that every other is compared with, row by row of the grid."""
    metric: Literal["roc_auc", "f1", "pr_auc", "accuracy"] = "roc_auc"
    """What comparison and learning curve are about."""
    sizes: tuple[int, ...] | None = None
    """Training sizes (`split.train`); without them, the config's own."""
    splits: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    """Seeds of the split (`split.seed`)."""
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    """Seeds of the training (`fine_tune.seed`)."""
    published: tuple[Published, ...] = ()

    @model_validator(mode="after")
    def _reference_is_there(self) -> Study:
        if self.reference not in self.contenders:
            raise ValueError(f"reference {self.reference!r} is no contender; there are {', '.join(self.contenders)}")
        trained = [name for name, contender in self.contenders.items() if not contender.blend]
        for name, contender in self.contenders.items():
            unknown = [member for member in contender.blend if member not in trained]
            if unknown:
                raise ValueError(f"{name} blends {unknown[0]!r}; there are {', '.join(trained)}")
        return self


@dataclass(frozen=True)
class Cell:
    """One contender on one choice of rows with one seed."""

    contender: str
    size: int | None
    """Training size; None: as the config says."""
    split: int
    seed: int
    baseline: str | None
    config: RunConfig

    @property
    def name(self) -> str:
        """For a person."""
        size = "" if self.size is None else f" size {self.size}"
        return f"{self.contender}{size} split {self.split} seed {self.seed}"

    @property
    def decides(self) -> dict[str, Any]:
        """What its outcome depends on: fields that differ from their defaults, by section."""
        sections = DECIDING if self.baseline is None else (*OF_BASELINES, *(("model",) * (self.baseline == "frozen")))
        chosen = self.config.model_dump(mode="json", include=set(sections), exclude_defaults=True)
        kept = {
            name: {field: value for field, value in section.items() if field not in INDIFFERENT.get(name, ())}
            for name, section in chosen.items()
        }
        found = {name: section for name, section in kept.items() if section}
        return found if self.baseline is None else {**found, "baseline": self.baseline}

    @cached_property
    def key(self) -> str:
        """Digest of `decides`."""
        return hashlib.sha256(json.dumps(self.decides, sort_keys=True).encode()).hexdigest()[:LARGEST_KEY]


def load_study(path: Path) -> Study:
    """Read a study.

    Raises
    ------
    InputError
        Names the file, the field, what was found and what is allowed.
    """
    document = read_yaml(path, what="study file")
    if not isinstance(document, dict) or not isinstance(document.get("study"), dict):
        raise InputError(f"{path}: the fields (title, contenders, reference, …) must stand under a top-level `study:`")
    try:
        return Study.model_validate(document["study"])
    except ValidationError as error:
        raise InputError(f"{path}: {_said(error)}") from None


def is_study(path: Path) -> bool:
    """Whether a YAML describes a study, well or badly, and not a run or anything else."""
    document = read_yaml(path, what="study file")
    return isinstance(document, dict) and "study" in document


def list_cells(study: Study, *, folder: Path) -> list[Cell]:
    """Every cell of a grid, the cheap contenders' first where the file lists them first.

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
    found = {
        name: list(_cells_of(study, name, folder))
        for name, contender in study.contenders.items()
        if not contender.blend
    }
    for name, cells in found.items():
        _require_grid(name, cells)
    for name, contender in study.contenders.items():
        _require_like(name, {member: found[member][0] for member in contender.blend})
    _require_one_size({name: cells[0] for name, cells in found.items()})
    return [cell for cells in found.values() for cell in cells]


def _require_grid(name: str, cells: Sequence[Cell]) -> None:
    method = cells[0].config.split.method
    sized = cells[0].size is not None
    if method == "columns" and (sized or len({cell.split for cell in cells}) > 1):
        raise InputError(
            f"contender {name}: split.method columns has one split of one size; found several splits, or sizes"
        )
    if method == "group" and sized:
        raise InputError(f"contender {name}: split.method group counts groups, not examples; sizes are not allowed")


def _require_like(blend: str, members: Mapping[str, Cell]) -> None:
    """Members must be judged on the same rows, and calibrated on the same."""
    for section in ("data", "split"):
        unlike = _unlike({
            name: getattr(cell.config, section).model_dump(mode="json", exclude={"seed", "train"})
            for name, cell in members.items()
        })  # fmt: skip
        if unlike:
            raise InputError(
                f"blend {blend}: {unlike[1]} has another `{section}` than {unlike[0]}; their rows would differ"
            )


def _require_one_size(cells: Mapping[str, Cell]) -> None:
    """Without `sizes`, contenders share a table, so they must be taught equally many."""
    sizes = {name: cell.config.split.train for name, cell in cells.items() if cell.size is None}
    unlike = _unlike(sizes)
    if unlike:
        one, other = unlike
        raise InputError(
            f"contender {other}: split.train {sizes[other] or 'open'}, where {one} has {sizes[one] or 'it open'}; name `sizes` for both"
        )


def _unlike(said: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first name, and the first that says something else."""
    names = list(said)
    return next(((names[0], name) for name in names if said[name] != said[names[0]]), None)


def _cells_of(study: Study, name: str, folder: Path) -> Iterator[Cell]:
    contender = study.contenders[name]
    seeds: Sequence[int] = (0,) if contender.baseline else contender.seeds or study.seeds
    is_file = contender.config.endswith(".yaml")
    parameters = read_parameters(folder / contender.config if is_file else folder.parent / f"{contender.config}.yaml")
    for path, value in contender.set.items():
        set_value(parameters, path, value)
    pin = pin_data(parse_config(parameters, name=f"contender {name}")).data.sha256
    for size in contender.sizes or study.sizes or (None,):
        for split in contender.splits or study.splits:
            for seed in seeds:
                chosen = json.loads(json.dumps(parameters))
                varied = {"split.train": size, "split.seed": split, "fine_tune.seed": seed, "data.sha256": pin}
                for path, value in varied.items():
                    if value is not None:
                        set_value(chosen, path, value)
                config = parse_config(chosen, name=f"contender {name}")
                yield Cell(name, size, split, seed, contender.baseline, config)


def describe(cell: Cell) -> dict[str, Any]:
    """A cell's place in the grid, as plain values."""
    return {name: getattr(cell, name) for name in ("contender", "size", "split", "seed")}


def _said(error: ValidationError) -> str:
    problem = error.errors()[0]
    field = ".".join(map(str, ("study", *problem["loc"])))
    if problem["type"] == "extra_forbidden":
        return f"{field}: unknown field"
    found = "" if problem["type"] in ("missing", "value_error") else f"; found {problem['input']!r}"
    return f"{field}: {problem['msg'].removeprefix('Value error, ')}{found}"
