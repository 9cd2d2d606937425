"""Checkpoints: what a killed training may go on from, in this folder or, copied there, in another machine's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

STATE_FILE = "trainer_state.json"
"""What the Trainer writes last."""
FINISHED_FILE = "finished/adapter.zip"
"""What a finished member of an ensemble is kept in, beside its checkpoints, while the others are trained."""


def last_complete_checkpoint(checkpoints: Path) -> str | None:
    """The newest complete checkpoint, fit to be resumed here; incomplete ones are removed."""
    complete = complete_checkpoints(checkpoints)
    for folder in set(checkpoints.glob("checkpoint-*")) - set(complete):
        shutil.rmtree(folder)
    if not complete:
        return None
    _name_best_one_here(complete[-1])
    return str(complete[-1])


def complete_checkpoints(checkpoints: Path) -> list[Path]:
    """The oldest first: those whose state can be read, and whose best checkpoint so far lies beside them."""
    found = sorted(checkpoints.glob("checkpoint-*"), key=lambda folder: int(folder.name.split("-")[1]))
    return [folder for folder in found if _is_complete(folder)]


def member_checkpoints(checkpoints: Path, number: int) -> Path:
    """The folder of an ensemble's member in that of the whole training."""
    return checkpoints / f"member-{number}"


def kept_folders(checkpoints: Path) -> list[Path]:
    """What a training would be sorry to lose: complete checkpoints, of an ensemble its finished members too."""
    members = sorted(checkpoints.glob("member-*"))
    complete = [folder for place in (checkpoints, *members) for folder in complete_checkpoints(place)]
    return complete + [(place / FINISHED_FILE).parent for place in members if (place / FINISHED_FILE).is_file()]


def _is_complete(checkpoint: Path) -> bool:
    try:
        best = _best_one_here(checkpoint, _read_state(checkpoint))
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    return best is None or best.is_dir()


def _name_best_one_here(checkpoint: Path) -> None:
    """The Trainer writes the best checkpoint's whole path, and forgets a best one that it does not find."""
    state = _read_state(checkpoint)
    best = _best_one_here(checkpoint, state)
    if best is not None and state["best_model_checkpoint"] != str(best):
        renewed = checkpoint / f"{STATE_FILE}.new"
        renewed.write_text(json.dumps({**state, "best_model_checkpoint": str(best)}, indent=2), encoding="utf-8")
        renewed.replace(checkpoint / STATE_FILE)


def _best_one_here(checkpoint: Path, state: dict[str, Any]) -> Path | None:
    best = state.get("best_model_checkpoint")
    return checkpoint.parent / Path(best).name if best else None


def _read_state(checkpoint: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((checkpoint / STATE_FILE).read_text(encoding="utf-8"))
    return state
