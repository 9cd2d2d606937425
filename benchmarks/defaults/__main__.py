"""Tuned as every default says, beside a linear probe of the untuned model: on no task may tuning lose beyond noise.

    python -m benchmarks.defaults [--task NAME …] [--sizes N …] [--splits N] [--test-rows N] [--results FILE]
                                  [--set FIELD=VALUE …]

VADER's four data sets and EDOS, MiniLM, 200 and 800 texts. The probe is logistic regression on the same model's
features, as every run's baseline `frozen` is. Figures are means over splits of ROC AUC on the same test rows, with 95 %
intervals that are corrected for the rows that splits share (Nadeau and Bengio 2003). ETHOS stands in the study of
docs/results.md. `--set` tries another recipe. A finished cell is kept in the results file (JSON lines), and not run
again. Exit code 1 where the probe is better beyond noise.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agile_classifier.studies.report.statistics import mean_over_splits
from agile_classifier.studies.trial import read_parts, run_on_parts
from benchmarks.defaults.tasks import TASKS, task_config


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is missing, and print a line a task and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--sizes", nargs="+", type=int, default=[200, 800])
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--test-rows", type=int, default=1000)
    parser.add_argument("--results", type=Path, default=Path("defaults.jsonl"))
    parser.add_argument("--set", nargs="*", default=[], dest="overrides", metavar="FIELD=VALUE")
    given = parser.parse_args(arguments)
    places = [(split, task, size) for split in range(given.splits) for task in given.task for size in given.sizes]
    cells = [
        run_cell(*place, n_test=given.test_rows, results=given.results, overrides=given.overrides) for place in places
    ]
    table = tabulate(pd.DataFrame(cells))
    print(table.to_string(index=False))
    return int((table["tuned - probe"] + table["±"] < 0).any())


def run_cell(
    split: int, task: str, size: int, *, n_test: int, results: Path, overrides: Sequence[str] = ()
) -> dict[str, Any]:
    """ROC AUC of both on one choice of rows, from the results file where it is there."""
    place = {"task": task, "size": size, "split": split, "n_test": n_test, "set": list(overrides)}
    for cell in _read(results):
        if place.items() <= cell.items():
            return cell
    config = task_config(task, size=size, split=split, n_test=n_test, overrides=overrides)
    parts, class_names = read_parts(config)
    tuned = run_on_parts(config, parts, class_names)
    probe = run_on_parts(config, parts, class_names, baseline="frozen")
    cell = {
        **place,
        "tuned": tuned.metrics["roc_auc"],
        "probe": probe.metrics["roc_auc"],
        "train_seconds": tuned.train_seconds,
    }
    with results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(cell) + "\n")
    print(cell, flush=True)
    return cell


def tabulate(cells: pd.DataFrame) -> pd.DataFrame:
    """A row a task and size: means over splits, their paired difference, and half of its 95 % interval."""
    rows = []
    for (task, size), own in cells.groupby(["task", "size"], sort=False):
        difference = mean_over_splits(own["tuned"] - own["probe"], test_share=own["n_test"].iloc[0] / size)
        rows.append({
            "task": task, "n train": size, "splits": difference.n, "tuned": round(own["tuned"].mean(), 4),
            "probe": round(own["probe"].mean(), 4), "tuned - probe": round(difference.mean, 4),
            "±": round(np.nan_to_num(difference.half), 4), "wins": int((own["tuned"] > own["probe"]).sum()),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _read(results: Path) -> list[dict[str, Any]]:
    if not results.exists():
        return []
    return [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    raise SystemExit(main())
