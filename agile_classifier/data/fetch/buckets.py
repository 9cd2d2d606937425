"""Buckets: files of rows in a store of objects, by fsspec's drivers.

Who may read is for the driver to find out, from the variables of its own environment (`AWS_ACCESS_KEY_ID`,
`AWS_ENDPOINT_URL`, `GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_CONNECTION_STRING` and their like); no config holds
a key. An object is kept in the cache for as long as the store says that it is the same.

Each driver is held to limits: of their own, they ask a store that keeps silent for minutes, gcsfs without end.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
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


LONGEST_SILENCE = 20
"""Seconds that a store may keep silent before it is asked again; it is asked up to ten times."""
STAMPS = ("ETag", "etag", "md5Hash", "content_md5", "generation")
"""What a store says of an object's content, of which the first that is there tells it from another."""
TIMES = ("LastModified", "last_modified", "mtime")
"""When it was written, where nothing is said of its content."""
MOST_ATTEMPTS = 3
"""Times that an object is fetched which is replaced while it comes."""


@dataclass(frozen=True)
class Driver:
    """What reads one store of objects."""

    extra: str
    """Extra of this project that installs it."""
    errors: tuple[str, ...]
    """Errors of its own, beside OSError and ValueError, as `module:name`."""
    options: Callable[[], Mapping[str, Any]] = dict
    """What it is opened with: limits on how long it waits for a store."""
    limit: Callable[[Any], None] | None = None
    """Sets the limits that no option of it names, once it is open."""
    logger: str | None = None
    """Logger that tells with a traceback of what is raised as well."""


def _limits_of_s3() -> Mapping[str, Any]:
    retries = {} if "AWS_MAX_ATTEMPTS" in os.environ else {"retries": {"max_attempts": 1}}
    return {"config_kwargs": {"read_timeout": LONGEST_SILENCE, **retries}}


def _limits_of_google() -> Mapping[str, Any]:
    from aiohttp import ClientTimeout

    silence = ClientTimeout(total=None, sock_connect=LONGEST_SILENCE, sock_read=LONGEST_SILENCE)
    return {"requests_timeout": silence, "retry_timeout": LONGEST_SILENCE}


def _limit_azure(filesystem: Any) -> None:
    from azure.storage.blob.aio import BlobServiceClient

    client = filesystem.service_client
    filesystem.service_client = BlobServiceClient(
        client.url, credential=client.credential, retry_total=2, initial_backoff=1,
        connection_timeout=LONGEST_SILENCE, read_timeout=LONGEST_SILENCE,
    )  # fmt: skip


