"""The three losses of label tokens against each other: what each reaches on rows of train that it has not learnt from.

    python -m benchmarks.losses [--config NAME] [--draws N] [--results FILE]

Each draw takes 200 other rows of the config's train part to learn from, and 400 to be judged on; the losses see the
same draws. The test part is never looked at, so a default may be chosen by this table.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from agile_classifier.config.files import load_config
from agile_classifier.models.network.losses import TRAINING_LOSSES
from agile_classifier.studies.trial import read_parts
from benchmarks.quality import CONFIGS, train_and_judge

N_LEARNT, N_JUDGED = 200, 400
METRICS = ("roc_auc", "f1", "train_seconds")


def main(arguments: list[str] | None = None) -> int:
    """Run what is missing; print means and paired differences against the default, with 95 % t-intervals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="ethos-smollm2")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--results", type=Path, default=Path("losses.jsonl"))
    given = parser.parse_args(arguments)
    rows = [json.loads(line) for line in given.results.read_text().splitlines()] if given.results.exists() else []
    for draw in range(given.draws):
        for loss in TRAINING_LOSSES:
            key = {"config": given.config, "loss": loss, "draw": draw}
            if not any(key.items() <= row.items() for row in rows):
                rows.append({**key, **measure(given.config, loss, draw)})
                print(rows[-1], flush=True)
                with given.results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(rows[-1]) + "\n")
    rows = [row for row in rows if row["config"] == given.config and row["draw"] < given.draws]
    for loss in TRAINING_LOSSES:
        cells = [f"{metric} {_interval(_values(rows, loss, metric))}" for metric in METRICS]
        gain = _values(rows, loss, "roc_auc") - _values(rows, "label_tokens", "roc_auc")
        print(f"{loss:14} n = {given.draws} draws: {', '.join(cells)}; AUC against the default {_interval(gain)}")
    return 0


def measure(config_name: str, loss: str, draw: int) -> dict[str, float]:
    """Train on one draw with one loss."""
    config = load_config(
        CONFIGS / f"{config_name}.yaml", overrides=(f"fine_tune.loss={loss}", f"fine_tune.seed={draw}")
    )
    parts, class_names = read_parts(config)
    drawn = parts["train"].sample(N_LEARNT + N_JUDGED, random_state=draw)
    parts = {"train": drawn[:N_LEARNT], "validation": parts["validation"], "test": drawn[N_LEARNT:]}
    return train_and_judge(config, parts, class_names)


def _values(rows: list[dict[str, Any]], loss: str, metric: str) -> np.ndarray:
    return np.asarray([row[metric] for row in sorted(rows, key=lambda row: row["draw"]) if row["loss"] == loss])


def _interval(values: np.ndarray) -> str:
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values) if len(values) > 1 else float("nan")
    return f"{values.mean():.3f} ± {half:.3f}"


if __name__ == "__main__":
    raise SystemExit(main())
