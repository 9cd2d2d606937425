"""Packed files: the one file of rows in a .gz or .zip, read from its top or laid out for a reader that jumps."""

from __future__ import annotations

import gzip
import lzma
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

from agile_classifier.errors import InputError, one_line

GZIP = ".gz"
ZIP = ".zip"
STREAMED = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson")
"""Formats that are read from the top, so that they may be packed by gzip too."""
LAID_OUT = (".ods", ".parquet", ".xlsx")
"""Formats whose readers jump."""
LARGEST_STREAMED = 16 * 2**30
"""Largest size that a zip may say of its file, in bytes: a guard against archives made to run for ever."""
LARGEST_LAID_OUT = 2**31
"""Largest file that is laid out, in bytes: a guard against archives made to fill a disk."""
BROKEN = (
    *(
        zipfile.BadZipFile,
        lzma.LZMAError,
        zlib.error,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
        UnicodeError,
    ),
)
"""What damaged, encrypted or unsupported archives raise, also by the names of their files."""


def read_suffix(path: Path) -> str:
    """The suffix that names the format, lower-cased: `.csv` of `texts.CSV`, of `texts.csv.gz` and of a zip with it.

    Raises
    ------
    InputError
        A zip that holds no file of rows, or several.
    """
    suffix = path.suffix.lower()
    if suffix == ZIP and path.is_file():
        with path.open("rb") as file:
            return PurePosixPath(_find_member(path, file)[1].filename).suffix.lower()
    inner = Path(path.stem).suffix.lower() if suffix == GZIP else suffix
    return inner if inner in STREAMED else suffix


def unpack(path: Path, file: BinaryIO) -> IO[bytes]:
    """The bytes of the file of rows, from the top; `file` is the open path."""
    suffix = path.suffix.lower()
    if suffix == GZIP:
        return cast(IO[bytes], gzip.GzipFile(fileobj=file))
    if suffix != ZIP:
        return file
    archive, member = _find_member(path, file)
    try:
        return archive.open(member)
    except BROKEN as error:
        raise _refusal(path, error) from None


@contextmanager
def laid_out(path: Path) -> Iterator[BinaryIO]:
    """The file of rows as one that can be jumped in: itself, or unpacked into a temporary file."""
    with path.open("rb") as file:
        if path.suffix.lower() != ZIP:
            yield file
            return
        archive, member = _find_member(path, file)
        if member.file_size > LARGEST_LAID_OUT:
            raise InputError(f"{path}: refused: {member.filename} unpacks to more than {LARGEST_LAID_OUT // 2**30} GiB")
        with tempfile.TemporaryFile() as target:
            try:
                with archive.open(member) as source:
                    shutil.copyfileobj(source, target, 2**20)
            except BROKEN as error:
                raise _refusal(path, error) from None
            target.seek(0)
            yield target


def _find_member(path: Path, file: BinaryIO) -> tuple[zipfile.ZipFile, zipfile.ZipInfo]:
    try:
        archive = zipfile.ZipFile(file)
    except BROKEN as error:
        raise _refusal(path, error) from None
    files = [info for info in archive.infolist() if _is_content(info)]
    found = [info for info in files if PurePosixPath(info.filename).suffix.lower() in (*STREAMED, *LAID_OUT)]
    if len(found) != 1:
        names = ", ".join(repr(info.filename) for info in (found or files)[:5]) or "nothing"
        more = f" and {len(found or files) - 5} more" if len(found or files) > 5 else ""
        raise InputError(
            f"{path}: a .zip is read where it holds one file of rows ({', '.join((*STREAMED, *LAID_OUT))}); "
            f"it holds {names}{more}: unpack the one that is meant"
        )
    if found[0].file_size > LARGEST_STREAMED:
        raise InputError(f"{path}: refused: {found[0].filename} unpacks to more than {LARGEST_STREAMED // 2**30} GiB")
    return archive, found[0]


def _is_content(info: zipfile.ZipInfo) -> bool:
    """Neither a folder nor what a Mac lays beside files."""
    parts = PurePosixPath(info.filename).parts
    return not info.is_dir() and "__MACOSX" not in parts and not parts[-1].startswith(".")


def _refusal(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: cannot be read: {one_line(error)}")