_AZURE = Driver("az", ("azure.core.exceptions:AzureError",), limit=_limit_azure)
_GOOGLE = Driver(
    "gs",
    ("google.auth.exceptions:GoogleAuthError", "gcsfs.retry:HttpError", "aiohttp:ClientError"),
    options=_limits_of_google,
    logger="gcsfs",
)
DRIVERS = {
    "s3": Driver("s3", ("botocore.exceptions:BotoCoreError", "botocore.exceptions:ClientError"), options=_limits_of_s3),
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
    """The driver of fsspec for the store that an address lies in; raises InputError where it cannot be opened."""
    scheme = scheme_of(address)
    driver = DRIVERS[scheme]
    try:
        fsspec.get_filesystem_class(scheme)
    except ImportError:
        raise InputError(
            f"{address}: its driver is not installed: pip install 'agile-classifier[{driver.extra}]'"
        ) from None
    if driver.logger and logging.getLogger(driver.logger).level == logging.NOTSET:
        logging.getLogger(driver.logger).setLevel(logging.CRITICAL)
    own = fsspec.config.conf.get(scheme, {})  # of a person, by FSSPEC_… or a file
    with refused(address):
        filesystem = fsspec.filesystem(scheme, **{k: v for k, v in driver.options().items() if k not in own})
        if driver.limit and not vars(filesystem).get("is_limited"):  # fsspec hands out the same one again
            driver.limit(filesystem)
            filesystem.is_limited = True
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
        silent = "it does not answer" if isinstance(error, TimeoutError) else error
        words = one_line(redact(str(error)) or silent, longest=LONGEST_WORDS)
        raise InputError(f"{address}: cannot be read: {words}") from None


def find_below(filesystem: Any, path: str) -> dict[str, Mapping[str, Any]]:
    """Every object below a path of a store, or the object of that path itself where it does not end in a slash."""
    found = filesystem.find(path, detail=True)
    if isinstance(found, Mapping):
        return dict(found)
    bucket, _, prefix = path.partition("/")  # adlfs, of an object that is called as the prefix is: a list, of it alone
    listed = filesystem.find(bucket, prefix=prefix, detail=True)
    return {name: info for name, info in listed.items() if name == path or name.startswith(f"{path.rstrip('/')}/")}


def _list_objects(filesystem: Any, address: str) -> Mapping[str, Mapping[str, Any]]:
    """Path → what the store says of the object, for every object that an address names."""
    path = filesystem._strip_protocol(address)
    if is_pattern(address):
        found = keep_rows(filesystem.glob(path, detail=True), below=fixed_part(path))
        said = "no object matches"
    elif address.endswith("/"):
        found = keep_rows(find_below(filesystem, path), below=path)
        said = "there is no object below this prefix"
    else:
        found, said = {path: filesystem.info(path)}, ""
        if found[path]["type"] != "file":
            raise InputError(f"{address}: is a prefix; end it in / for every object below it")
    if not found:
        require_bucket(filesystem, path)
        raise InputError(f"{address}: {said}")
    return found


def require_bucket(filesystem: Any, path: str) -> None:
    """Raise FileNotFoundError where there is no such bucket, of which adlfs lists nothing, as of one that is empty."""
    bucket = path.partition("/")[0]
    try:
        is_there = filesystem.exists(bucket)
    except OSError:  # who may list it need not be allowed to ask for it
        return
    if not is_there:
        raise FileNotFoundError(bucket)


def stamp_of(info: Mapping[str, Any], kinds: Sequence[str] = (*STAMPS, *TIMES)) -> str:
    """What is another once an object is another one: its size, and the first that its store says of its content.

    >>> stamp_of({"size": 9, "ETag": "a1", "LastModified": "today"})
    '9 ETag a1'
    """
    return f"{info.get('size')} {next((f'{kind} {info[kind]}' for kind in kinds if info.get(kind)), '')}"


def keep_rows(found: Mapping[str, Mapping[str, Any]], *, below: str) -> dict[str, Mapping[str, Any]]:
    """The objects that hold rows: neither folders, nor what programs write beside them or in folders of their own."""
    folders = {str(parent) for path in found for parent in PurePosixPath(path).parents}
    return {
        path: info
        for path, info in found.items()
        if info["type"] == "file"
        and not path.endswith("/")
        and not (path in folders and not info["size"])  # adlfs hides the slash that a mark of a folder ends in
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
    with locked(cache() / entry_name(name, address)) as entry:
        target, note = entry / name, entry / "stamp"
        if not (target.exists() and note.exists() and note.read_text(encoding="utf-8") == stamp_of(info)):
            part = target.with_name(f"{name}.part")
            fetched = _fetch_whole(filesystem, path, info, part)
            note.unlink(missing_ok=True)
            part.replace(target)
            write_whole(note, stamp_of(fetched))
    return Fetched(target, address)


def _fetch_whole(filesystem: Any, path: str, info: Mapping[str, Any], part: Path) -> Mapping[str, Any]:
    """Fetch an object into a file, again where it is replaced meanwhile; returns what the store says of what came."""
    for _ in range(MOST_ATTEMPTS):
        filesystem.get_file(path, str(part))
        if info.get("size") in (None, part.stat().st_size):
            return info
        filesystem.invalidate_cache()
        info = filesystem.info(path)
    raise InputError(f"{path}: is replaced again and again while it is read; try again")
