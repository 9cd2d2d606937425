"""Digests: what a registered version's files were when it was registered, and whether they still are.

A version carries a list of the SHA-256 of each of its files, and its tag in the registry the SHA-256 of that list. So
whoever can write to the artifact store, but not to the registry's database, changes neither weights nor code nor
settings unseen. A version whose tag is gone counts as one of before there were digests.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Iterable
from pathlib import Path

from agile_classifier.errors import InputError
from agile_classifier.files import content_digest

MANIFEST = "digests.json"
"""File of a version: path below its folder → SHA-256."""
DIGEST = "digests.sha256"
"""Tag of a version: SHA-256 of that file."""
BYTECODE = "__pycache__"
NOT_LISTED = {MANIFEST, "registered_model_meta"}
"""The list itself, and what MLflow writes into a version's folder when it is loaded."""

logger = logging.getLogger(__name__)


def write_manifest(version: Path, to: Path) -> str:
    """Write the list of a version's files into the folder `to`; returns the value of its tag."""
    content = json.dumps(_digests_of(version), indent=1, sort_keys=True)
    (to / MANIFEST).write_text(content, encoding="utf-8")
    return hashlib.sha256(content.encode()).hexdigest()


def verify_files(version: Path, digest: str | None, *, name: str) -> None:
    """Refuse a version whose files are not those that were registered.

    Bytecode beside its code is no file of the version, and is removed: Python would run it in place of the code.

    Parameters
    ----------
    version : Path
        Folder of its files, on this machine.
    digest : str or None
        Value of its tag; None for a version of before there were digests, which is only warned of.
    name : str
        What the version is called in the error: `model ethos, version 3`.

    Raises
    ------
    InputError
        A file is missing, was changed or is none of the version's; names it.
    """
    if digest is None:
        logger.warning("%s was registered without digests: whether its files are whole is not known", name)
        return
    for bytecode in list(version.rglob(BYTECODE)):
        shutil.rmtree(bytecode)
    manifest = version / MANIFEST
    if not manifest.is_file() or content_digest(manifest) != digest:
        raise _refusal(name, MANIFEST, "is not the list of its files that was registered")
    registered, found = json.loads(manifest.read_text(encoding="utf-8")), _digests_of(version)
    for file in sorted(registered.keys() | found.keys()):
        if registered.get(file) != found.get(file):
            what = "is missing" if file not in found else "was changed" if file in registered else "was added"
            raise _refusal(name, file, f"{what} since it was registered")


def verify_parts(version: Path, parts: Iterable[Path]) -> None:
    """Hold folders of a version against its own list, where it has one: of use where no tag is at hand.

    Raises
    ------
    InputError
        A file is not what the list says; names it.
    """
    if not (version / MANIFEST).is_file():
        return
    registered = json.loads((version / MANIFEST).read_text(encoding="utf-8"))
    for path in sorted(file for part in parts for file in part.rglob("*") if file.is_file()):
        name = path.relative_to(version).as_posix()
        if registered.get(name) != content_digest(path):
            raise _refusal("this version", name, "was changed since it was registered")


def _digests_of(version: Path) -> dict[str, str]:
    files = {path.relative_to(version).as_posix(): path for path in version.rglob("*") if path.is_file()}
    return {
        name: content_digest(path)
        for name, path in files.items()
        if name not in NOT_LISTED and BYTECODE not in path.parts
    }


def _refusal(name: str, file: str, what: str) -> InputError:
    return InputError(
        f"{name}: its file {file} {what}; it is not loaded. Restore the file from a backup (`agile restore`), roll back"
        " (`agile rollback`) or train again"
    )
