"""Places: folders of this machine and prefixes of a store of objects, listed, read and written in one way.

A file of a place is named by its path below it. What is put there is there whole or not at all: an object is, and a
file of this machine is renamed when it is whole.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec
from fsspec.utils import glob_translate

from agile_classifier.config.addresses.source import BUCKETS, is_pattern, scheme_of
from agile_classifier.data.fetch.buckets import (
    TIMES,
    find_below,
    fixed_part,
    keep_rows,
    open_store,
    refused,
    require_bucket,
    stamp_of,
)
from agile_classifier.errors import InputError, one_line
from agile_classifier.files import write_whole

AT_ONCE = 16
"""Small files that are read at the same time."""


@dataclass(frozen=True)
class Found:
    """A file of a place."""

    name: str
    """Path below the place, with slashes."""
    size: int
    """In bytes."""
    stamp: str
    """What is another once the file is another one."""


@dataclass(frozen=True)
class Place:
    """A folder of this machine, a prefix of a store, or the files of a pattern in either.

    Parameters
    ----------
    address : str
        `folder`, `folder/*.csv`, `s3://bucket/prefix/`, `s3://bucket/2026-*/part-*.parquet`, or one file. A prefix of a
        store ends in a slash.
    """

    address: str

    @property
    def is_local(self) -> bool:
        """Whether it lies on this machine."""
        return scheme_of(self.address) not in BUCKETS

    @cached_property
    def path(self) -> str:
        """Path of the address, as the driver writes it; absolute on this machine."""
        return os.path.abspath(self.address) if self.is_local else str(self._store._strip_protocol(self.address))  # noqa: PTH100

    @cached_property
    def is_matched(self) -> bool:
        """Whether the address is a pattern."""
        return is_pattern(self.address) and not (self.is_local and Path(self.path).exists())

    @cached_property
    def is_file(self) -> bool:
        """Whether the address is that of one file."""
        if self.is_local:
            return Path(self.path).is_file()
        return not self.address.endswith("/")

    @cached_property
    def base(self) -> str:
        """Path that names are below, as the driver writes it, with a slash at its end."""
        if self.is_matched:
            return fixed_part(self.path)
        return f"{PurePosixPath(self.path).parent if self.is_file else self.path}".rstrip("/") + "/"

    def address_of(self, name: str) -> str:
        """What a person calls a file of the place.

        >>> Place("s3://bucket/in/").address_of("monday.csv")  # doctest: +SKIP
        's3://bucket/in/monday.csv'
        """
        return f"{'' if self.is_local else f'{scheme_of(self.address)}://'}{self.base}{name}"

    def list_rows(self) -> list[Found]:
        """The files of rows, by name: neither hidden ones, nor those of hidden folders (`_SUCCESS`, `_parts/…`).

        Raises
        ------
        InputError
            There is none, no such place, not reachable, or not allowed.
        """
        with self._refused():
            self._store.invalidate_cache()
            listed = self._list()
        rows = keep_rows(_with_slashes(listed), below=self.base)
        found = [self._found(path, info) for path, info in sorted(rows.items())]
        if not found:
            with self._refused():
                if not self.is_local:
                    require_bucket(self._store, self.path)
            raise InputError(f"{self.address}: there is no file of rows in it")
        return found

    def list_below(self, folder: str) -> dict[str, Found]:
        """Every file below a folder of the place, hidden or not; none where there is no such folder."""
        with self._refused():
            self._store.invalidate_cache()
            listed = _with_slashes(find_below(self._store, f"{self.base}{folder}".rstrip("/")))
        return {one.name: one for one in (self._found(path, info) for path, info in listed.items())}

    def look(self, name: str) -> Found:
        """What is there under a name now; raises InputError where nothing is."""
        with self._refused(name):
            self._store.invalidate_cache()
            return self._found(f"{self.base}{name}", self._store.info(f"{self.base}{name}"))

    def fetch(self, name: str, target: Path) -> Path:
        """Copy a file of the place to `target`, which is returned."""
        with self._refused(name):
            target.parent.mkdir(parents=True, exist_ok=True)
            self._store.get_file(f"{self.base}{name}", str(target))
        return target

    def read(self, names: Sequence[str]) -> dict[str, bytes]:
        """Contents of small files by name; one that is not there is left out."""
        with ThreadPoolExecutor(AT_ONCE) as readers:
            found = zip(names, readers.map(self._read, names), strict=True)
            return {name: content for name, content in found if content is not None}

    def read_range(self, name: str, *, start: int, end: int) -> bytes:
        """The bytes of a file from `start` on and before `end`, of which only these are fetched."""
        with self._refused(name):
            content: bytes = self._store.cat_file(f"{self.base}{name}", start=start, end=end)
        return content

    def covers(self, path: str) -> bool:
        """Whether a file at a path, as `base` begins, would be one of this place's."""
        if self.is_matched:
            return re.match(glob_translate(self.path), path) is not None
        return path == self.path if self.is_file else path.startswith(self.base)

    def put(self, source: Path, name: str) -> Found:
        """Put a file into the place, over one of the same name; returns what is there then."""
        path = f"{self.base}{name}"
        with self._refused(name):
            if self.is_local:
                _put_file(source, Path(path))
            else:
                self._store.put_file(str(source), path)
        return self.look(name)

    def write(self, name: str, content: Any) -> None:
        """Write a small file of JSON into the place, over one of the same name."""
        text, path = f"{json.dumps(content, indent=1, ensure_ascii=False)}\n", f"{self.base}{name}"
        with self._refused(name):
            if self.is_local:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                write_whole(Path(path), text)
            else:
                self._store.pipe_file(path, text.encode())

    def remove(self, name: str) -> None:
        """Remove a file of the place, if it is there."""
        with self._refused(name):
            if self.is_local:
                Path(f"{self.base}{name}").unlink(missing_ok=True)
            elif self._store.exists(f"{self.base}{name}"):
                self._store.rm_file(f"{self.base}{name}")

    def _read(self, name: str) -> bytes | None:
        with self._refused(name):
            try:
                content: bytes = self._store.cat_file(f"{self.base}{name}")
            except FileNotFoundError:
                return None
        return content

    def _list(self) -> Mapping[str, Mapping[str, Any]]:
        listed: Mapping[str, Mapping[str, Any]]
        if self.is_matched:
            listed = self._store.glob(self.path, detail=True)
        elif self.is_file:
            listed = {self.path: self._store.info(self.path)}
            if listed[self.path]["type"] != "file":
                raise InputError(f"{self.address}: is a prefix; end it in / for every file below it")
        else:
            if self.is_local:
                self._store.info(self.path)
            listed = find_below(self._store, self.path.rstrip("/"))
        return listed

    def _found(self, path: str, info: Mapping[str, Any]) -> Found:
        name = path.removeprefix(self.base) if path.startswith(self.base) else PurePosixPath(path).name
        return Found(name, int(info["size"]), stamp_of(info, TIMES) if self.is_local else stamp_of(info))

    @cached_property
    def _store(self) -> Any:
        return fsspec.filesystem("file") if self.is_local else open_store(self.address)

    @contextmanager
    def _refused(self, name: str | None = None) -> Iterator[None]:
        called = self.address if name is None else self.address_of(name)
        if not self.is_local:
            with refused(called):
                yield
            return
        try:
            yield
        except FileNotFoundError:
            raise InputError(f"{called}: no such file or folder") from None
        except PermissionError as error:
            raise InputError(f"{called}: not allowed: {one_line(error.strerror or error)}") from None


def _put_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.draft")
    shutil.copyfile(source, draft)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(target)


def _with_slashes(listed: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {path.replace(os.sep, "/"): info for path, info in listed.items()}
