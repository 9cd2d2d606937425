"""Servers that a measurement starts: `agile serve` and `agile deploy`, each on a free port, ended afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Started:
    """A server's process, port and log."""

    process: subprocess.Popen[str]
    port: int
    log: Path


@contextmanager
def started(*words: str, environment: Mapping[str, str] = os.environ) -> Iterator[Started]:
    """`agile WORDS --port 0`, once it answers."""
    with tempfile.TemporaryDirectory(prefix="agile-abuse-") as folder:
        log = Path(folder) / "log.txt"
        with log.open("w", encoding="utf-8") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "agile_classifier", *words, "--port", "0"],
                env=dict(environment), stdout=subprocess.PIPE, stderr=file, text=True,
            )  # fmt: skip
        try:
            line = process.stdout.readline() if process.stdout else ""
            if "http://" not in line:
                raise RuntimeError(f"agile {words[0]} does not start:\n{log.read_text(encoding='utf-8')}")
            yield Started(process, int(line.rpartition(":")[2]), log)
        finally:
            process.terminate()
            process.wait(60)
