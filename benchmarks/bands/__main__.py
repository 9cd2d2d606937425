"""How often the promises of three bands hold, against how often they are promised to.

    python -m benchmarks.bands [--data NAME …] [--models NAME …] [--splits 20] [--draws 200] [--json FILE]

Trains on a third of the texts, finds bands on a third, and looks on the last third whether what they promise is so. A
rate on so few test rows may be below a level by chance, so each split's held-out rows are also taken for all texts
that there are: validation rows are drawn from them anew, `draws` times, and what bands found on those promise is held
against the very truth. Exit status 1 where promises that were drawn so hold less often than promised, beyond chance.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from benchmarks.bands.scores import CHOICES, DATA, MODELS, score_splits
from benchmarks.bands.tally import COLUMNS, tally_splits


def main(arguments: list[str] | None = None) -> int:
    """Print the table; see the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    quick = [name for name in DATA if "train" not in name]
    parser.add_argument("--data", nargs="+", choices=list(DATA), default=quick)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=["tfidf", "probe"])
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--choices", type=int, help="checkpoints that are allowed for, in place of all there are")
    parser.add_argument("--rows", action="store_true", help="count rows of one group as if each stood for itself")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    print(COLUMNS)
    tallies = []
    for data in given.data:
        for model in given.models:
            n_choices = given.choices or CHOICES[model]
            scored = score_splits(data, model, splits=given.splits)
            for tally in tally_splits(scored, data, model, draws=given.draws, n_choices=n_choices, each_row=given.rows):
                tallies.append(tally)
                print(tally.line, flush=True)
    if given.json:
        given.json.write_text(json.dumps([asdict(tally) for tally in tallies], indent=1) + "\n", encoding="utf-8")
    return int(any(tally.fails for tally in tallies))


if __name__ == "__main__":
    raise SystemExit(main())
