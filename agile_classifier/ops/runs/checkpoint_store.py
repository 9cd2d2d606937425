"""Checkpoints: kept where the next try of a training finds them, though the machine that wrote them be gone.

Where the active stack's artifact store is a folder, checkpoints stay in the state folder. Where it is remote, every
complete one is copied below `checkpoints/` there, its marker last: a copy that was cut off has none, and is never
taken. A copy that fails is told and tried again with the next checkpoint, for a training is worth more; one that cannot
be fetched ends the try, before it trains anew what is there.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zenml.client import Client
from zenml.io import fileio

from agile_classifier.errors import one_line, redact
from agile_classifier.ops.state import home as state
from agile_classifier.training.checkpoints import kept_folders

MARKER = "complete.json"
"""Marker beside a checkpoint's files in the store: their sizes in bytes, and when the last one was written."""


LEVEL = "--"
"""What stands for a level of folders in the name of a checkpoint in the store."""


@dataclass(frozen=True)
class LocalCheckpoints:
    """Checkpoints of one training, in a folder that its next try finds by itself."""

    folder: Path

    def fetch(self) -> None:
        """Do nothing: the checkpoints are on this machine already."""

    def keep(self) -> None:
        """Do nothing: the checkpoints stay on this machine."""

    def remove(self) -> None:
        """Do nothing: `fine_tune` removes its own folder."""


@dataclass(frozen=True)
class StoredCheckpoints:
    """Checkpoints of one training that are copied into an artifact store, below `address`."""

    folder: Path
    address: str

    def fetch(self) -> None:
        """Download the checkpoints that are complete in the store and missing on this machine.

        Raises
        ------
        RuntimeError
            The store cannot be read, or holds other sizes than its marker says.
        """
        here = {_store_name(path, self.folder) for path in kept_folders(self.folder)}
        try:
            for name, marker in _stored(self.address).items():
                if name not in here:
                    _download(f"{self.address}/{name}", marker["files"], self.folder / _local_name(name))
        except Exception as error:  # every store's library raises its own kinds
            raise RuntimeError(f"checkpoints in {self.address} cannot be fetched: {_in_words(error)}") from error

    def keep(self) -> None:
        """Upload complete checkpoints that the store lacks, then remove from it those that no longer exist here."""
        with _told(f"checkpoints could not be copied to {self.address}; the next one tries again"):
            there = _stored(self.address)
            for checkpoint in kept_folders(self.folder):
                name = _store_name(checkpoint, self.folder)
                if name not in there:
                    _upload(checkpoint, f"{self.address}/{name}")
            for name in there:
                if not (self.folder / _local_name(name)).is_dir():
                    _remove(f"{self.address}/{name}")

    def remove(self) -> None:
        """Remove all checkpoints of the training from the store, once it is over."""
        with _told(f"checkpoints in {self.address} could not be removed; `agile prune` does"):
            remove_stored(self.address)


@dataclass(frozen=True)
class Stored:
    """The checkpoints that the artifact store holds of one training."""

    key: str
    address: str
    written: datetime | None
    """When the newest complete checkpoint was written; None if no checkpoint is complete."""
    n_bytes: int


def open_checkpoints(key: str) -> LocalCheckpoints | StoredCheckpoints:
    """Open the checkpoints of the training with this key, as the active stack keeps them."""
    folder, store = state.checkpoints() / key, _store()
    return LocalCheckpoints(folder) if store is None else StoredCheckpoints(folder, f"{store}/{key}")


def list_stored() -> Iterator[Stored]:
    """List the trainings that have checkpoints in the active stack's artifact store; none if that is a local folder."""
    store = _store()
    if store is None or not fileio.exists(store):
        return
    for key in sorted(fileio.listdir(store)):
        markers = _stored(f"{store}/{key}").values()
        written = max((datetime.fromisoformat(marker["written"]) for marker in markers), default=None)
        n_bytes = sum(size for marker in markers for size in marker["files"].values())
        yield Stored(key, f"{store}/{key}", written, n_bytes)


def remove_stored(address: str) -> None:
    """Remove a training's checkpoints, markers first, so that a half-removed one is never taken for complete."""
    for name in _stored(address):
        _remove(f"{address}/{name}")
    if fileio.exists(address):
        fileio.rmtree(address)


def _store_name(checkpoint: Path, folder: Path) -> str:
    """Name of a checkpoint in the store, which has one level: `checkpoint-8`, of a member `member-2--checkpoint-8`."""
    return checkpoint.relative_to(folder).as_posix().replace("/", LEVEL)


def _local_name(name: str) -> str:
    """Path of a checkpoint below the training's folder, from its name in the store."""
    return name.replace(LEVEL, "/")


def _store() -> str | None:
    """Address of the checkpoints in the active stack's artifact store; None if that is a local folder."""
    path = Client().active_stack.artifact_store.path
    return f"{path.rstrip('/')}/checkpoints" if "://" in path else None


def _stored(address: str) -> dict[str, dict[str, Any]]:
    """Map the name of each complete checkpoint at an address to its marker."""
    names = sorted(fileio.listdir(address)) if fileio.exists(address) else []
    markers = {name: _read_marker(f"{address}/{name}/{MARKER}") for name in names}
    return {name: marker for name, marker in markers.items() if marker is not None}


def _read_marker(place: str) -> dict[str, Any] | None:
    """Read a checkpoint's marker; None if it is missing, or was cut off while being written."""
    if not fileio.exists(place):
        return None
    with fileio.open(place, "r") as file:
        try:
            marker: dict[str, Any] = json.loads(file.read())
        except json.JSONDecodeError:
            return None
    return marker


def _upload(checkpoint: Path, address: str) -> None:
    """Upload a checkpoint's folder, replacing what an interrupted try left there, and write its marker last."""
    files = sorted(checkpoint.iterdir())
    fileio.makedirs(address)
    for path in files:
        fileio.copy(str(path), f"{address}/{path.name}", overwrite=True)
    sizes = {path.name: path.stat().st_size for path in files}
    with fileio.open(f"{address}/{MARKER}", "w") as file:
        file.write(json.dumps({"written": datetime.now(UTC).isoformat(), "files": sizes}))


def _download(address: str, sizes: dict[str, int], folder: Path) -> None:
    """Download a checkpoint beside its place and rename it, so that a partial one is never taken for whole."""
    arriving = folder.with_name(f"arriving-{folder.name}")
    for old in (arriving, folder):
        shutil.rmtree(old, ignore_errors=True)
    arriving.mkdir(parents=True)
    for name, size in sizes.items():
        fileio.copy(f"{address}/{name}", str(arriving / name))
        found = (arriving / name).stat().st_size
        if found != size:
            raise RuntimeError(f"{name} has {found} bytes, {size} were stored; remove {address}")
    arriving.rename(folder)


def _remove(address: str) -> None:
    fileio.remove(f"{address}/{MARKER}")
    fileio.rmtree(address)


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Context in which an error of the store is reported on standard error, and then ignored."""
    try:
        yield
    except Exception as error:  # every store's library raises its own kinds
        print(f"warning: {what}: {_in_words(error)}", file=sys.stderr, flush=True)


def _in_words(error: Exception) -> str:
    return redact(f"{type(error).__name__}: {one_line(error)}")
