"""Uploads: files that somebody brought to the launcher, each whole in a folder of its own, or as far as it has come.

`uploads/ID` of the state folder holds the file under a plain name, and what was made of it
(`agile_classifier.ops.web.guesses`). A file comes in parts, so that the limits of every other request hold for each.
"""

from __future__ import annotations

import errno
import fcntl
import re
import secrets
import shutil
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, computed_field

from agile_classifier.data.formats.packed import GZIP, STREAMED, ZIP
from agile_classifier.data.rows import FORMATS, SUFFIXES
from agile_classifier.environment import home
from agile_classifier.errors import InputError, one_line
from agile_classifier.files import PICKLED, write_whole
from agile_classifier.ops.state.home import LEAST_FREE_BYTES

MOST_BYTES = 500_000_000
"""Largest file that may be brought, in bytes."""
LONGEST_NAME = 60
"""Longest name under which a file is kept, in characters of up to 4 bytes; a longer one loses its middle."""
IDENTITY = re.compile(r"[0-9T]+-[0-9a-f]{8}")
SECONDS_KEPT = 86_400.0
"""Time after which what is left of a file that never came whole is removed, in seconds."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
RECORD, PART = "upload.json", "part"
_ODD = re.compile(r"[^\w.()-]+")
"""Characters that a kept name does not hold: those that mean something in a path, an address, a page or a shell."""


class OutOfStep(RuntimeError):
    """A part of a file that does not follow the one before."""


class NoRoom(RuntimeError):
    """The disk is full, or would be."""


class Upload(BaseModel, frozen=True):
    """A file that was brought, or is on its way."""

    id: str
    name: str
    """Name under which it is kept."""
    size: int
    """Bytes that it has."""
    started: str
    """UTC, ISO 8601."""

    @property
    def folder(self) -> Path:
        """Folder of the file and of what was made of it."""
        return _folder(self.id)

    @property
    def path(self) -> Path:
        """Path of the file, once it is whole."""
        return self.folder / self.name

    @computed_field  # type: ignore[prop-decorator]
    @property
    def received(self) -> int:
        """Bytes that have come in."""
        part = self.folder / PART
        return part.stat().st_size if part.exists() else self.size if self.is_whole else 0

    @property
    def is_whole(self) -> bool:
        """Whether all of it has come in."""
        return self.path.is_file()


def plain_name(name: str) -> str:
    """The name under which a file is kept: the last part of a path, of letters, digits and - _ . ( ) alone.

    Raises
    ------
    InputError
        Its suffix is of no format that is read.

    Examples
    --------
    >>> plain_name("C:\\\\fakepath\\\\Toxic comments <2024>.csv")
    'Toxic_comments_2024_.csv'
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    plain = _ODD.sub("_", last)
    shown = one_line(last, longest=LONGEST_NAME).encode(errors="backslashreplace").decode()
    suffixes = [f".{part}" for part in plain.lower().split(".")[1:][-2:]]
    suffix = suffixes[-1] if suffixes else ""
    if suffix in PICKLED:
        raise InputError(f"{shown}: may be a pickle, which could run code when it is loaded: save it as CSV or Parquet")
    is_packed = suffix == ZIP or (suffix == GZIP and suffixes[0] in STREAMED)
    if suffix not in FORMATS and not is_packed:
        raise InputError(
            f"{shown}: found suffix {suffix!r}; allowed are {SUFFIXES} (text also as {GZIP}, one file also in a {ZIP})"
        )
    ending = "".join(suffixes[-2:] if suffix == GZIP else suffixes[-1:])
    stem = plain[: -len(ending)].strip("._- ") or "file"
    return f"{_shortened(stem, LONGEST_NAME - len(ending))}{ending}"


