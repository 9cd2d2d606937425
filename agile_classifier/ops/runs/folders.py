"""Folder: a model's or an adapter's files, as one value that passes between steps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Folder:
    """A local folder; its content, not its place, is its identity."""

    path: Path
