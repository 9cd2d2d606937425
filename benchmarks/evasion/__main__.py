"""What normalisation and augmentation buy: plain and attacked ETHOS, over splits.

    python -m benchmarks.evasion [--model NAME] [--splits N] [--part PART] [--results FILE]

Every arm trains the quickstart's recipe (MiniLM, three epochs) on the same rows of a split, chooses checkpoint and
decision threshold on plain validation rows, and answers the same test rows as they are and under each attack. `--model
probe` puts logistic regression on the untuned model in its place, which takes a minute; `--model prompted` asks
SmolLM2-135M by a prompt, and counts how many answers prompt injections turn. A finished cell is kept in the results
file (JSON lines) and not run again. What is recommended is chosen by `--model probe --part validation`. Exit status 0.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.evasion.cells import ARMS, JUDGED, MODELS, run_cell
from benchmarks.evasion.tables import in_words

RESULTS = Path(__file__).parents[1] / "results" / "evasion.jsonl"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is missing, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS, default="tuned")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--part", choices=("test", "validation"), default="test")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    if given.part not in JUDGED[given.model]:
        parser.error(f"--part {given.part}: of --model {given.model} only {', '.join(JUDGED[given.model])} is attacked")
    arms = ("nothing",) if given.model == "prompted" else tuple(ARMS)
    wanted = [(given.model, arm, split) for split in range(given.splits) for arm in arms]
    done = {(cell["model"], cell["arm"], cell["split"]): cell for cell in read_cells(given.results)}
    for key in wanted:
        if key not in done:
            done[key] = run_cell(*key)
            with given.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(done[key]) + "\n")
    print(in_words([done[key] for key in wanted], part=given.part))
    return 0


def read_cells(path: Path) -> list[dict[str, Any]]:
    """Finished cells; none where the file is missing."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


if __name__ == "__main__":
    raise SystemExit(main())
