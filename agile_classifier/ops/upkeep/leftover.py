"""Leftover: what a prune may remove, and how large and how old things on the disk are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Leftover:
    """Something that a prune removes: its name, age and size, and how it is removed."""

    kind: str
    name: str
    n_bytes: int
    remove: Callable[[], bool | None]
    """Removes it; returns False if it turned out to be in use and was kept."""


def count_bytes(folder: Path | None) -> int:
    """Size of a file or of all files below a folder, in bytes; 0 if it is not on this machine."""
    if folder is None:
        return 0
    return sum(found.st_size for path, found in _files(folder) if path.is_file())


def last_written(folder: Path) -> datetime:
    """When a folder or anything below it was last written; 1970 if it is gone."""
    return datetime.fromtimestamp(max((found.st_mtime for _, found in _files(folder)), default=0.0), tz=UTC)


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield a file or folder and all below it with what the file system says of each; a run may remove some now."""
    for path in (folder, *folder.rglob("*")):
        with suppress(FileNotFoundError):
            yield path, path.stat()
