"""Checkpoints: what a killed training may go on from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path


def last_complete_checkpoint(checkpoints: Path) -> str | None:
    """The newest checkpoint whose state file, which the Trainer writes last, can be read."""
    found = sorted(checkpoints.glob("checkpoint-*"), key=lambda folder: int(folder.name.split("-")[1]))
    complete = [folder for folder in found if _is_complete(folder)]
    for folder in set(found) - set(complete):
        shutil.rmtree(folder)
    return str(complete[-1]) if complete else None


def _is_complete(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    return True
