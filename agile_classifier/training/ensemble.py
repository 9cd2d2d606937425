"""Training of all members: one network, or an ensemble whose members are trained one after the other.

A member that is finished is kept beside the checkpoints of the others, so that a training that was killed goes on with
the member that was in work.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from agile_classifier.config.ensemble.members import Planned
from agile_classifier.files import tree_digest
from agile_classifier.models.classical.member import fit_member
from agile_classifier.models.digests import write_manifest
from agile_classifier.models.ensemble.bases import Base, list_pins, place_bases
from agile_classifier.models.hardware import Devices
from agile_classifier.models.spec import MEMBERS_FOLDER, ClassifierSpec, Start
from agile_classifier.training.checkpoints import FINISHED_FILE, member_checkpoints
from agile_classifier.training.fine_tuning import clean_rows, fine_tune
from agile_classifier.training.history import History, MemberCost, cost_of
from agile_classifier.training.trainer import Hooks

COST_FILE = "cost.json"
"""What a linear machine took to train, beside its files."""
Parts = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Described:
    """A member, ready to be trained: how, from which base model, and the classifier that it becomes."""

    planned: Planned
    spec: ClassifierSpec
    base: Path
    start: Path | None = None
    """Folder of the adapter that its training goes on from."""


@dataclass(frozen=True)
class Means:
    """What trains the members, the same for all."""

    checkpoints: Path
    """Folder of this very training; what is in it is gone on from. Removed at the end."""
    hooks: Hooks = field(default_factory=Hooks)
    """Called in this process; the metrics of a further member's epochs are named `member_2_…`."""
    devices: Devices | None = None
    """Without it, one of the best kind that is here."""
    price_per_hour: float | None = None
    """Money for one device for an hour."""


def describe_members(
    planned: Iterable[Planned],
    *,
    base: Base,
    class_names: Sequence[str],
    several: bool = False,
    normalize: Sequence[str] = (),
    start: Path | None = None,
    starts: Sequence[Start] = (),
    digest: Callable[[Path], str] = tree_digest,
) -> tuple[Described, ...]:
    """The members of a run with their base models.

    Parameters
    ----------
    base : Path or tuple of Path
        Of the base models, as `agile_classifier.models.ensemble.bases.Base` says.
    several : bool
        Whether a text may carry several labels.
    start : Path, optional
        Folder of the adapter that the training of the first member goes on from; its lineage is `starts`.
    digest : callable
        Makes the digest of a base model's folder, by which a version knows it again.
    """
    members = tuple(planned)
    folders = place_bases(base, list_pins(members))
    digests = {folder: digest(folder) for folder in dict.fromkeys(folders)}
    described = [
        Described(
            member,
            ClassifierSpec.describe(
                member.model, class_names=class_names, base_digest=digests[folder], several=several, normalize=normalize
            ),
            folder,
        )
        for member, folder in zip(members, folders, strict=True)
    ]
    first = replace(described[0], spec=replace(described[0].spec, starts=tuple(starts)), start=start)
    return (first, *described[1:])


def train_members(parts: Parts, members: Sequence[Described], means: Means, *, output: Path) -> None:
    """Train every member and write it to `output`: the first as `fine_tune` does, the others into `members/2/`, ….

    `history.json` of the whole has the time and the parameters of all, and each member's part in them.

    Parameters
    ----------
    parts : mapping of `train` and `validation` to frames
        As `fine_tune` takes them.

    Raises
    ------
    InputError
        A base model cannot be tuned so, or train has too few texts for a linear machine, before any network is trained.
    """
    if len(members) == 1:
        _tune(parts, members[0], means, output, checkpoints=means.checkpoints)
    else:
        _train_ensemble(parts, members, means, output)
    shutil.rmtree(means.checkpoints)


def _train_ensemble(parts: Parts, members: Sequence[Described], means: Means, output: Path) -> None:
    quick_first = sorted(members, key=lambda member: member.planned.kind == "network")
    for member in quick_first:
        _finish(parts, member, means)
    for member in members:
        number = member.planned.number
        folder = output if number == 1 else output / MEMBERS_FOLDER / str(number)
        shutil.unpack_archive(_finished_file(means, member), folder)
    _sum_up(output, members, means).save(output)
    write_manifest(output, output)


