"""Written files: whole or not at all; and the end of one that grows."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from agile_classifier.errors import InputError


def write_whole(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Put a text in the place of a file at once, so that no reader and no crash sees half of it."""
    fresh = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def require_place(output: Path, *, begins: str | None = None, what: str = "") -> None:
    """Raise InputError where no file could be written, or somebody else's would be; before the work whose result it holds.

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


def read_end(path: Path, *, n_bytes: int) -> str:
    """The last bytes of a file that may be long, as text."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - n_bytes))
        return file.read().decode(errors="replace")
