"""A server of ours held against its OpenAPI document by schemathesis: some hundred requests, right and wrong ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def require_conformance(port: int, folder: Path) -> None:
    """No 5xx, no status, header, content type or form that the document does not know, and nothing accepted that it forbids.

    What it allows may be refused: that a text is blank, or a config unknown, no schema says.
    """
    words = [
        sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{port}/openapi.json", "--checks", "all",
        "--exclude-checks", "positive_data_acceptance", "--phases", "examples,coverage,fuzzing", "--max-examples", "10", "--seed", "1", "--no-color",
    ]  # fmt: skip
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
