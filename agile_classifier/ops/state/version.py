"""State version: which project and which libraries last prepared a state folder, and whether these ones may open it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from packaging.version import InvalidVersion, Version

from agile_classifier.errors import InputError

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
LIBRARIES = ("mlflow", "zenml")
"""Libraries whose databases are migrated forward, never back."""


def present() -> dict[str, str]:
    """State version and library versions of this project, as a state folder records them."""
    return {"state": str(STATE_VERSION), **{name: version(name) for name in LIBRARIES}}


def read_versions(folder: Path) -> dict[str, str]:
    """Read the versions that a state folder records; empty if it is from before versions were recorded.

    Raises
    ------
    InputError
        The record is damaged.
    """
    text = (folder / "ready").read_text(encoding="utf-8").strip()
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InputError(f"AGILE_HOME {folder}: the file `ready` is damaged; restore a backup: agile restore FILE")
    return {str(name): str(value) for name, value in found.items()}


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
