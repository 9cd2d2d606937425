"""Files: written whole or not at all, read as YAML, known by their digests."""

from __future__ import annotations

import glob
import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import yaml

from agile_classifier.errors import InputError, one_line

PICKLED = frozenset(
    {".bin", ".ckpt", ".dill", ".joblib", ".npy", ".npz", ".pickle", ".pkl", ".pt", ".pth"}
)  # fmt: skip
"""Suffixes of files that are pickles, or may hold some: loading one can run code, so none is read."""
Parsed = TypeVar("Parsed")


def write_whole(path: Path, content: str | bytes, *, mode: int = 0o644) -> None:
    """Write a file, of text as UTF-8, whole or not at all, so that no reader and no crash leaves half of it."""
    fresh = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:  # a full disk, or an interrupt
        fresh.unlink(missing_ok=True)
        raise


def require_place(output: Path, *, begins: str | None = None, what: str = "") -> None:
    """Raise InputError where no file could be written, or somebody else's would be.

    Before the work whose result it holds.

    Parameters
    ----------
    begins : str, optional
        How a file that may be written over begins.
    what : str
        What it is then, for a reader.
    """
    if output.is_dir():
        raise InputError(f"--output {output}: is a folder; name a file")
    if not output.absolute().parent.is_dir():
        raise InputError(f"--output {output}: there is no folder {output.absolute().parent}")
    if begins and output.exists() and not output.read_text(encoding="utf-8", errors="replace").startswith(begins):
        raise InputError(f"--output {output}: exists already, and is no {what}; name another file")


def match_files(pattern: Path) -> list[Path]:
    """The files that a pattern (`*`, `?`, `[a-z]`, `**` for folders) matches, by name; of no pattern, what is there."""
    if pattern.exists():
        return [pattern]
    return sorted(path for found in glob.glob(str(pattern), recursive=True) if (path := Path(found)).is_file())  # noqa: PTH207


def read_end(path: Path, *, n_bytes: int) -> str:
    """Read the last bytes of a file, which may be long, as text."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - n_bytes))
        return file.read().decode(errors="replace")


def read_yaml(path: Path, *, what: str) -> Any:
    """Read a YAML file.

    Parameters
    ----------
    what : str
        Kind of the file, for the error if it is missing: `config file`.

    Raises
    ------
    InputError
        The file is missing, is no text, or is no YAML.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such {what}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text: {error}") from None
    except (yaml.YAMLError, ValueError) as error:  # a date such as 2026-13-01 is a ValueError
        raise InputError(f"{path}: not a YAML file: {one_line(error)}") from None


def parse_own(path: Path, parse: Callable[[bytes], Parsed], *, way_on: str) -> Parsed:
    """Parse a file that this project has written.

    Parameters
    ----------
    way_on : str
        What to do where it is damaged.

    Raises
    ------
    InputError
        The file is gone or damaged.
    """
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: is gone; {way_on}") from None
    except ValueError as error:  # pydantic's errors and those of JSON and UTF-8 are ValueErrors
        raise InputError(f"{path}: damaged: {one_line(error, longest=120)}; {way_on}") from None


def content_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tree_digest(folder: Path) -> str:
    """SHA-256 over the sorted relative names and the contents of every file below a folder, 64 hex digits."""
    digest = hashlib.sha256()
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    for name in sorted(files):
        digest.update(f"{name}\0{content_digest(files[name])}\n".encode())
    return digest.hexdigest()
