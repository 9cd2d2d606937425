"""Buckets: files of rows in a store of objects, by fsspec's drivers.

Who may read is for the driver to find out, from the variables of its own environment (`AWS_ACCESS_KEY_ID`,
`AWS_ENDPOINT_URL`, `GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_CONNECTION_STRING` and their like); no config holds
a key. An object is kept in the cache for as long as the store says that it is the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from pkgutil import resolve_name
from typing import Any

import fsspec

from agile_classifier.config.addresses.source import WILD, Source, is_pattern, scheme_of
from agile_classifier.data.fetch.cache import entry_name, find_in_mirror, locked
from agile_classifier.data.fetch.fetched import Fetched
from agile_classifier.environment import cache, mirror
from agile_classifier.errors import LONGEST_WORDS, InputError, one_line, redact
from agile_classifier.files import content_digest, write_whole

HIDDEN = (".", "_")
"""How names begin that programs write beside the rows: `_SUCCESS`, `.part-0.crc`."""


@dataclass(frozen=True)
class Driver:
    """What reads one store of objects."""

    extra: str
    """Extra of this project that installs it."""
    errors: tuple[str, ...]
    """Errors of its own, beside OSError and ValueError, as `module:name`."""


_AZURE = Driver("az", ("azure.core.exceptions:AzureError",))
_GOOGLE = Driver("gs", ("google.auth.exceptions:GoogleAuthError", "gcsfs.retry:HttpError", "aiohttp:ClientError"))
DRIVERS = {
    "s3": Driver("s3", ("botocore.exceptions:BotoCoreError", "botocore.exceptions:ClientError")),
    "gs": _GOOGLE,
    "gcs": _GOOGLE,
    "az": _AZURE,
    "abfs": _AZURE,
    "abfss": _AZURE,
}
"""Scheme → its driver."""


def fetch_objects(source: Source, _folder: Path) -> list[Fetched]:
    """Fetch an object, every one of a pattern, or every one below a prefix that ends in a slash, by name.

    Raises
    ------
    InputError
        No such object, none below the prefix, not reachable or not allowed; the driver is not installed.
    """
    address, pin = str(source.source), source.sha256[0] if source.sha256 else None
    name = PurePosixPath(address).name
    if pin is not None and (kept := find_in_mirror(mirror(), sha256=pin, fits=lambda other: other == name)):
        return [Fetched(kept, address)]
    filesystem = open_store(address)
    with refused(address):
        found = _list_objects(filesystem, address)
        files = [_fetch_object(filesystem, scheme_of(address), path, info) for path, info in sorted(found.items())]
    if pin is not None and (digest := content_digest(files[0].path)) != pin.lower():
        raise InputError(f"{address}: sha256 is {digest}, data.sha256 asks for {pin}")
    return files


def open_store(address: str) -> Any:
    """The driver of fsspec for the store that an address lies in; raises InputError where it is not installed."""
    driver = DRIVERS[scheme_of(address)]
    try:
        filesystem = fsspec.filesystem(scheme_of(address))
    except ImportError:
        raise InputError(
            f"{address}: its driver is not installed: pip install 'agile-classifier[{driver.extra}]'"
        ) from None
    except ValueError as error:  # adlfs, of an account that nothing names
        raise InputError(f"{address}: cannot be read: {one_line(error, longest=LONGEST_WORDS)}") from None
    filesystem.invalidate_cache()
    return filesystem


@contextmanager
def refused(address: str) -> Iterator[None]:
    """Context in which whatever a driver raises becomes one line."""
    own = tuple(map(resolve_name, DRIVERS[scheme_of(address)].errors))
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{address}: there is no such bucket or object") from None
    except (OSError, ValueError, *own) as error:
        words = one_line(redact(str(error)) or error, longest=LONGEST_WORDS)
        raise InputError(f"{address}: cannot be read: {words}") from None


def _list_objects(filesystem: Any, address: str) -> Mapping[str, Mapping[str, Any]]:
    """Path → what the store says of the object, for every object that an address names."""
    path = filesystem._strip_protocol(address)
    if is_pattern(address):
        found = keep_rows(filesystem.glob(path, detail=True), below=fixed_part(path))
        said = "no object matches"
    elif address.endswith("/"):
        found = keep_rows(filesystem.find(path, detail=True), below=path)
        said = "there is no object below this prefix"
    else:
        found, said = {path: filesystem.info(path)}, ""
        if found[path]["type"] != "file":
            raise InputError(f"{address}: is a prefix; end it in / for every object below it")
    if not found:
        raise InputError(f"{address}: {said}")
    return found


def keep_rows(found: Mapping[str, Mapping[str, Any]], *, below: str) -> dict[str, Mapping[str, Any]]:
    """The objects that hold rows: neither folders, nor what programs write beside them or in folders of their own."""
    return {
        path: info
        for path, info in found.items()
        if info["type"] == "file"
        and not path.endswith("/")
        and not any(part.startswith(HIDDEN) for part in PurePosixPath(path.removeprefix(below)).parts if part != "/")
    }


def fixed_part(pattern: str) -> str:
    """The folder that everything of a pattern lies in, with the slash at its end.

    >>> fixed_part("bucket/2026-*/part-*.csv"), fixed_part("*.csv")
    ('bucket/', '')
    """
    fixed = pattern[: min((place for sign in WILD if (place := pattern.find(sign)) >= 0), default=len(pattern))]
    return fixed[: fixed.rfind("/") + 1]


def _fetch_object(filesystem: Any, scheme: str, path: str, info: Mapping[str, Any]) -> Fetched:
    address, name = f"{scheme}://{path}", PurePosixPath(path).name
    said = json.dumps(dict(info), sort_keys=True, default=str)
    with locked(cache() / entry_name(name, address)) as entry:
        target, note = entry / name, entry / "info.json"
        if not (target.exists() and note.exists() and note.read_text(encoding="utf-8") == said):
            part, size = target.with_name(f"{name}.part"), info.get("size")
            filesystem.get_file(path, str(part))
            if size is not None and part.stat().st_size != size:
                raise InputError(f"{address}: {part.stat().st_size} of {size} bytes came; try again")
            note.unlink(missing_ok=True)
            part.replace(target)
            write_whole(note, said)
    return Fetched(target, address)
