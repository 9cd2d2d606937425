"""Backups: the state folder as one archive, made while runs write.

Databases come first, each a copy of one moment; files come after, so that every file that a copied row names is in the
archive. Left out: downloads, which their sources still have, and schedules, whose environment may hold secrets.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from agile_classifier.environment import FEEDBACK_URL, home
from agile_classifier.errors import InputError
from agile_classifier.ops import project
from agile_classifier.ops.state import version as state_version
from agile_classifier.ops.state.databases import KEPT, copy_database
from agile_classifier.ops.state.stores import feedback_address

MANIFEST, CONTENT = "manifest.json", "state/"
"""Names inside an archive: of its manifest, which is the last file, and of the folder of all other files."""
LEFT_OUT = ("alive", "cache", "parts", "schedules")
CHECKPOINTS = "checkpoints"
PASSING = (".lock", "-wal", "-shm", "-journal")
"""Suffixes of files that matter only while a process runs, such as locks; they are left out."""
SUFFIXES = (".tar.gz", ".tgz")
CHUNK = 1 << 20


@dataclass(frozen=True)
class Kept:
    """Size of a finished archive: files, bytes, and what was left out."""

    n_files: int
    n_bytes: int


def backup(file: Path, *, with_checkpoints: bool) -> Kept:
    """Write the state folder into an archive, whole or not at all; only its owner may read the archive.

    Raises
    ------
    InputError
        The name is no archive's, it lies in the state folder, a database stays locked, or a server holds the state.
    """
    folder = home()
    _check_target(file, folder)
    _require_embedded(folder)
    fresh = file.with_name(f".{file.name}-{secrets.token_hex(4)}")
    try:
        with (
            os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw,
            tarfile.open(fileobj=raw, mode="w:gz", compresslevel=1) as archive,
        ):
            kept = _write(archive, folder, with_checkpoints=with_checkpoints)
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
    return kept


def _write(archive: tarfile.TarFile, folder: Path, *, with_checkpoints: bool) -> Kept:
    digests: dict[str, str] = {}
    n_bytes = 0
    with tempfile.TemporaryDirectory(dir=folder, prefix=".backup-") as scratch:
        for name in KEPT:
            if (folder / name).is_file():
                copy = Path(scratch) / "database"
                copy_database(folder / name, copy)
                n_bytes += _add(archive, copy, name, digests)
                copy.unlink()
        for path in _files(folder, with_checkpoints=with_checkpoints):
            n_bytes += _add(archive, path, path.relative_to(folder).as_posix(), digests)
    _put(archive, MANIFEST, io.BytesIO(json.dumps(_manifest(folder, digests)).encode()))
    return Kept(len(digests), n_bytes)


def _files(folder: Path, *, with_checkpoints: bool) -> Iterator[Path]:
    left_out = {*LEFT_OUT, *(() if with_checkpoints else (CHECKPOINTS,))}
    for top in sorted(folder.iterdir()):
        if top.name in left_out or top.name.startswith((".probe-", ".backup-")):
            continue
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            is_database = path.relative_to(folder).as_posix() in KEPT
            if path.is_file() and not is_database and not path.name.endswith(PASSING):
                yield path


def _add(archive: tarfile.TarFile, path: Path, name: str, digests: dict[str, str]) -> int:
    """Add a file to the archive, reading it once since it may grow.

    Returns its bytes, 0 if a run removed it meanwhile.
    """
    digest = hashlib.sha256()
    with tempfile.TemporaryFile() as content:
        try:
            with path.open("rb") as file:
                while chunk := file.read(CHUNK):
                    digest.update(chunk)
                    content.write(chunk)
        except FileNotFoundError:
            return 0
        n_bytes = content.tell()
        content.seek(0)
        _put(archive, CONTENT + name, content)
    digests[name] = digest.hexdigest()
    return n_bytes


def _put(archive: tarfile.TarFile, name: str, content: IO[bytes]) -> None:
    member = tarfile.TarInfo(name)
    member.size = content.seek(0, io.SEEK_END)
    content.seek(0)
    archive.addfile(member, content)


def _manifest(folder: Path, digests: dict[str, str]) -> dict[str, object]:
    return {
        "project": project.version(),
        "versions": state_version.present(),
        "home": str(folder),
        "created": datetime.now(UTC).isoformat(),
        "files": digests,
    }


def _check_target(file: Path, folder: Path) -> None:
    if not file.name.endswith(SUFFIXES):
        raise InputError(f"{file}: the name of a backup ends in {' or '.join(SUFFIXES)}")
    if not file.absolute().parent.is_dir():
        raise InputError(f"{file}: no folder {file.absolute().parent}")
    if file.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{file}: lies in the state folder {folder}; name a file elsewhere")


def _require_embedded(folder: Path) -> None:
    from agile_classifier.errors import redact
    from agile_classifier.ops.engines.kubernetes import zenml_store

    places = {
        "ZENML_STORE_URL": zenml_store(),
        "MLFLOW_TRACKING_URI": os.environ["MLFLOW_TRACKING_URI"],
        FEEDBACK_URL: feedback_address(folder),
    }
    for variable, address in places.items():
        if not address.startswith(f"sqlite:///{folder}"):
            raise InputError(
                f"{variable} {redact(address)}: not in the state folder {folder}; a team's servers are backed up by "
                "their own means, "
                "as the database's dump and the bucket's copies"
            )
