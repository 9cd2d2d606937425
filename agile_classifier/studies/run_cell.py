"""Run cell: one cell of a study, from standard input into `results/cells`. Started by `agile_classifier.studies.run`, in a process of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from agile_classifier.config.files import parse_config
from agile_classifier.errors import GateRefused, InputError
from agile_classifier.studies.cells import write_cell
from agile_classifier.studies.file import Cell
from agile_classifier.studies.trial import run_trial


def main() -> None:
    """Read the cell, run it, keep what came of it, and print where."""
    given = json.load(sys.stdin)
    place = {name: given[name] for name in ("contender", "size", "split", "seed", "baseline")}
    cell = Cell(**place, config=parse_config(given["parameters"], name=given["contender"]))
    path = write_cell(
        cell,
        run_trial(cell.config, baseline=cell.baseline),
        command=given["command"],
        commit=given["commit"],
        folder=Path(given["folder"]),
    )
    print(path)


if __name__ == "__main__":
    try:
        main()
    except (InputError, GateRefused) as error:  # the study tells of it as of any other cell that fails
        sys.exit(str(error))
