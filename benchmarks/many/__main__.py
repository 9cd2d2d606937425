"""Several labels by one network, beside a network for each label: quality over splits, and the time of either.

    python -m benchmarks.many [--config NAME …] [--splits N] [--bare-share P] [--set FIELD=VALUE …] [--json FILE]
    python -m benchmarks.many --questions [--texts N]

Both arms take the same recipe, rows and decision thresholds (best F1 on validation) of a shipped config; the arms of a
split run one after the other in this process, so that their times can be held against each other on a machine that
others use too. Figures are means over the splits with 95 % intervals, corrected for the rows that splits share (Nadeau
and Bengio 2003); differences are paired by split. `--questions` times label tokens: the questions of
all labels in one packed pass beside a pass for each label, of texts of ETHOS, untuned.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from agile_classifier.config.files import load_config
from agile_classifier.config.training import FineTuneConfig
from agile_classifier.data.examples import read_examples
from agile_classifier.models.base_model import load_base_model
from agile_classifier.models.encoding import load_tokenizer
from agile_classifier.models.network.fast_lora import use_fused_lora
from agile_classifier.models.network.network import build_network
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.prompts.prompts import find_label_tokens
from agile_classifier.models.spec import ClassifierSpec
from agile_classifier.studies.report.statistics import mean_over_splits
from agile_classifier.studies.trial import read_base_model
from benchmarks.many.arms import ARMS, Outcome, read_labelled
from benchmarks.quality import CONFIGS

SHOWN = {"f1": "F1", "roc_auc": "ROC AUC", "pr_auc": "PR AUC", "worst_roc_auc": "ROC AUC of the worst label"}
Runs = Mapping[str, Sequence[Outcome]]


def main(arguments: list[str] | None = None) -> int:
    """Print the table of each config, or the time of the questions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", nargs="+", default=["ethos-labels", "unfair-tos-kinds"])
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--bare-share", type=float, default=1.0)
    parser.add_argument("--set", nargs="*", default=[], dest="overrides")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--questions", action="store_true")
    parser.add_argument("--texts", type=int, default=64)
    given = parser.parse_args(arguments)
    if given.questions:
        print(time_questions(given.texts))
        return 0
    for name in given.config:
        runs = compare(name, splits=given.splits, bare_share=given.bare_share, overrides=given.overrides)
        print(draw_table(name, runs), flush=True)
        if given.json:
            kept = {arm: [asdict(outcome) for outcome in outcomes] for arm, outcomes in runs.items()}
            with given.json.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"config": name, "bare_share": given.bare_share, **kept}) + "\n")
    return 0


def compare(name: str, *, splits: int, bare_share: float, overrides: Sequence[str]) -> Runs:
    """Outcomes of both arms on each split of a shipped config."""
    runs: dict[str, list[Outcome]] = {arm: [] for arm in ARMS}
    for seed in range(splits):
        config = load_config(CONFIGS / f"{name}.yaml", overrides=(f"split.seed={seed}", *overrides))
        labelled = read_labelled(config, bare_share=bare_share)
        for arm, train in ARMS.items():
            outcome = train(config, labelled)
            runs[arm].append(outcome)
            said = ", ".join(f"{title} {outcome.metrics[metric]:.3f}" for metric, title in SHOWN.items())
            print(f"{name} split {seed} {arm}: {said}; {outcome.train_seconds:.0f} s of training", flush=True)
    return runs


def draw_table(name: str, runs: Runs) -> str:
    """The comparison as Markdown: a row a metric, each with its 95 % interval over the splits."""
    together, apart = runs["together"], runs["apart"]
    say = partial(with_interval, test_share=together[0].test_share)
    rows = [f"| {name}, {len(together)} splits | one network | a network a label | difference |", "|---|---|---|---|"]
    for metric, title in SHOWN.items():
        ours, theirs = (np.array([run.metrics[metric] for run in each]) for each in (together, apart))
        cells = (say(ours), say(theirs), say(ours - theirs, sign="+"))
        rows.append(f"| {title} | {' | '.join(cells)} |")
    for field, title in {"train_seconds": "training", "score_seconds": "scoring"}.items():
        ratio = np.array([getattr(b, field) / getattr(a, field) for a, b in zip(together, apart, strict=True)])
        rows.append(f"| time of {title}, as a multiple | 1 | {say(ratio, places=1)} | |")
    return "\n".join(rows)


def with_interval(values: np.ndarray, *, test_share: float, sign: str = "", places: int = 3) -> str:
    """Mean and corrected 95 % interval of values over splits, of this many test rows to a train row."""
    found = mean_over_splits(values, test_share=test_share)
    form, ends = f"{sign}.{places}f", (found.mean - found.half, found.mean + found.half)
    return f"{found.mean:{form}} [{ends[0]:{form}}, {ends[1]:{form}}]"


def time_questions(n_texts: int, *, rounds: int = 3) -> str:
    """Time of scoring texts by questions packed behind each text, and by a prompt for each label; as one line."""
    labels, model = load_config(CONFIGS / "ethos-labels.yaml"), load_config(CONFIGS / "ethos-smollm2.yaml").model
    examples = read_examples(labels.data, keep=labels.kept_columns)
    texts, names = list(examples["text"].head(n_texts)), labels.labels.class_names or ()
    base = read_base_model(model)
    packed = _untuned(base, ClassifierSpec.describe(model, class_names=names, base_digest="", several=True))
    single = [
        _untuned(base, ClassifierSpec.describe(model, class_names=(name,), base_digest="", several=True))
        for name in names
    ]
    took = pd.DataFrame([_time_round(packed, single, texts) for _ in range(rounds)])
    cut = set(packed.encode(texts).cut)  # the longest question of all leaves a text less room than its own would
    whole = [text for row, text in enumerate(texts) if row not in cut]
    together = packed.score(whole)
    difference = max(
        float(np.abs(together[:, place] - each.score(whole)[:, 0]).max()) for place, each in enumerate(single)
    )
    ratio = (took["apart"] / took["packed"]).sort_values().to_numpy()
    return (
        f"{len(names)} questions to {len(texts)} texts: a pass for each label takes {np.median(ratio):.1f} times as"
        f" long as one packed pass ({ratio[0]:.1f} to {ratio[-1]:.1f} in {rounds} rounds); largest difference of a"
        f" probability of the {len(whole)} texts that are read to their end {difference:.1e}"
    )


def _time_round(packed: Predictor, single: Sequence[Predictor], texts: Sequence[str]) -> dict[str, float]:
    begun = time.perf_counter()
    packed.score(texts)
    between = time.perf_counter()
    for each in single:
        each.score(texts)
    return {"packed": between - begun, "apart": time.perf_counter() - between}


def _untuned(base: Path, spec: ClassifierSpec) -> Predictor:
    """The base model alone: an adapter that is not trained changes nothing."""
    model = load_base_model(
        base, pooling=spec.pooling, n_classes=spec.n_classes, quantization=spec.quantization,
        double_quant=spec.double_quant, compute_dtype="float32", device="cpu",
    )  # fmt: skip
    tokenizer = load_tokenizer(base)
    tokens = find_label_tokens(spec.prompt, tokenizer=tokenizer) if spec.prompt else None
    settings = FineTuneConfig(target_modules=("q_proj",))
    network = build_network(model, spec, settings, base_folder=base, label_tokens=tokens).eval()
    use_fused_lora(network)
    return Predictor(network, tokenizer, spec)


if __name__ == "__main__":
    raise SystemExit(main())
