"""Quality of the shipped configs: several seeds or splits, means with 95 % intervals, time and memory, against targets.

    python -m benchmarks.quality [--only NAME …] [--repeats N] [--results FILE]

Each run is a process of its own, so that its peak memory is its own; a finished run is kept in the results file (JSON
lines) and not repeated. Nothing is chosen here: the configs are run as they are shipped. Exit code 1 below a target.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

CONFIGS = Path(__file__).parent.parent / "configs"


@dataclass(frozen=True)
class Row:
    """One line of the table: a config, what differs, and what varies from run to run."""

    config: str
    differs: tuple[str, ...] = ()
    varies: str = "fine_tune.seed"
    targets: tuple[tuple[str, float], ...] = ()


ROWS = {
    "ethos-minilm-nf4": Row("ethos", targets=(("f1", 0.77), ("roc_auc", 0.87))),
    "ethos-minilm-int8": Row("ethos", ("model.quantization=int8",)),
    "ethos-minilm-none": Row("ethos", ("model.quantization=none",)),
    "ethos-minilm-nf4-loftq": Row("ethos", ("fine_tune.initialization=loftq",)),
    "ethos-200-minilm-nf4": Row("ethos-200", targets=(("roc_auc", 0.82),)),
    "ethos-smollm2-nf4": Row("ethos-smollm2", targets=(("f1", 0.81), ("roc_auc", 0.84))),
    "ethos-200-smollm2-nf4": Row("ethos-smollm2", ("split.train=200",)),
    "ethos-smollm2-nf4-splits": Row("ethos-smollm2", varies="split.seed"),
    "ethos-gemma-270m-nf4-splits": Row("ethos-gemma-270m", varies="split.seed"),
    "ethos-gemma-270m-nf4": Row("ethos-gemma-270m"),
    "ethos-200-gemma-270m-nf4": Row("ethos-gemma-270m", ("split.train=200",)),
    "ethos-mpnet-nf4": Row("ethos-mpnet", targets=(("f1", 0.83), ("roc_auc", 0.90))),
    "unfair-tos-minilm-nf4": Row("unfair-tos", ("model.members=[]",), varies="split.seed", targets=(("f1", 0.77),)),
    "unfair-tos-minilm-nf4-unrepaired": Row("unfair-tos", ("model.members=[]", "data.repair=[]"), varies="split.seed"),
}


def main(arguments: list[str] | None = None) -> int:
    """Run what is missing, print the table, say which targets were missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", nargs="+", choices=list(ROWS), default=[name for name in ROWS if "-splits" not in name]
    )
    parser.add_argument("--repeats", type=int, default=3, help="seeds or splits 0, 1, … of each")
    parser.add_argument("--results", type=Path, default=Path("quality.jsonl"))
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.one:
        print(json.dumps(measure(ROWS[given.one[0]], given.one[1])))
        return 0
    done, seeds = _read(given.results), [str(seed) for seed in range(given.repeats)]
    for name in given.only:
        for seed in seeds:
            if (name, seed) not in done:
                done[name, seed] = _measure_apart(name, seed)
                with given.results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"row": name, "seed": seed, **done[name, seed]}) + "\n")
    missed = [_print(name, [done[name, seed] for seed in seeds]) for name in given.only]
    return int(any(missed))


def measure(row: Row, seed: str) -> dict[str, float]:
    """Train and judge a config once, as it is shipped but for what the row says."""
    from agile_classifier.config.files import load_config
    from agile_classifier.studies.trial import read_parts

    config = load_config(CONFIGS / f"{row.config}.yaml", overrides=(*row.differs, f"{row.varies}={seed}"))
    return train_and_judge(config, *read_parts(config))


def train_and_judge(config: Any, parts: dict[str, Any], class_names: list[str]) -> dict[str, float]:
    """Train on `train` and judge on `test`, as the pipeline does; two baselines beside it."""
    from agile_classifier.studies.trial import run_on_parts

    ours = run_on_parts(config, parts, class_names)
    found = {name: ours.metrics[name] for name in ("f1", "roc_auc")}
    for name in ("tfidf", "tfidf_svm"):
        theirs = run_on_parts(config, parts, class_names, baseline=name).metrics
        found |= {f"{name}_f1": theirs["f1"], f"{name}_roc_auc": theirs["roc_auc"]}
    taken = {"train_seconds": ours.train_seconds, "peak_gigabytes": ours.peak_gigabytes}
    return {**found, "n_test": len(parts["test"]), **taken}


def _measure_apart(name: str, seed: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.quality", "--one", name, seed]
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}  # as agile_classifier.ops.state.home sets it
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(f"{name} {ROWS[name].varies}={seed}: {found}", flush=True)
    return found


def _print(name: str, runs: list[dict[str, float]]) -> bool:
    row = ROWS[name]
    cells = []
    for metric in runs[0]:
        values = np.asarray([run[metric] for run in runs])
        half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
        cells.append(f"{metric} {values.mean():.3f} ± {half:.3f}")
    print(f"{name} (n = {len(runs)}, over {row.varies}): " + ", ".join(cells))
    missed = [
        f"{metric} ≥ {target}" for metric, target in row.targets if np.mean([run[metric] for run in runs]) < target
    ]
    if missed:
        print(f"{name}: missed {', '.join(missed)}")
    return bool(missed)


def _read(path: Path) -> dict[tuple[str, str], dict[str, float]]:
    if not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {(row.pop("row"), row.pop("seed")): row for row in rows}


if __name__ == "__main__":
    raise SystemExit(main())
