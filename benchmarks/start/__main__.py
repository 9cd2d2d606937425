"""What a start that knows the field brings: ETHOS from 200 and 800 comments, with and without one on EDOS.

    python -m benchmarks.start [--config ethos] [--sizes 200 800] [--splits N] [--folder DIR] [--table FILE]

| arm | what it is |
| --- | --- |
| plain | the config as it is shipped |
| votes | its targets are the shares of the raters: binomial votes |
| started | its adapter goes on from one that was tuned on EDOS' 14,000 texts (CC0) for one epoch |
| started, votes | both |

All arms of a split learn from the same comments and are judged on the same test rows, of which copies of EDOS' texts
are left out. Nothing is chosen by what is measured. A difference is to `plain` on the same split; ± is half a 95 %
interval over splits, corrected for the rows that they share (Nadeau and Bengio 2003). A finished split is kept in the
folder.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from agile_classifier.config.files import load_config
from agile_classifier.environment import cache
from agile_classifier.studies.report.statistics import mean_over_splits
from benchmarks.quality import CONFIGS
from benchmarks.start.cells import ARMS, METRICS, run_cell, train_start

Found = Mapping[str, Mapping[str, float]]
"""Arm → metric → value on test."""
TITLES = {"roc_auc": "ROC AUC", "f1": "F1"}


def main(arguments: list[str] | None = None) -> int:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="ethos", help="a config of ETHOS")
    parser.add_argument("--sizes", type=int, nargs="+", default=[200, 800])
    parser.add_argument("--splits", type=int, default=6, help="splits 0, 1, … of each size")
    parser.add_argument("--folder", type=Path, help="where the start and finished splits are kept")
    parser.add_argument("--table", type=Path)
    given = parser.parse_args(arguments)
    folder = given.folder or cache().parent / "benchmarks" / f"start-{given.config}"
    folder.mkdir(parents=True, exist_ok=True)
    start = train_start(load_config(CONFIGS / f"{given.config}.yaml"), folder)
    lines = ["| examples | arm | splits | " + " | ".join(f"{title} | difference" for title in TITLES.values()) + " |"]
    lines.append("| --- " * (3 + 2 * len(METRICS)) + "|")
    for size in given.sizes:
        cells = [_run_once(folder, given.config, start, size, split) for split in range(given.splits)]
        lines += _rows(size, cells)
    table = "\n".join(lines)
    print(table, flush=True)
    if given.table:
        given.table.write_text(table + "\n", encoding="utf-8")
    return 0


def _run_once(folder: Path, config: str, start: Path, size: int, split: int) -> Found:
    """The cells of one split, read where they have been run."""
    kept = folder / f"{size}-{split}.json"
    if not kept.exists():
        found = run_cell(config, start=start, size=size, split=split)
        print(f"{config}, {size} examples, split {split}: {found}", flush=True)
        kept.write_text(json.dumps(found) + "\n", encoding="utf-8")
    read: Found = json.loads(kept.read_text(encoding="utf-8"))
    return read


def _rows(size: int, cells: Sequence[Found]) -> Iterator[str]:
    for arm in ARMS:
        shown = []
        for metric in METRICS:
            values = np.asarray([cell[arm][metric] for cell in cells])
            plain = np.asarray([cell["plain"][metric] for cell in cells])
            say = partial(_mean, test_share=cells[0][arm]["n_test"] / size)
            shown += [say(values), "" if arm == "plain" else say(values - plain, sign="+")]
        yield f"| {size} | {arm} | {len(cells)} | {' | '.join(shown)} |"


def _mean(values: np.ndarray, *, test_share: float, sign: str = "") -> str:
    """Mean over splits, and half of its 95 % interval; of one split the value alone."""
    found = mean_over_splits(values, test_share=test_share)
    return f"{found.mean:{sign}.3f}" + (f" ± {found.half:.3f}" if found.n > 1 else "")


if __name__ == "__main__":
    raise SystemExit(main())
