"""Cells: what came of each cell of a study, a small JSON file each under `results/cells`, kept in the repository.

A file is written whole or not at all, is known by what decides its outcome, and says by which command and commit it was made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agile_classifier.errors import InputError
from agile_classifier.files import write_whole
from agile_classifier.studies.file import Cell
from agile_classifier.studies.trial import Trial


def read_cell(cell: Cell, *, folder: Path) -> dict[str, Any] | None:
    """What is known of a cell; None where it was never run."""
    path = folder / f"{cell.key}.json"
    if not path.exists():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise InputError(f"{path}: not a finished cell; remove it, and it is run again") from None
    return found


def write_cell(cell: Cell, trial: Trial, *, command: str, commit: str, folder: Path) -> Path:
    """Keep what came of a cell; returns where."""
    made = {"command": command, "commit": commit, "time": datetime.now(UTC).isoformat(timespec="seconds")}
    return keep({"key": cell.key, "decides": cell.decides, **asdict(trial), "made": made}, folder=folder)


def keep(found: Mapping[str, Any], *, folder: Path) -> Path:
    """Write what is known of a cell, whole or not at all; returns where."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{found['key']}.json"
    write_whole(path, json.dumps(found) + "\n")
    return path
