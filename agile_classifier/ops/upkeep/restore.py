"""Restoring: an archive of `agile backup` becomes the state folder, wherever that lies now.

All is unpacked beside the folder and verified first; then it takes its place at once. Runs that were going on when the
archive was made are left as dead ones are, and marked as ended by the next command that looks.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from agile_classifier.environment import home
from agile_classifier.errors import InputError
from agile_classifier.ops.runs import liveness
from agile_classifier.ops.state import version as state_version
from agile_classifier.ops.state.address import find_addresses
from agile_classifier.ops.state.databases import list_unfinished_runs
from agile_classifier.ops.state.moving import move_addresses
from agile_classifier.ops.upkeep.backup import CHUNK, CONTENT, MANIFEST

SCHEDULES = "schedules"
"""Folder of the schedules; it belongs to the machine, so no archive holds it and a restore keeps it."""
LARGEST_MANIFEST = 200_000_000
"""Largest manifest read, in bytes; it takes about a hundred a file."""


@dataclass(frozen=True)
class Restored:
    """What a restore did: files written, and where the folder it replaced is now."""

    folder: Path
    n_files: int
    moved_aside: Path | None
    """Where the state folder that it replaced is now; None if there was none."""


def restore(file: Path, *, force: bool) -> Restored:
    """Verify the archive, then put it in the place of the state folder.

    Raises
    ------
    InputError
        The folder is in use and `force` is not set, a run works in it, or the archive is damaged, unsafe or too new.
    """
    folder = home()
    is_used = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    if is_used and not force:
        raise InputError(
            f"AGILE_HOME {folder}: not empty; --force moves it aside, or name another folder in AGILE_HOME"
        )
    if is_used and liveness.is_any_alive():
        raise InputError(f"AGILE_HOME {folder}: a run works in it; wait for its end or stop it, and try again")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-restore-") as scratch:
        unpacked = Path(scratch) / "state"
        unpacked.mkdir()
        manifest = _unpack(file, unpacked)
        _verify(file, manifest)
        move_addresses(unpacked, {str(manifest["home"]), *find_addresses(unpacked)}, folder)
        liveness.announce_as_dead(list_unfinished_runs(unpacked), unpacked)
        aside = _take_place(unpacked, folder, is_used=is_used)
    return Restored(folder, len(manifest["files"]), aside)


def _take_place(unpacked: Path, folder: Path, *, is_used: bool) -> Path | None:
    aside = folder.with_name(f"{folder.name}-before-{datetime.now(UTC):%Y%m%dT%H%M%S%f}") if is_used else None
    if aside is not None:
        folder.rename(aside)
    elif folder.exists():
        folder.rmdir()
    unpacked.rename(folder)
    if aside is not None and (aside / SCHEDULES).is_dir():
        shutil.copytree(aside / SCHEDULES, folder / SCHEDULES)
    return aside


def _unpack(file: Path, target: Path) -> dict[str, Any]:
    """Write the archive's files below `target`; returns its manifest, with what was found under `found`."""
    manifest: dict[str, Any] | None = None
    found: dict[str, str] = {}
    try:
        with tarfile.open(file, "r:gz") as archive:
            for member in archive:
                name = _safe_name(member, file)
                content = archive.extractfile(member)
                if content is None:
                    raise InputError(f"{file}: {member.name}: has no content")
                if name is None:
                    manifest = json.loads(content.read(LARGEST_MANIFEST))
                elif name in found:
                    raise InputError(f"{file}: {name} stands there twice; this is no backup of ours")
                else:
                    found[name] = _write(content, target / name)
    except FileNotFoundError:
        raise InputError(f"{file}: no such file") from None
    except (tarfile.TarError, EOFError, zlib.error, ValueError) as error:
        raise InputError(f"{file}: not a whole archive of agile backup: {error}") from None
    if not isinstance(manifest, dict) or not {"files", "home", "versions"} <= set(manifest):
        raise InputError(f"{file}: has no manifest of agile backup")
    return {**manifest, "found": found}


def _safe_name(member: tarfile.TarInfo, file: Path) -> str | None:
    """Path of an archive's member below the state folder; None for the manifest."""
    path = PurePosixPath(member.name)
    if not member.isreg():
        raise InputError(f"{file}: {member.name}: a link, a folder or a device; a backup holds plain files alone")
    if path.is_absolute() or ".." in path.parts:
        raise InputError(f"{file}: {member.name}: leads out of the state folder")
    if member.name == MANIFEST:
        return None
    if not member.name.startswith(CONTENT) or len(path.parts) < 2:
        raise InputError(f"{file}: {member.name}: no file of a backup")
    return PurePosixPath(*path.parts[1:]).as_posix()


def _write(content: Any, path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with path.open("xb") as written:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
            written.write(chunk)
    return digest.hexdigest()


def _verify(file: Path, manifest: dict[str, Any]) -> None:
    state_version.require_not_newer(manifest["versions"], str(file))
    wanted, found = manifest["files"], manifest["found"]
    for name in sorted({*wanted, *found}):
        if wanted.get(name) != found.get(name):
            what = "is missing" if name not in found else "has another SHA-256 than the manifest says"
            raise InputError(f"{file}: {name} {what}; nothing was restored")
