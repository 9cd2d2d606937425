"""Caches and mirrors: folders of fetched files, found again by what their bytes are.

A cache entry appears whole or not at all (made in a scratch folder, then renamed) and one process at a time makes it,
so a killed run leaves nothing that a later one could mistake for data. A mirror is somebody else's folder, only read.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from agile_classifier.errors import InputError
from agile_classifier.files import content_digest

LARGEST_SCANNED = 2 * 2**30
"""Largest file of a mirror that is hashed although its name does not fit, in bytes."""


def entry_name(name: str, *keys: str) -> str:
    """Folder name of a cache entry: something to read, then 12 hex digits.

    Parameters
    ----------
    name : str
        Shortened to 60 characters that every file system takes.
    keys : str
        One digest is taken as it is; several values, or one that is no digest, are digested.
    """
    digested = len(keys) == 1 and re.fullmatch(r"[0-9a-f]{40,64}", keys[0])
    key = keys[0] if digested else hashlib.sha256("\0".join(keys).encode()).hexdigest()
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name)[:60]}-{key[:12]}"


@contextmanager
def locked(entry: Path, *, purpose: str = "entry") -> Iterator[Path]:
    """Make the entry's folder and keep every other process out of it; a dead process's lock is void."""
    entry.mkdir(parents=True, exist_ok=True)
    locks = entry.parent / ".locks"
    locks.mkdir(exist_ok=True)
    with FileLock(locks / f"{entry.name}.{purpose}.lock"):
        yield entry


def build_once(entry: Path, *, key: str, build: Callable[[Path], Path]) -> Path:
    """Return the file or folder that `build` makes, which runs only if the entry does not hold it yet.

    Parameters
    ----------
    entry : Path
        Folder of the entry, made where absent.
    key : str
        Distinguishes this from other things built into the same entry.
    build : callable
        Takes an empty scratch folder and returns a path below it.
    """
    place = entry / hashlib.sha256(key.encode()).hexdigest()[:12]
    with locked(entry):
        if not place.exists():
            scratch = place.with_suffix(".part")
            shutil.rmtree(scratch, ignore_errors=True)
            try:
                _keep(build(scratch), scratch / "kept", place)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    return next(place.iterdir())


def find_in_mirror(mirror: Path | None, *, sha256: str | None, fits: Callable[[str], bool]) -> Path | None:
    """Find the mirror's file with a digest, files of a fitting name first; without a digest, the one whose name fits.

    Raises
    ------
    InputError
        The mirror is no folder, or no digest is given and several different files have a fitting name.
    """
    if mirror is None:
        return None
    if not mirror.is_dir():
        raise InputError(f"mirror {mirror}: no such folder")
    files = sorted(path for path in mirror.rglob("*") if path.is_file())
    named = [path for path in files if fits(path.name)]
    if sha256 is None:
        return _only(named, mirror)
    others = (path for path in files if not fits(path.name) and path.stat().st_size <= LARGEST_SCANNED)
    return next((path for path in (*named, *others) if content_digest(path) == sha256), None)


def find_mirror_folder(mirror: Path | None, *, name: str) -> Path | None:
    """Find the mirror's folder of a hub id, as `owner/name` or `owner--name`; None if there is none."""
    places = () if mirror is None else (mirror / name, mirror / name.replace("/", "--"))
    return next((place for place in places if place.is_dir()), None)


def _keep(made: Path, holder: Path, place: Path) -> None:
    holder.mkdir()
    made.replace(holder / made.name)
    holder.replace(place)


def _only(named: list[Path], mirror: Path) -> Path | None:
    if len({content_digest(path) for path in named}) > 1:
        raise InputError(f"mirror {mirror}: holds {len(named)} different {named[0].name}: add the sha256 of one")
    return named[0] if named else None
