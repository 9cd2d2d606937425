"""A simulated quarter: twelve weekly batches of labels, retrained and judged every week.

    python -m benchmarks.quarter [--data vader|ethos] [--seeds N] [--table FILE] [--picture FILE] [--json FILE]

Each week rows are added, relabelled and withdrawn; one batch is of another kind of text, one has its labels shuffled,
and is corrected later. Two arms live through the same weeks: `stable` (split.method stable, the champion's label
threshold kept) and `by rows` (a split by row order, the label threshold fitted every week). A linear probe on the
quickstart's frozen base model stands for the classifier; splitting, labelling and the gate are the pipeline's own.
Every champion is held against a fixed truth of texts that nobody has learnt from. Exit status 1 where a change of the
champion in the arm `stable` made it worse on the truth beyond noise.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from agile_classifier.config.data import DataConfig, LabelsConfig
from agile_classifier.config.evaluation import PromotionConfig
from agile_classifier.config.files import load_config
from agile_classifier.data.examples import read_examples
from agile_classifier.models.embeddings import embed
from agile_classifier.studies.trial import read_base_model
from benchmarks.quality import CONFIGS
from benchmarks.quarter.arms import ARMS, STABLE, Features, Outcome, Task, run_arm
from benchmarks.quarter.page import draw_picture, draw_table, summarise
from benchmarks.quarter.weeks import Plan, Stream, hold_out, live

REVIEWS = "movieReviewSnippets_GroundTruth.txt"
"""Beside the quickstart's tweets in the same archive: sentences of film reviews, with valences of as many raters."""
N_REVIEWS = 1000
"""Reviews that a quarter draws its drifted batch from."""
Lived = Mapping[str, list[Outcome]]


def main(arguments: list[str] | None = None) -> int:
    """Print the first quarter week by week and, of several seeds, what all of them say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=list(STREAMS), default="vader")
    parser.add_argument("--seeds", type=int, default=1)
    for name in ("table", "picture", "json"):
        parser.add_argument(f"--{name}", type=Path)
    given = parser.parse_args(arguments)
    stream, plan = STREAMS[given.data]()
    features = read_features(stream)
    quarters = [simulate(stream, plan, features, seed=seed) for seed in range(given.seeds)]
    share = plan.n_truth / (len(stream.usual) - plan.n_truth)
    told = f"{draw_table(quarters[0])}\n\n{given.seeds} seeds:\n\n{summarise(quarters, test_share=share)}\n"
    print(told)
    if given.table:
        given.table.write_text(told, encoding="utf-8")
    if given.picture:
        given.picture.write_bytes(draw_picture(quarters[0], title=f"{stream.name}: champion, week by week"))
    if given.json:
        rows = [{name: list(map(asdict, weeks)) for name, weeks in quarter.items()} for quarter in quarters]
        given.json.write_text(json.dumps(rows) + "\n", encoding="utf-8")
    return int(any(has_fallen(quarter[STABLE.name]) for quarter in quarters))


def simulate(stream: Stream, plan: Plan, features: Features, *, seed: int) -> Lived:
    """Let every arm live through the same weeks."""
    truth, _ = hold_out(stream, plan, seed=seed)
    task = Task(LabelsConfig(rule="median"), features, PromotionConfig(), truth)
    return {arm.name: run_arm(arm, live(stream, plan, seed=seed), task) for arm in ARMS}


def has_fallen(weeks: list[Outcome]) -> bool:
    """Whether a change of the champion made it worse on the truth beyond noise."""
    return any(week.step is not None and week.step.high < 0 for week in weeks)


def read_features(stream: Stream) -> Features:
    """Embed every text once by the quickstart's frozen base model."""
    model = load_config(CONFIGS / "quickstart.yaml").model
    texts = sorted({*stream.usual["text"], *stream.drifted["text"]})
    vectors = embed(texts, base=read_base_model(model), max_length=model.max_length).astype(np.float64)
    return dict(zip(texts, vectors, strict=True))


def read_vader() -> tuple[Stream, Plan]:
    """Read VADER's tweets; the drifted batch is of film reviews."""
    data = load_config(CONFIGS / "quickstart.yaml").data
    source = str(data.source)
    reviews = data.model_copy(update={"source": f"{source.rpartition('/')[0]}/{REVIEWS}"})
    drifted = _examples(reviews, prefix="review ").sample(N_REVIEWS, random_state=0)
    return Stream("VADER's tweets", _examples(data), drifted.reset_index(drop=True)), Plan()


def read_ethos() -> tuple[Stream, Plan]:
    """Read ETHOS' comments; the drifted batch is of its longest."""
    examples = _examples(load_config(CONFIGS / "ethos.yaml").data)
    is_long = examples["text"].str.len().rank(pct=True, method="first") > 0.94
    plan = Plan(first=250, weekly=40, n_truth=200)
    return Stream("ETHOS' comments", examples[~is_long], examples[is_long]), plan


def _examples(data: DataConfig, *, prefix: str = "") -> pd.DataFrame:
    """Examples with texts that stand once: the same text in truth and train would flatter."""
    examples = read_examples(data).drop_duplicates("text").reset_index(drop=True)
    return examples.assign(id=prefix + examples["id"])[["id", "text", "score"]]


STREAMS: Mapping[str, Callable[[], tuple[Stream, Plan]]] = {"vader": read_vader, "ethos": read_ethos}


if __name__ == "__main__":
    raise SystemExit(main())