def begin(name: str, size: int, *, most_bytes: int = MOST_BYTES) -> Upload:
    """Make a place for a file of so many bytes.

    Raises
    ------
    InputError
        It is empty, too large, or of no format that is read.
    NoRoom
        The disk would be full.
    """
    kept = plain_name(name)
    if size < 1:
        raise InputError(f"{kept}: the file is empty")
    if size > most_bytes:
        raise InputError(
            f"{kept}: has {_megabytes(size)}; at most {_megabytes(most_bytes)} are taken. A sample of the rows is "
            "enough for a first look"
        )
    _remove_abandoned()
    free = shutil.disk_usage(home()).free
    if free - size < LEAST_FREE_BYTES:
        raise NoRoom(
            f"{kept}: {_megabytes(size)}, and {_megabytes(free)} are free; a run needs {_megabytes(LEAST_FREE_BYTES)}. "
            "Whoever looks after this machine can make room, as with `agile prune`"
        )
    now = datetime.now(UTC)
    identity = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    upload = Upload(id=identity, name=kept, size=size, started=now.isoformat(timespec="seconds"))
    upload.folder.mkdir(parents=True)
    try:
        write_whole(upload.folder / RECORD, upload.model_dump_json(include=set(Upload.model_fields)), mode=0o600)
    except OSError as error:
        _give_up(upload, error)
    return upload


def append(identity: str, offset: int, content: bytes) -> Upload:
    """Add the next part of a file; with the last one it is whole.

    Raises
    ------
    InputError
        No such upload, or more bytes than were announced.
    OutOfStep
        The part begins elsewhere than the one before ended.
    NoRoom
        The disk is full; what has come in is removed.
    """
    with _held(identity) as upload:
        if offset != upload.received or upload.is_whole:
            raise OutOfStep(f"{upload.name}: the next part begins at byte {upload.received}, found {offset}")
        if offset + len(content) > upload.size:
            raise InputError(f"{upload.name}: {upload.size} bytes were announced, found {offset + len(content)}")
        part = upload.folder / PART
        try:
            with part.open("ab") as file:
                file.write(content)
        except OSError as error:
            _give_up(upload, error)
        if offset + len(content) == upload.size:
            part.rename(upload.path)
        return upload


def keep(name: str, content: bytes, *, most_bytes: int = MOST_BYTES) -> Upload:
    """Keep a file that came as one; raises as `begin` and `append`."""
    upload = begin(name, len(content), most_bytes=most_bytes)
    return append(upload.id, 0, content)


def find(identity: str) -> Upload:
    """Find an upload by its id.

    Raises
    ------
    InputError
        There is none.
    """
    record = _folder(identity) / RECORD
    if not IDENTITY.fullmatch(identity) or not record.is_file():
        raise InputError(f"no file {identity!r}")
    return Upload.model_validate_json(record.read_text(encoding="utf-8"))


def find_whole(identity: str) -> Upload:
    """Find a file that has come whole; raises as `find`, and where a part is missing."""
    upload = find(identity)
    if not upload.is_whole:
        raise InputError(f"{upload.name}: {upload.received} of {upload.size} bytes have come in; bring it again")
    return upload


def list_uploads() -> list[Upload]:
    """List the files that are whole, newest first."""
    return [upload for upload in list_all() if upload.is_whole]


def list_all() -> list[Upload]:
    """List the files that were brought, those that are on their way among them, newest first."""
    records = sorted((home() / "uploads").glob(f"*/{RECORD}"), reverse=True)
    return [find(record.parent.name) for record in records]


def remove(identity: str) -> None:
    """Remove a file and what was made of it; raises as `find`."""
    with _held(identity) as upload:
        shutil.rmtree(upload.folder)


@contextmanager
def _held(identity: str) -> Iterator[Upload]:
    """Context in which nobody else adds to an upload or removes it."""
    upload = find(identity)
    with (upload.folder / RECORD).open("rb") as record:
        fcntl.flock(record, fcntl.LOCK_EX)
        yield find(identity)  # which may be gone by now


def _give_up(upload: Upload, error: OSError) -> None:
    """Remove a file that could not be written."""
    shutil.rmtree(upload.folder)
    if error.errno not in NO_ROOM:
        raise error
    raise NoRoom(f"{upload.name}: the disk is full ({error.strerror}); nothing of it was kept") from None


def _remove_abandoned() -> None:
    """Remove what is left of files that never came whole."""
    before = time.time() - SECONDS_KEPT
    for upload in list_all():
        latest = upload.folder / PART if (upload.folder / PART).exists() else upload.folder / RECORD
        if not upload.is_whole and latest.stat().st_mtime < before:
            shutil.rmtree(upload.folder)


def _folder(identity: str) -> Path:
    return home() / "uploads" / identity


def _shortened(stem: str, longest: int) -> str:
    return stem if len(stem) <= longest else f"{stem[: longest - 9]}_{stem[-8:]}"


def _megabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:,.1f} MB"
