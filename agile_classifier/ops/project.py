"""The project: where pipelines, steps and configs lie, and which code they are. The one module that knows.

    python -m agile_classifier.ops.project

prints the digest of the code, which an image of the steps is labelled with.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
CONFIGS = PROJECT / "configs"
STUDIES = CONFIGS / "studies"
STUDIES_PAGE = PROJECT / "docs" / "results.md"
"""Page of the studies that come with the project."""
STUDY_RESULTS = PROJECT / "benchmarks" / "results"
"""Finished cells of these studies, a Parquet file each."""
LOCK = "constraints.txt"
"""File of the project that holds the versions of every package."""
CODE = ("agile_classifier", "configs", "pipelines", "steps")
COMMAND = (sys.executable, "-m", "agile_classifier")
"""How a process of its own runs a command of `agile`."""


def load_pipeline(name: str) -> Any:
    """A pipeline of the project by its name, `training`: the call of `zenml pipeline run pipelines.training.training`."""
    from zenml.utils import source_utils

    source_utils.set_custom_source_root(str(PROJECT))
    return source_utils.load(f"pipelines.{name}.{name}")


def is_shipped(study: Path) -> bool:
    """Whether a study's file is one of the checkout's own, whose results lie there too."""
    return study.resolve().parent == STUDIES and STUDY_RESULTS.is_dir()


def list_pipelines() -> set[str]:
    """Names of the project's pipelines."""
    return {path.stem for path in (PROJECT / "pipelines").glob("[!_]*.py")}


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


def list_configs() -> dict[Path, str]:
    """Every run configuration, by the shortest path from the current folder, with the first sentence of its head comment."""
    return {_shortened(path): read_purpose(path) for path in sorted(CONFIGS.glob("*.yaml"))}


def read_purpose(path: Path) -> str:
    """First sentence of the comment that a YAML opens with; empty where there is none."""
    head = takewhile(lambda line: line.startswith("#"), path.read_text(encoding="utf-8").splitlines())
    comment = " ".join(line.lstrip("#").strip() for line in head)
    return re.split(r"(?<=[.!?])\s", comment, maxsplit=1)[0]


def _code_files() -> Iterator[Path]:
    for folder in CODE:
        yield from (path for path in (PROJECT / folder).rglob("*") if path.is_file() and path.suffix != ".pyc")
    yield PROJECT / LOCK


def _shortened(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    print(code_digest())
