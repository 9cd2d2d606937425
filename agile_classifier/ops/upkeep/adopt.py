"""Adopting: a state folder that was moved or copied becomes one of its own, at the place where it lies now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from agile_classifier.environment import home
from agile_classifier.errors import InputError
from agile_classifier.ops.runs import liveness
from agile_classifier.ops.scheduling import local
from agile_classifier.ops.state import version as state_version
from agile_classifier.ops.state.address import find_addresses
from agile_classifier.ops.state.databases import KEPT, find_damage
from agile_classifier.ops.state.moving import move_addresses


@dataclass(frozen=True)
class Adopted:
    """What adopting a state folder changed."""

    folder: Path
    came_from: tuple[str, ...]
    """Places that the folder named as its own; empty where it named no other than where it lies."""
    n_schedules: int
    """Schedules that the folder holds, which the clock of this machine does not yet start from here."""


def adopt() -> Adopted:
    """Let a state folder that was moved or copied name its own place in all that it holds.

    Nothing outside of the folder is changed: where it was copied, the original stays what it was.

    Raises
    ------
    InputError
        It is no state folder, a newer project wrote it, a run works in it, or a database in it is damaged, as a copy
        made while a run wrote may be.
    """
    folder = home()
    if not (folder / state_version.RECORD).is_file():
        raise InputError(f"AGILE_HOME {folder}: is no state folder, for it holds no file `{state_version.RECORD}`")
    state_version.require_not_newer(state_version.read_versions(folder), f"AGILE_HOME {folder}")
    if liveness.is_any_alive():
        raise InputError(f"AGILE_HOME {folder}: a run works in it; wait for its end or stop it, and try again")
    with FileLock(folder / "prepare.lock"):
        others = tuple(address for address in find_addresses(folder) if address != str(folder))
        if others:
            _require_whole(folder)
            move_addresses(folder, others, folder)
    n_schedules = sum(record.schedule.enabled for record in local.applied().values()) if others else 0
    return Adopted(folder, others, n_schedules)


def _require_whole(folder: Path) -> None:
    for name in KEPT:
        if (folder / name).is_file() and (damage := find_damage(folder / name)) is not None:
            raise InputError(damage)
