"""Checkpoints: kept where the next try of a training finds them, though the machine that wrote them be gone.

Where the active stack's artifact store is a folder, checkpoints stay in the state folder. Where it is remote, every complete one is copied
below `checkpoints/` there, its marker last: a copy that was cut off has none, and is never taken.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zenml.client import Client
from zenml.io import fileio

from classifier.checkpoints import complete_checkpoints
from operations import state

MARKER = "complete.json"
"""Beside a checkpoint's files in the store: their sizes in bytes, and when the last one was written."""


@dataclass(frozen=True)
class LocalCheckpoints:
    """Checkpoints of one training, in a folder that its next try finds by itself."""

    folder: Path

    def fetch(self) -> None:
        """Nothing: they are here."""

    def keep(self, _folder: Path) -> None:
        """Nothing: they stay here."""

    def remove(self) -> None:
        """Nothing: `fine_tune` removes its folder."""


@dataclass(frozen=True)
class StoredCheckpoints:
    """Checkpoints of one training, copied into an artifact store; `address` is theirs there."""

    folder: Path
    address: str

    def fetch(self) -> None:
        """Bring what the store holds complete and this machine does not."""
        here = {path.name for path in complete_checkpoints(self.folder)}
        for name, marker in _stored(self.address).items():
            if name not in here:
                _download(f"{self.address}/{name}", marker["files"], self.folder / name)

    def keep(self, folder: Path) -> None:
        """Copy what is complete in `folder` and not in the store, then remove there what is not here any more."""
        there = _stored(self.address)
        complete = [path for path in complete_checkpoints(folder) if path.name not in there]
        for checkpoint in complete:
            _upload(checkpoint, f"{self.address}/{checkpoint.name}")
        for name in there:
            if not (folder / name).is_dir():
                _remove(f"{self.address}/{name}")

    def remove(self) -> None:
        """All of them, once the training is over."""
        remove_stored(self.address)


@dataclass(frozen=True)
class Stored:
    """What the store holds of one training."""

    key: str
    address: str
    written: datetime | None
    """When its newest checkpoint was complete; None where none ever was."""
    n_bytes: int


def open_checkpoints(key: str) -> LocalCheckpoints | StoredCheckpoints:
    """Those of the training of this key, on the active stack."""
    folder, store = state.checkpoints() / key, _store()
    return LocalCheckpoints(folder) if store is None else StoredCheckpoints(folder, f"{store}/{key}")


def list_stored() -> Iterator[Stored]:
    """Every training that has something in the active stack's store; nothing where that is a folder."""
    store = _store()
    if store is None or not fileio.exists(store):
        return
    for key in sorted(fileio.listdir(store)):
        markers = _stored(f"{store}/{key}").values()
        written = max((datetime.fromisoformat(marker["written"]) for marker in markers), default=None)
        n_bytes = sum(size for marker in markers for size in marker["files"].values())
        yield Stored(key, f"{store}/{key}", written, n_bytes)


def remove_stored(address: str) -> None:
    """Remove a training's checkpoints, markers first, so that nothing half removed is taken for complete."""
    for name in _stored(address):
        _remove(f"{address}/{name}")
    if fileio.exists(address):
        fileio.rmtree(address)


def _store() -> str | None:
    """Where checkpoints stand in the active stack's artifact store; None where that is a folder."""
    path = Client().active_stack.artifact_store.path
    return f"{path.rstrip('/')}/checkpoints" if "://" in path else None


def _stored(address: str) -> dict[str, dict[str, Any]]:
    """Name → marker of each complete checkpoint there."""
    if not fileio.exists(address):
        return {}
    markers = {}
    for name in sorted(fileio.listdir(address)):
        place = f"{address}/{name}/{MARKER}"
        if fileio.exists(place):
            with fileio.open(place, "r") as file:
                markers[name] = json.loads(file.read())
    return markers


def _upload(checkpoint: Path, address: str) -> None:
    files = sorted(path for path in checkpoint.rglob("*") if path.is_file())
    for path in files:
        target = f"{address}/{path.relative_to(checkpoint).as_posix()}"
        fileio.makedirs(target.rpartition("/")[0])
        fileio.copy(str(path), target, overwrite=True)
    sizes = {path.relative_to(checkpoint).as_posix(): path.stat().st_size for path in files}
    with fileio.open(f"{address}/{MARKER}", "w") as file:
        file.write(json.dumps({"written": datetime.now(UTC).isoformat(), "files": sizes}))


def _download(address: str, sizes: dict[str, int], folder: Path) -> None:
    """Into another folder first: one that was cut off is not taken for a checkpoint.

    Raises
    ------
    RuntimeError
        The store holds other sizes than its marker says.
    """
    arriving = folder.with_name(f"arriving-{folder.name}")
    shutil.rmtree(arriving, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    for name, size in sizes.items():
        target = arriving / name
        target.parent.mkdir(parents=True, exist_ok=True)
        fileio.copy(f"{address}/{name}", str(target))
        if target.stat().st_size != size:
            raise RuntimeError(f"{address}/{name}: {target.stat().st_size} bytes, {size} were stored; remove {address}")
    arriving.rename(folder)


def _remove(address: str) -> None:
    fileio.remove(f"{address}/{MARKER}")
    fileio.rmtree(address)