def _finish(parts: Parts, member: Described, means: Means) -> None:
    """Train a member, unless an earlier try has finished it, and keep it in one file."""
    finished = _finished_file(means, member)
    if finished.is_file():
        return
    place = finished.parent.parent
    made = place / "made"
    shutil.rmtree(made, ignore_errors=True)
    _TRAINERS[member.planned.kind](parts, member, means, made)
    arriving = shutil.make_archive(str(place / "arriving"), "zip", made)
    finished.parent.mkdir(exist_ok=True)
    Path(arriving).rename(finished)
    for folder in (made, *place.glob("checkpoint-*")):
        shutil.rmtree(folder)
    means.hooks.on_checkpoint()


def _finished_file(means: Means, member: Described) -> Path:
    return member_checkpoints(means.checkpoints, member.planned.number) / FINISHED_FILE


def _tune(parts: Parts, member: Described, means: Means, output: Path, *, checkpoints: Path) -> None:
    fine_tune(
        parts, member.spec, member.planned.fine_tune, base=member.base, checkpoints=checkpoints, output=output,
        hooks=_named(means.hooks, member.planned.number), devices=means.devices, price_per_hour=means.price_per_hour,
        start=member.start,
    )  # fmt: skip


def _train_network(parts: Parts, member: Described, means: Means, output: Path) -> None:
    _tune(parts, member, means, output, checkpoints=member_checkpoints(means.checkpoints, member.planned.number))


def _fit_machine(parts: Parts, member: Described, means: Means, output: Path) -> None:  # noqa: ARG001  (as networks)
    """Fit a linear machine, on train without attacked copies."""
    began = time.monotonic()
    settings, names = member.planned.fine_tune, member.spec.class_names
    machine = fit_member(clean_rows(parts["train"], member.spec), class_names=names, seed=settings.seed)
    machine.save(output)
    seconds = round(time.monotonic() - began, 3)
    cost = MemberCost(seconds=seconds, n_trained_parameters=int(machine.machine["svm"].coef_.size))
    (output / COST_FILE).write_text(cost.model_dump_json() + "\n", encoding="utf-8")


_TRAINERS = {"network": _train_network, "tfidf_svm": _fit_machine}
"""Kind of a member → what trains it into a folder."""


def _named(hooks: Hooks, number: int) -> Hooks:
    """Hooks that tell a further member's epochs from the first member's."""
    if number == 1:
        return hooks

    def on_epoch(row: dict[str, float]) -> None:
        hooks.on_epoch({name if name == "step" else f"member_{number}_{name}": value for name, value in row.items()})

    return Hooks(on_epoch, hooks.on_checkpoint)


def _sum_up(output: Path, members: Sequence[Described], means: Means) -> History:
    """The history of the first member with the time and parameters of all."""
    first = History.load(output)
    others = [_read_cost(output / MEMBERS_FOLDER / str(member.planned.number)) for member in members[1:]]
    own = MemberCost(seconds=first.seconds, n_trained_parameters=first.n_trained_parameters)
    costs = (own, *others)
    seconds = round(sum(cost.seconds for cost in costs), 3)
    device_seconds = round(seconds * first.n_devices, 3)
    return first.model_copy(
        update={
            "seconds": seconds,
            "device_seconds": device_seconds,
            "cost": cost_of(device_seconds, price_per_hour=means.price_per_hour),
            "n_trained_parameters": sum(cost.n_trained_parameters for cost in costs),
            "members": costs,
        }
    )


def _read_cost(member: Path) -> MemberCost:
    if (member / COST_FILE).is_file():
        return MemberCost.model_validate_json((member / COST_FILE).read_text(encoding="utf-8"))
    history = History.load(member)
    return MemberCost(seconds=history.seconds, n_trained_parameters=history.n_trained_parameters)
