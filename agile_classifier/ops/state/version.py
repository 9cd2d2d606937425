"""State version: what a state folder records of itself, and whether this project and these libraries may open it.

The record says which project and libraries last prepared the folder, where it lay, and at which revision of their
schemas its databases were.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from packaging.version import InvalidVersion, Version

from agile_classifier.errors import InputError
from agile_classifier.files import write_whole

STATE_VERSION = 2
"""Counts up when what lies in the folder changes so that an older project would misread it, or this one misreads what
an older one wrote."""
MOVED = (
    "an earlier agile-classifier wrote it (state version {there}): its registered versions still score, serve and are "
    "exported, its"
    " history stays, but what its runs left cannot be read: train again before `agile promote` compares, or name "
    "another folder in AGILE_HOME"
)
"""What is said of a folder from before state version 2, when the modules moved whose names stand in artifacts."""
RECORD = "ready"
"""File in which a state folder records of itself what `Record` holds, as JSON."""
LIBRARIES = ("mlflow", "zenml")
"""Libraries whose databases are migrated forward, never back."""


def present() -> dict[str, str]:
    """State version and library versions of this project, as a state folder records them."""
    return {"state": str(STATE_VERSION), **{name: version(name) for name in LIBRARIES}}


@dataclass(frozen=True)
class Record:
    """What a state folder records of itself; all empty of one from before there were records."""

    versions: Mapping[str, str] = field(default_factory=dict)
    """`state`, and each of `LIBRARIES` → the version that last prepared the folder."""
    home: str = ""
    """Path of the folder when it was prepared."""
    revisions: Mapping[str, str] = field(default_factory=dict)
    """Database below the folder → revision of its schema; none of a store that was a team's."""


def read_record(folder: Path) -> Record:
    """Read what a state folder records of itself.

    Raises
    ------
    InputError
        The record is damaged.
    """
    path = folder / RECORD
    try:
        text = path.read_text(encoding="utf-8").strip()
        found = json.loads(text) if text else {}
        versions = {name: str(found[name]) for name in ("state", *LIBRARIES) if name in found}
        revisions = {str(name): str(revision) for name, revision in found.get("databases", {}).items()}
        return Record(versions, str(found.get("home", "")), revisions)
    except FileNotFoundError:
        return Record()
    except (OSError, ValueError, AttributeError, TypeError):
        raise InputError(
            f"AGILE_HOME {folder}: the file `{RECORD}` is damaged; restore a backup: agile restore FILE --force"
        ) from None


def write_record(folder: Path, record: Record) -> None:
    """Write what a state folder records of itself, whole or not at all."""
    content = {**record.versions, "home": record.home, "databases": dict(record.revisions)}
    write_whole(folder / RECORD, json.dumps(content))


def read_versions(folder: Path) -> Mapping[str, str]:
    """Read the versions that a state folder records; empty if it is from before versions were recorded."""
    return read_record(folder).versions


def describe_loss(found: Mapping[str, str]) -> str | None:
    """Say in one line what this project can no longer read of a folder that records these versions.

    None if it reads all.
    """
    there = found.get("state", "0")
    return MOVED.format(there=there) if Version(there) < Version("2") else None


def require_not_newer(found: Mapping[str, str], place: str) -> None:
    """Refuse a state folder that a newer project or library prepared.

    Raises
    ------
    InputError
        A newer project or library wrote it; says which, and what to install.
    """
    for name, here in present().items():
        there = found.get(name, "0")
        try:
            is_newer = Version(there) > Version(here)
        except InvalidVersion:
            raise InputError(f"{place}: {name} version {there!r} is none") from None
        if is_newer and name == "state":
            raise InputError(
                f"{place}: written by a newer agile-classifier (state version {there}, this one knows {here}); "
                "upgrade agile-classifier, or name another folder in AGILE_HOME"
            )
        if is_newer:
            raise InputError(
                f"{place}: written with {name} {there}, here is {here}; pip install '{name}>={there}', "
                "or name another folder in AGILE_HOME"
            )
