"""Cells: what came of each cell of a study, a small JSON file each under `results/cells`, kept in the repository.

A file is written whole or not at all, is known by what decides its outcome, and says by which command and commit it was made.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from classifier.study_file import Cell
from classifier.trial import Trial
from operations.state import PROJECT

CELLS = PROJECT / "results" / "cells"


def read_cell(cell: Cell, *, folder: Path = CELLS) -> dict[str, Any] | None:
    """What is known of a cell; None where it was never run."""
    path = folder / f"{cell.key}.json"
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def write_cell(cell: Cell, trial: Trial, *, command: str, commit: str, folder: Path = CELLS) -> dict[str, Any]:
    """Keep what came of a cell."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {"command": command, "commit": commit, "time": datetime.now(UTC).isoformat(timespec="seconds")}
    found = {"key": cell.key, "decides": cell.decides, **asdict(trial), "made": made}
    part = folder / f".{cell.key}-{os.getpid()}"
    part.write_text(json.dumps(found) + "\n", encoding="utf-8")
    part.replace(folder / f"{cell.key}.json")
    return found
