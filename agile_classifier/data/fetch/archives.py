"""Archives: members of a zip or tar, unpacked without letting one of them escape its folder.

A chain of members (`outer.tar.gz`, then `inner/path`) goes into archives that lie in archives. Nothing that an archive
holds is run or imported, and only regular files and folders are ever written.
"""

from __future__ import annotations

import lzma
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from agile_classifier.errors import InputError, one_line

LARGEST = 16 * 2**30
"""Largest total size that one archive may unpack to, in bytes: a guard against archives made to fill a disk."""
BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError)
"""What zipfile and tarfile raise on damaged, encrypted or unsupported archives, and a disk on names it cannot hold."""


@dataclass(frozen=True)
class _Member:
    name: str
    kind: str  # "file", "folder", or what it is instead
    size: int  # bytes, unpacked
    open: Callable[[], IO[bytes]]

    @property
    def path(self) -> PurePosixPath:
        return PurePosixPath(self.name)


def extract(archive: Path, *, chain: Sequence[str], scratch: Path, strip_top: bool = False) -> Path:
    """Unpack the member that a chain of paths leads to.

    Parameters
    ----------
    archive : Path
        A zip (a wheel is one) or a tar, plain or compressed; the content decides, not the name.
    chain : sequence of str
        Path of a file or folder in the archive; each further path lies in the archive that the one before names. An
        empty path is everything.
    scratch : Path
        Folder to unpack into, made where absent; the caller renames the result out of it and removes it.
    strip_top : bool
        Whether paths start below the single top folder that a source distribution has.

    Returns
    -------
    Path
        The file or folder, under its own name below `scratch`.

    Raises
    ------
    InputError
        No such member; a member that would leave its folder (absolute, `..`), or is a link or device; a damaged
        archive; more than `LARGEST` bytes.
    """
    found = archive
    for depth, member in enumerate(chain):
        found = _extract_one(found, member.strip("/"), scratch / str(depth), strip_top=strip_top and depth == 0)
    return found


def _extract_one(archive: Path, member: str, folder: Path, *, strip_top: bool) -> Path:
    folder.mkdir(parents=True)
    try:
        with _opened(archive) as members:
            _refuse_hostile(members, archive.name)
            top = _single_top(members) if strip_top else PurePosixPath()
            return _write(members, top / member, folder / (PurePosixPath(member).name or "root"), archive.name)
    except BROKEN as error:
        raise InputError(f"{archive.name}: cannot be unpacked: {one_line(error)}") from None


@contextmanager
def _opened(archive: Path) -> Iterator[list[_Member]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened_zip:
            yield [_zip_member(opened_zip, info) for info in opened_zip.infolist()]
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as opened_tar:
            yield [_tar_member(opened_tar, info) for info in opened_tar.getmembers()]
    else:
        raise InputError(f"{archive.name}: neither a zip nor a tar, so nothing can be looked up inside it")


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    mode = stat.S_IFMT(info.external_attr >> 16)
    special = mode not in (0, stat.S_IFREG, stat.S_IFDIR)
    kind = "a link or device" if special else "folder" if info.is_dir() else "file"
    return _Member(name=info.filename, kind=kind, size=info.file_size, open=lambda: archive.open(info))


def _tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    kind = "file" if info.isfile() else "folder" if info.isdir() else "a link or device"
    return _Member(name=info.name, kind=kind, size=info.size, open=lambda: _tar_stream(archive, info))


def _tar_stream(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(info)
    if stream is None:
        raise tarfile.ReadError(f"{info.name} has no content")
    return stream


def _refuse_hostile(members: list[_Member], name: str) -> None:
    for member in members:
        if re.match(r"[/\\]|[A-Za-z]:", member.name) or ".." in re.split(r"[/\\]", member.name):
            raise InputError(f"{name}: refused: member {member.name!r} would leave its folder")
        if member.kind not in ("file", "folder"):
            raise InputError(f"{name}: refused: member {member.name!r} is {member.kind}, not a file or folder")


def _single_top(members: list[_Member]) -> PurePosixPath:
    """The single top folder of a source distribution.

    None for a wheel, whose `.dist-info` stands beside its content.
    """
    tops = {member.path.parts[0] for member in members if member.path.parts}
    files_on_top = any(member.kind == "file" and len(member.path.parts) == 1 for member in members)
    top = tops.pop() if len(tops) == 1 and not files_on_top else ""
    return PurePosixPath() if top.endswith(".dist-info") else PurePosixPath(top)


def _write(members: list[_Member], wanted: PurePosixPath, target: Path, archive: str) -> Path:
    files = [member for member in members if member.kind == "file" and member.path.is_relative_to(wanted)]
    if not files:
        raise InputError(f"{archive}: no member {wanted}; {_nearby(members, wanted)}")
    if sum(member.size for member in files) > LARGEST:
        raise InputError(f"{archive}: refused: {wanted} unpacks to more than {LARGEST // 2**30} GiB")
    for member in files:
        path = target / member.path.relative_to(wanted)
        if path.exists():
            raise InputError(f"{archive}: refused: member {member.name!r} would replace another of the same name")
        path.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as stream, path.open("wb") as written:
            shutil.copyfileobj(stream, written, 2**20)
    return target


def _nearby(members: list[_Member], wanted: PurePosixPath) -> str:
    names = [member.name for member in members if member.kind == "file"]
    alike = [name for name in names if PurePosixPath(name).name == wanted.name] or names
    more = f" and {len(alike) - 5} more" if len(alike) > 5 else ""
    return f"it holds {', '.join(alike[:5]) or 'nothing'}{more}"
