"""Config files: the run configurations that come with the project, and what each is for."""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path

from agile_classifier.ops.state.home import CONFIGS

OTHERS = ("schedules.yaml",)
"""Files beside them that describe no run."""


def list_configs() -> dict[Path, str]:
    """Every run configuration, by the shortest path from the current folder, with the first sentence of its head comment."""
    return {_shortened(path): read_purpose(path) for path in sorted(CONFIGS.glob("*.yaml")) if path.name not in OTHERS}


def read_purpose(path: Path) -> str:
    """First sentence of the comment that a YAML opens with; empty where there is none."""
    head = takewhile(lambda line: line.startswith("#"), path.read_text(encoding="utf-8").splitlines())
    comment = " ".join(line.lstrip("#").strip() for line in head)
    return re.split(r"(?<=[.!?])\s", comment, maxsplit=1)[0]


def _shortened(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
