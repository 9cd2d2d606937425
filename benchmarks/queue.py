"""What `agile queue` saves: labels chosen by the model against labels chosen by chance.

    python -m benchmarks.queue [--config NAME] [--seeds N] [--json FILE]

Starts at 50 labelled texts of the config's train part and adds 50 at a time up to 400; every strategy sees the same
first 50 and the same test part, which no choice looks at. In place of fine-tuning at each step, logistic regression on
embeddings of the frozen base model stands for the classifier. Exit status 0 whatever comes out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from agile_classifier.config.files import load_config
from agile_classifier.data.examples import read_examples
from agile_classifier.data.label_and_split import label_examples
from agile_classifier.models.embeddings import embed
from agile_classifier.ops.scoring.acquisition import choose_texts, uncertainty
from agile_classifier.studies.report.statistics import mean_over_splits
from agile_classifier.studies.trial import read_base_model
from benchmarks.quality import CONFIGS

FIRST, STEP, LAST = 50, 50, 400
TRAIN_SHARE = 0.8
"""Share of the examples that labels are chosen from; the rest is test."""
Floats = NDArray[np.float64]


def main(arguments: list[str] | None = None) -> int:
    """Print ROC AUC by number of labels and strategy, and each one's gain on chance with 95 % intervals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", action="append")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    rows = [row for name in given.config or ("ethos", "quickstart") for row in simulate(name, n_seeds=given.seeds)]
    if given.json:
        given.json.write_text(json.dumps(rows) + "\n", encoding="utf-8")
    for name, found in pd.DataFrame(rows).groupby("config", sort=False):
        print(f"\n{name}: ROC AUC of {found['n_test'].iloc[0]} test texts, mean of {given.seeds} seeds")
        print(in_words(found))
    return 0


def simulate(config_name: str, *, n_seeds: int) -> list[dict[str, Any]]:
    """A row each seed, strategy and number of labels."""
    config = load_config(CONFIGS / f"{config_name}.yaml")
    examples = read_examples(config.data, keep=config.kept_columns, not_rated=config.labels.not_rated)
    label = label_examples(examples, config.labels)[0].to_numpy()
    texts = list(examples["text"])
    vectors = embed(texts, base=read_base_model(config.model), max_length=config.model.max_length).astype(np.float64)
    rows = []
    for seed in range(n_seeds):
        order = np.random.default_rng(seed).permutation(len(texts))
        pool, test = np.split(order, [int(TRAIN_SHARE * len(order))])
        for strategy, choose in STRATEGIES.items():
            known, generator = list(pool[:FIRST]), np.random.default_rng(seed)
            while True:
                model = LogisticRegression(max_iter=1000).fit(vectors[known], label[known])
                auc = roc_auc_score(label[test], model.predict_proba(vectors[test])[:, 1])
                row = {"config": config_name, "seed": seed, "strategy": strategy, "n_labels": len(known)}
                rows.append({**row, "roc_auc": float(auc), "n_test": len(test)})
                if len(known) >= LAST:
                    break
                left = np.setdiff1d(pool, known)
                said = model.predict_proba(vectors[left])
                known += list(left[choose([texts[row] for row in left], said, vectors[left], generator)])
    return rows


def in_words(found: pd.DataFrame) -> str:
    """A table, and how many labels by chance reach what each strategy reaches with half of the most."""
    means = found.pivot_table(index="n_labels", columns="strategy", values="roc_auc", sort=False)
    lines = [means.round(3).to_string()]
    by_seed = found.pivot_table(index=["seed", "n_labels"], columns="strategy", values="roc_auc").drop(
        index=FIRST, level="n_labels"
    )
    area = by_seed.groupby("seed").mean()
    for strategy in list(STRATEGIES)[1:]:
        gain = mean_over_splits(area[strategy] - area["chance"], test_share=(1 - TRAIN_SHARE) / TRAIN_SHARE)
        reached = means[strategy].loc[LAST // 2]
        enough = means.index[means["chance"] >= reached]
        saved = f"{enough[0]} by chance" if len(enough) else f"more than {LAST} by chance"
        lines.append(
            f"{strategy}: {gain.mean:+.4f} ± {gain.half:.4f} ROC AUC on chance, mean of all steps; {LAST // 2} labels "
            f"are worth {saved}"
        )
    return "\n".join(lines)


def _by_chance(
    texts: list[str],
    said: Floats,
    vectors: Floats,
    generator: np.random.Generator,
) -> NDArray[np.int64]:
    return generator.choice(len(texts), STEP, replace=False)


def _most_unsure(
    texts: list[str],
    said: Floats,
    vectors: Floats,
    generator: np.random.Generator,
) -> NDArray[np.int64]:
    return np.argsort(-uncertainty(said, 0.5), kind="stable")[:STEP]


def _queue(
    texts: list[str],
    said: Floats,
    vectors: Floats,
    generator: np.random.Generator,
) -> NDArray[np.int64]:
    places = {text: place for place, text in enumerate(texts)}
    found = choose_texts(
        texts, uncertainty(said, 0.5), count=STEP, embed=lambda some: vectors[[places[text] for text in some]]
    )
    return found["position"].to_numpy()


STRATEGIES: Mapping[str, Callable[[list[str], Floats, Floats, np.random.Generator], NDArray[np.int64]]] = {
    "chance": _by_chance,
    "most unsure": _most_unsure,
    "queue": _queue,
}


if __name__ == "__main__":
    raise SystemExit(main())
