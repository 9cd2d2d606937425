"""Ensemble members in the folder of an adapter, a version or an export, and how their answers become one.

The first member's files stand in the folder itself, as those of a single network do; those of the others in
`members/2/`, `members/3/`, …, laid out alike. Versions of before kept a linear machine in `member/`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from agile_classifier.label_sets import two_columns
from agile_classifier.metrics.calibration import Floats, average_log_odds
from agile_classifier.models.spec import MEMBER_FOLDER, MEMBERS_FOLDER, SPEC_FILE, ClassifierSpec


class Member(Protocol):
    """What answers beside the first network."""

    @property
    def rounding(self) -> float:
        """Largest change of a probability that rounding explains."""

    def score(self, texts: Sequence[str]) -> np.ndarray:
        """Probabilities of shape (n, n_classes), in the order of the texts."""


def list_member_folders(folder: Path) -> dict[int, Path]:
    """Number → folder of each member beside the first, in order; none of a single network.

    The numbers begin with 2.
    """
    old, members = folder / MEMBER_FOLDER, folder / MEMBERS_FOLDER
    if old.is_dir():
        return {2: old}
    return {int(path.name): path for path in sorted(members.glob("[0-9]"))}


def is_network(member: Path) -> bool:
    """Whether a member's folder holds a network, and no linear machine."""
    return (member / SPEC_FILE).is_file()


def list_networks(folder: Path) -> tuple[Path, ...]:
    """Folder of every network in the folder of an adapter or a version, the first member's first."""
    return (folder, *filter(is_network, list_member_folders(folder).values()))


def read_specs(folder: Path) -> tuple[ClassifierSpec, ...]:
    """Specification of every network in the folder of an adapter or a version, the first member's first."""
    return tuple(map(ClassifierSpec.load, list_networks(folder)))


def read_rounding(folder: Path) -> float:
    """Largest change of a probability that rounding explains, as `ClassifierSpec.rounding`, of all members together."""
    return max(spec.rounding for spec in read_specs(folder))


def load_members(folder: Path, load_network: Callable[[int, Path], Member]) -> tuple[Member, ...]:
    """Every member beside the first.

    Parameters
    ----------
    load_network : callable
        Takes the place of a network among the networks, from 1 for the first of the others, and its folder.
    """
    networks = list_networks(folder)
    return tuple(
        load_network(networks.index(member), member) if member in networks else _load_machine(member)
        for member in list_member_folders(folder).values()
    )


def join_members(scores: Sequence[Floats], *, several: bool) -> Floats:
    """The ensemble's probabilities: the mean of its members' log odds.

    Parameters
    ----------
    scores : arrays of shape (n, n_classes)
        Probabilities by each member.
    several : bool
        Whether each column is a label of its own, and a row sums to anything.
    """
    if len(scores) == 1:
        return scores[0]
    if not several:
        return average_log_odds(*scores)
    columns = [
        average_log_odds(*(two_columns(score[:, label]) for score in scores))[:, 1]
        for label in range(scores[0].shape[1])
    ]
    return np.column_stack(columns)


def _load_machine(member: Path) -> Member:
    """A linear machine; it alone needs scikit-learn, which takes a second to import."""
    from agile_classifier.models.classical.member import Member as Machine

    return Machine.load(member)
