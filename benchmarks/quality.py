"""Quality of the shipped configs: several seeds or splits, means with 95 % intervals, time and memory, against targets.

    python -m benchmarks.quality [--only NAME …] [--repeats N] [--results FILE]

Each run is a process of its own, so that its peak memory is its own; a finished run is kept in the results file (JSON lines) and
not repeated. Nothing is chosen here: the configs are run as they are shipped. Exit code 1 below a target.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
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
    "unfair-tos-minilm-nf4": Row("unfair-tos", varies="split.seed", targets=(("f1", 0.77),)),
    "unfair-tos-minilm-nf4-unrepaired": Row("unfair-tos", ("data.repair=[]",), varies="split.seed"),
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
    from classifier.config_file import load_config

    config = load_config(CONFIGS / f"{row.config}.yaml", overrides=(*row.differs, f"{row.varies}={seed}"))
    return train_and_judge(config, *read_parts(config))


def train_and_judge(config: Any, parts: dict[str, Any], class_names: list[str]) -> dict[str, float]:
    """Train on `train` and judge on `test`, as the pipeline does, without orchestrator and registry."""
    from classifier.baselines import BASELINES
    from classifier.evaluation import choose_threshold
    from classifier.fine_tuning import fine_tune, read_history
    from classifier.metrics import evaluate_scores
    from classifier.optimisation import Optimisation
    from classifier.predictor import Predictor
    from classifier.spec import ClassifierSpec

    model = config.model
    base = read_base_model(model)
    with tempfile.TemporaryDirectory() as scratch:
        adapter = Path(scratch) / "adapter"
        fine_tune(
            base=base,
            spec=ClassifierSpec.describe(class_names=class_names, base_digest="", **model.model_dump()),
            train=parts["train"],
            validation=parts["validation"],
            lora=config.fine_tune.lora,
            optimisation=Optimisation(**config.fine_tune.optimisation),
            checkpoints=Path(scratch) / "checkpoints",
            output=adapter,
            on_epoch=lambda _: None,
        )
        predictor, history = Predictor.load(adapter, base=base), read_history(adapter)
    validation, test = parts["validation"], parts["test"]
    threshold = choose_threshold(
        config.evaluation.decision_threshold,
        y_true=validation["label"].to_numpy(),
        y_score=predictor.score(list(validation["text"])),
        n_classes=len(class_names),
    )
    y_true = test["label"].to_numpy()
    ours = evaluate_scores(y_true=y_true, y_score=predictor.score(list(test["text"])), decision_threshold=threshold)
    found = {name: ours[name] for name in ("f1", "roc_auc")}
    for name in ("tfidf", "tfidf_svm"):
        y_score = BASELINES[name](
            train_text=list(parts["train"]["text"]), train_label=parts["train"]["label"].to_numpy(),
            test_text=list(test["text"]), n_classes=len(class_names), seed=0,
        )  # fmt: skip
        theirs = evaluate_scores(y_true=y_true, y_score=y_score, decision_threshold=0.5)
        found |= {f"{name}_f1": theirs["f1"], f"{name}_roc_auc": theirs["roc_auc"]}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {**found, "n_test": len(test), "train_seconds": history["seconds"], "peak_gigabytes": round(peak, 2)}


def read_base_model(model: Any) -> Path:
    """The folder of a config's base model."""
    from classifier.gguf_models import fetch_base_model
    from classifier.places import cache, mirror

    return fetch_base_model(model.source, sha256=model.sha256, revision=model.revision, cache=cache(), mirror=mirror())


def read_parts(config: Any) -> tuple[dict[str, Any], list[str]]:
    """The examples of a config by part, labelled, and the names of the classes."""
    from classifier.labelling import label_and_split
    from classifier.places import cache, mirror
    from classifier.sources import fetch_file
    from classifier.tables import read_table, to_examples

    data = config.data
    path = fetch_file(data.source, sha256=data.sha256, revision=data.revision, cache=cache(), mirror=mirror())
    frame = read_table(
        path, delimiter=data.delimiter, encoding=data.encoding, column_names=data.column_names, quoting=data.quoting
    )  # fmt: skip
    examples = to_examples(
        frame, path_name=data.source, **data.columns.model_dump(), keep=config.kept_columns, repair=data.repair
    )
    labelled = label_and_split(examples, **config.labels.model_dump(), **config.split.model_dump())
    return labelled.parts, labelled.facts["class_names"]


def _measure_apart(name: str, seed: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.quality", "--one", name, seed]
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}  # as operations.state sets it
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
