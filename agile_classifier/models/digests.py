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
from collections.abc import Iterable, Mapping
from pathlib import Path

from agile_classifier.errors import InputError
from agile_classifier.files import content_digest

MANIFEST = "digests.json"
"""File of a version: path below its folder → SHA-256."""
DIGEST = "digests.sha256"
"""Tag of a version: SHA-256 of that file."""
BYTECODE = "__pycache__"
UNNAMED = "this version"
"""What a version is called where only its folder is at hand."""
SIGNATURE = "version.sig"
"""File of a version: the signature of whoever stands for it, where one does."""
NOT_LISTED = {MANIFEST, SIGNATURE, "registered_model_meta"}
"""The list itself, the signature over it, and what MLflow writes into a version's folder when it is loaded."""

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
        A file is missing, was changed, is a link or none of the version's; names it.
    """
    if digest is None:
        logger.warning("%s was registered without digests: whether its files are whole is not known", name)
        return
    _refuse_links(version, name=name)
    for bytecode in list(version.rglob(BYTECODE)):
        shutil.rmtree(bytecode)
    manifest = version / MANIFEST
    if not manifest.is_file() or content_digest(manifest) != digest:
        raise _refusal(name, MANIFEST, "is not the list of its files that was registered")
    _compare(json.loads(manifest.read_text(encoding="utf-8")), _digests_of(version), name=name)


def verify_parts(version: Path, parts: Iterable[Path]) -> None:
    """Hold folders of a version against its own list, where it has one: of use where no tag is at hand.

    Raises
    ------
    InputError
        A file of them is missing, was changed, is a link or is none of the list's; names it.
    """
    if not (version / MANIFEST).is_file():
        logger.warning("this version has no %s: whether its files are whole is not known", MANIFEST)
        return
    _refuse_links(version, name=UNNAMED)
    below = tuple(f"{part.relative_to(version).as_posix()}/" for part in parts)
    listed = json.loads((version / MANIFEST).read_text(encoding="utf-8"))
    registered = {file: digest for file, digest in listed.items() if file.startswith(below)}
    _compare(registered, _digests_of(version, below=below), name=UNNAMED)


def verify_inside(folder: Path) -> None:
    """Hold a folder of artifacts, `artifacts/classifier`, against the list of the version that it lies in, if in one.

    Raises
    ------
    InputError
        As `verify_parts`.
    """
    version = folder.absolute().parent.parent
    if (version / MANIFEST).is_file():
        verify_parts(version, [folder.absolute()])


def verify_folder(folder: Path, *, name: str) -> None:
    """Hold a folder that carries the list of its own files against that list.

    Raises
    ------
    InputError
        There is no list, or a file is missing, was changed, was added or is a link; names it.
    """
    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise InputError(f"{name}: holds no {MANIFEST}, so whether its files are whole is not known")
    _refuse_links(folder, name=name)
    _compare(json.loads(manifest.read_text(encoding="utf-8")), _digests_of(folder), name=name)


def _refuse_links(version: Path, *, name: str) -> None:
    """A link may lead elsewhere once it was looked at, and what lies behind one of a folder is in no list."""
    for path in sorted(version.rglob("*")):
        if path.is_symlink():
            raise _refusal(name, path.relative_to(version).as_posix(), "is a link")


def _compare(registered: Mapping[str, str], found: Mapping[str, str], *, name: str) -> None:
    for file in sorted(registered.keys() | found.keys()):
        if registered.get(file) != found.get(file):
            what = "is missing" if file not in found else "was changed" if file in registered else "was added"
            raise _refusal(name, file, f"{what} since it was registered")


def _digests_of(version: Path, *, below: tuple[str, ...] = ("",)) -> dict[str, str]:
    """Path below the folder → SHA-256, of the files whose path begins so."""
    files = {path.relative_to(version).as_posix(): path for path in version.rglob("*") if path.is_file()}
    return {
        name: content_digest(path)
        for name, path in files.items()
        if name.startswith(below) and name not in NOT_LISTED and BYTECODE not in path.parts
    }


def _refusal(name: str, file: str, what: str) -> InputError:
    return InputError(
        f"{name}: its file {file} {what}; it is not loaded. Restore the file from a backup (`agile restore`), roll back"
        " (`agile rollback`) or train again"
    )
