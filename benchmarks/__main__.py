"""Every benchmark that needs nothing but this machine, one after the other, each in a process of its own.

    python -m benchmarks

Takes many hours. Exit code 1 where one failed or missed a target; the last lines say which.
"""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = (
    "dropout", "lora", "scoring", "serving", "batch_scoring", "training", "cells", "losses", "queue", "quality",
    "waiting", "preparing", "several", "abuse.held", "abuse.memory", "front_door", "front_door.duplicates",
    "front_door.fuzz", "front_door.public", "quarter", "bands", "bands.stored", "blending", "evasion", "hurt",
    "many", "defaults", "start",
)  # fmt: skip
"""Modules below `benchmarks`, speed first, then the doors, then quality, which trains for hours."""
LEFT_OUT = {
    "explain": "needs captum",
    "parts": "needs a registered version and a file of texts",
}
"""Module → why it is not among them."""


def main() -> int:
    """Run all, and say which failed."""
    codes = {}
    for name in BENCHMARKS:
        print(f"== python -m benchmarks.{name}", flush=True)
        codes[name] = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
    failed = [name for name, code in codes.items() if code]
    print(f"failed, or missed a target: {', '.join(failed)}" if failed else "every target was met")
    return int(bool(failed))


if __name__ == "__main__":
    raise SystemExit(main())
