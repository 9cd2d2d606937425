"""Bands of tuned classifiers that studies have trained: the promises, against the test rows that were stored with each.

    python -m benchmarks.bands.stored

Nothing is trained: `benchmarks/results/*.parquet` hold the probabilities of validation and test. Each promise is made
for all epochs at once, among which validation chose. The texts are not stored, so near copies and rows of one group
are counted each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]

from agile_classifier.config.training import FineTuneConfig
from agile_classifier.metrics.risk_control import Promised
from benchmarks.bands.tally import ASKED, COLUMNS, CONFIDENCE, Judged, Tally, count_split

RESULTS = Path(__file__).parent.parent / "results"


def main() -> int:
    """Print a line for each file that holds such classifiers, and pair of promises."""
    print(COLUMNS)
    for path in sorted(RESULTS.glob("*.parquet")):
        cells = list(_read_tuned(path))
        if not cells:
            continue
        tallies = [Tally(path.stem, "tuned, stored", precision, miss_rate) for precision, miss_rate in ASKED]
        for cell in cells:
            epochs = cell["decides"].get("fine_tune", {}).get("epochs", FineTuneConfig().epochs)
            validation, test = (_judge(cell, ending) for ending in ("_validation", ""))
            for tally in tallies:
                promised = Promised(tally.precision, tally.miss_rate, CONFIDENCE, n_choices=epochs)
                count_split(tally, promised, validation, test, share=float(validation[0].mean()))
        print(*(tally.line for tally in tallies), sep="\n")
    return 0


def _read_tuned(path: Path) -> Iterator[dict[str, Any]]:
    """Cells of tuned classifiers that have validation rows."""
    for cell in pq.read_table(path).to_pylist():
        decides = json.loads(cell["decides"])
        if cell["y_true_validation"] and "baseline" not in decides:
            yield {**cell, "decides": decides}


def _judge(cell: dict[str, Any], ending: str) -> Judged:
    score = np.asarray(cell[f"y_score{ending}"])
    return np.asarray(cell[f"y_true{ending}"]), np.column_stack([1 - score, score])


if __name__ == "__main__":
    raise SystemExit(main())
