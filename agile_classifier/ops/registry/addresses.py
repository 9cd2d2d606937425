"""Addresses: folders anywhere that fsspec reaches, a disk or an object store, and files on their way there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec

from agile_classifier.errors import InputError


def open_address(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it.

    Raises
    ------
    InputError
        No such scheme, or its driver is not installed (names the package).
    """
    try:
        filesystem, path = fsspec.url_to_fs(address)
    except ImportError as error:  # fsspec's own words: `Install s3fs to access S3`
        raise InputError(f"--output {address}: {error}") from None
    except ValueError as error:
        raise InputError(f"--output {address}: {error}") from None
    return filesystem, path


def require_empty(address: str) -> None:
    """Raise InputError where something stands at an address: a file, or a folder that holds anything."""
    filesystem, path = open_address(address)
    if filesystem.exists(path) and (filesystem.isfile(path) or filesystem.ls(path, detail=False)):
        raise InputError(f"--output {address}: is there already and not empty; --force writes over it")


def copy_folder(folder: Path, address: str) -> None:
    """Copy a local folder's files to an address; files of other names that stand there stay.

    Raises
    ------
    InputError
        The address cannot be written.
    """
    filesystem, path = open_address(address)
    try:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                target = f"{path}/{file.relative_to(folder).as_posix()}"
                filesystem.makedirs(target.rpartition("/")[0], exist_ok=True)
                filesystem.put_file(str(file), target)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise InputError(f"--output {address}: cannot be written ({error.strerror or error})") from None
