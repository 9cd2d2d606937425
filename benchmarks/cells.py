"""What a cell of a study costs, against the run of the pipeline that trains the same config on the same rows.

    python -m benchmarks.cells [--config NAME] [--cells N] [--json FILE]

Runs `agile train CONFIG --no-cache` and `agile study` with N cells of that config, one after the other, each command
whole: its imports, ZenML, reading and judging included. The target: a cell takes at most 1.1 times the run. Exit status
1 above it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import yaml

from agile_classifier.environment import cache
from benchmarks.quality import CONFIGS

TARGET = 1.1
"""A cell's time over the run's."""


def main(arguments: list[str] | None = None) -> int:
    """Print both times, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="quickstart")
    parser.add_argument("--cells", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="agile-bench-") as scratch:
        state = _prepare(Path(scratch) / "state")
        run = _timed(state, "train", str(CONFIGS / f"{given.config}.yaml"), "--no-cache")
        study = _write_study(Path(scratch), config=given.config, n_cells=given.cells)
        folders = ("--results", f"{scratch}/cells", "--output", f"{scratch}/RESULTS.md")
        cell = _timed(state, "study", str(study), *folders) / given.cells
    found = {"config": given.config, "cells": given.cells, "run_s": run, "cell_s": cell, "ratio": cell / run}
    if given.json:
        given.json.write_text(json.dumps(found) + "\n", encoding="utf-8")
    met = "met" if found["ratio"] <= TARGET else "MISSED"
    print(
        f"{given.config}: run {run:.0f} s, cell {cell:.0f} s of {given.cells}: {cell / run:.2f} times, target "
        f"{TARGET:g} {met}"
    )
    return int(found["ratio"] > TARGET)


def _write_study(folder: Path, *, config: str, n_cells: int) -> Path:
    """A study of the config's own split and seed, and of other seeds; configs stand in the folder above the study's."""
    (folder / "studies").mkdir()
    parameters = (CONFIGS / f"{config}.yaml").read_text(encoding="utf-8")
    (folder / f"{config}.yaml").write_text(parameters, encoding="utf-8")
    split = yaml.safe_load(parameters)["parameters"].get("split", {}).get("seed", 0)
    study = {
        "title": "cost", "reference": "tuned", "splits": [split], "seeds": list(range(n_cells)),
        "contenders": {"tuned": {"config": config}},
    }  # fmt: skip
    path = folder / "studies" / "cost.yaml"
    path.write_text(yaml.safe_dump({"study": study}), encoding="utf-8")
    return path


def _prepare(state: Path) -> dict[str, str]:
    """The environment of a state folder of its own, so that no champion of anybody's moves.

    Downloads are shared, and databases made beforehand.
    """
    state.mkdir()
    cache().mkdir(parents=True, exist_ok=True)
    (state / "cache").symlink_to(cache())
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ZENML_", "MLFLOW_"))}
    environment = {**kept, "AGILE_HOME": str(state)}
    _timed(environment, "doctor")
    return environment


def _timed(environment: Mapping[str, str], *arguments: str) -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "agile_classifier", *arguments], check=True, env=dict(environment))
    return time.monotonic() - began


if __name__ == "__main__":
    raise SystemExit(main())
