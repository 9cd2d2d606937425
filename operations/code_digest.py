"""Code digest: whether an image holds the code of this folder.

python -m operations.code_digest
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
CODE = ("classifier", "configs", "operations", "pipelines", "steps")


def code_digest() -> str:
    """SHA-256 over names and contents of the code that an image of the steps holds, 16 hex digits."""
    digest = hashlib.sha256()
    for path in sorted(_code_files()):
        digest.update(f"{path.relative_to(PROJECT).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _code_files() -> Iterator[Path]:
    for folder in CODE:
        yield from (path for path in (PROJECT / folder).rglob("*") if path.is_file() and path.suffix != ".pyc")
    yield PROJECT / "constraints.txt"


if __name__ == "__main__":
    print(code_digest())
