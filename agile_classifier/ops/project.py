"""Code digest: whether an image holds the code of this folder, and which commit that is.

python -m agile_classifier.ops.project
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
CODE = ("agile_classifier", "configs", "pipelines", "steps")


def code_digest() -> str:
    """SHA-256 over names and contents of the code that an image of the steps holds, 16 hex digits."""
    digest = hashlib.sha256()
    for path in sorted(_code_files()):
        digest.update(f"{path.relative_to(PROJECT).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def git_commit() -> str:
    """The project's commit, with `-dirty` where files differ from it; `unknown` outside a git checkout."""
    command = ["git", "-C", str(PROJECT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # a container has no git
        return "unknown"
    return done.stdout.strip() or "unknown"


def _code_files() -> Iterator[Path]:
    for folder in CODE:
        yield from (path for path in (PROJECT / folder).rglob("*") if path.is_file() and path.suffix != ".pyc")
    yield PROJECT / "constraints.txt"


if __name__ == "__main__":
    print(code_digest())
