"""Batch scoring: rows a second and memory of a large file, against reading it whole and scoring in batches of 32.

    python -m benchmarks.batch_scoring --rows 1000000
    python -m benchmarks.batch_scoring --rows 20000 --config configs/quickstart.yaml

Without a config the model is a BERT of random weights, two layers of width 32: it shows what reading, writing and
keeping order cost, not what a model costs. Texts are made of five to twelve words and differ from each other; with a
config they are its own, with a number behind them. The plain way reads the file as one frame and scores it with the
same network in file order; it runs on the first `--plain` rows, in a process of its own. Memory is the resident set of
the process, read from the kernel at a tenth, a half and the end.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any

os.environ.setdefault(
    "OMP_WAIT_POLICY", "PASSIVE"
)  # as agile_classifier.ops.state.home sets it; torch reads it when it is loaded

import numpy as np
import pandas as pd
import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

from agile_classifier.config.files import load_config
from agile_classifier.config.training import FineTuneConfig
from agile_classifier.data.row_parts import opened
from agile_classifier.data.rows import open_rows
from agile_classifier.data.tables import read_table
from agile_classifier.models.encoding import load_tokenizer
from agile_classifier.models.network.fast_lora import use_fused_lora
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.spec import PROBABILITY, ClassifierSpec
from agile_classifier.ops.scoring.answer_columns import LABEL, place_answers
from agile_classifier.ops.scoring.stream import Answering, Progress, input_schema, output_schema, score_rows
from agile_classifier.studies.trial import read_base_model, read_parts
from benchmarks.scoring import adapted

WORDS = 400
PLAIN_BATCH = 32
MARKS = (0.1, 0.5, 1.0)
LARGEST_GROWTH = 1.1
"""Memory at the end, over that at a tenth of the file."""


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and exit 1 where memory grew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--plain", type=int, default=20_000, help="rows that are scored the plain way too")
    parser.add_argument("--config", type=Path, help="whose model and texts; by default a tiny model")
    parser.add_argument("--work", choices=("stream", "plain"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.work:
        print(json.dumps({"stream": stream, "plain": plain}[given.work](given.folder, given.config)))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        large, small = (
            _write(folder / "large", given.rows, given.config),
            _write(folder / "small", given.plain, given.config),
        )
        found = {
            "all": _run("stream", large, given),
            "some": _run("stream", small, given),
            "plain": _run("plain", small, given),
        }
    for name, fact in found["all"]["memory"].items():
        print(f"at {name} of {given.rows:,} rows: {fact / 1e6:,.0f} MB")
    whole, some, plainly = (found[name] for name in ("all", "some", "plain"))
    print(f"{given.rows:,} rows: {whole['rows_per_second']:,.0f} rows/s, {whole['seconds']:,.0f} s")
    print(
        f"{given.plain:,} rows: {some['rows_per_second']:,.0f} rows/s, one frame and batches of {PLAIN_BATCH} "
        f"{plainly['rows_per_second']:,.0f};"
        f" {some['rows_per_second'] / plainly['rows_per_second']:.1f} times as fast; largest difference "
        f"{_difference(some, plainly):.1g}"
    )
    memory = list(whole["memory"].values())
    grown = memory[-1] / memory[0]
    print(f"memory at the end over that at a tenth: {grown:.2f}{'' if grown <= LARGEST_GROWTH else ', missed'}")
    return int(grown > LARGEST_GROWTH)


def stream(folder: Path, config: Path | None) -> dict[str, Any]:
    """Score as `agile score --input` does."""
    predictor = _predictor(folder, config)
    source, output = folder / "texts.csv", folder / "scored.csv"
    rows, names = open_rows(source), predictor.spec.class_names
    columns = [f"{PROBABILITY}{name}" for name in names]
    memory: dict[str, int] = {}
    begun = time.monotonic()

    def note(progress: Progress) -> None:
        for mark in MARKS:
            if progress.share >= mark:
                memory.setdefault(f"{mark:.0%}", _resident())

    def score(texts: Sequence[str]) -> pd.DataFrame:
        y_score = predictor.score(texts)
        frame = pd.DataFrame(y_score, columns=columns)
        frame.insert(0, LABEL, [names[place] for place in y_score.argmax(axis=1)])
        return frame

    found = input_schema(rows, output)
    answers = place_answers(found.names, [LABEL, *columns], prefix=None)
    with opened(output, output_schema(found, answers), identity={}, say=print) as parts:
        score_rows(rows, parts, Answering("text", score, answers, "1", "bench"), on_progress=note)
        n_rows = sum(piece.n_rows for piece in parts.pieces)
        parts.finish()
    seconds = time.monotonic() - begun
    memory["100%"] = _resident()
    first = [float(row.cells[columns[-1]]) for _, row in zip(range(1000), open_rows(output), strict=False)]
    return {"memory": memory, "seconds": seconds, "rows_per_second": n_rows / seconds, "first": first}


def plain(folder: Path, config: Path | None) -> dict[str, Any]:
    """One frame, batches in the order of the file, one file at the end."""
    predictor = _predictor(folder, config)
    begun = time.monotonic()
    frame = read_table(folder / "texts.csv")
    texts = list(frame["text"])
    scores = np.concatenate([
        _plain_batch(predictor, texts[start : start + PLAIN_BATCH]) for start in range(0, len(texts), PLAIN_BATCH)
    ])  # fmt: skip
    frame.assign(probability=scores[:, -1]).to_csv(folder / "plain.csv", index=False)
    seconds = time.monotonic() - begun
    return {"seconds": seconds, "rows_per_second": len(texts) / seconds, "first": scores[:1000, -1].tolist()}


@torch.inference_mode()
def _plain_batch(predictor: Predictor, texts: list[str]) -> np.ndarray:
    ids = predictor.tokenizer(
        texts, truncation=True, max_length=predictor.spec.max_length, padding=True, return_tensors="pt"
    )
    logits = predictor.network(ids["input_ids"], ids["attention_mask"])["logits"]
    return torch.softmax(logits.double(), dim=-1).numpy()


def _predictor(folder: Path, config: Path | None) -> Predictor:
    """With an adapter of small random values, fused as `Predictor.load` fuses it."""
    if config is None:
        base, described, settings = folder / "base", _tiny_spec(), FineTuneConfig()
    else:
        loaded = load_config(config, overrides=("model.compute_dtype=float32",))
        _, names = read_parts(loaded)
        base, settings = read_base_model(loaded.model), loaded.fine_tune
        described = ClassifierSpec.describe(loaded.model, class_names=names, base_digest="")
    tokenizer = load_tokenizer(base)
    network = adapted(base, described, settings, tokenizer)
    use_fused_lora(network)
    return Predictor(network, tokenizer, described)


def _tiny_spec() -> ClassifierSpec:
    return ClassifierSpec(
        class_names=("no", "yes"), pooling="mean", quantization="none", double_quant=False, compute_dtype="float32",
        max_length=64,
        hidden_size=32, base_source="tiny", base_sha256=None, base_revision=None, base_digest="",
    )  # fmt: skip


def _write(folder: Path, n_rows: int, config: Path | None) -> Path:
    folder.mkdir()
    with (folder / "texts.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("id", "text"))
        rows.writerows(enumerate(islice(_own_texts(config) if config else _made_texts(folder / "base"), n_rows)))
    return folder


def _made_texts(base: Path) -> Iterator[str]:
    """Without end; their words are those of the tiny model, which is written to `base`."""
    rng, words = np.random.default_rng(0), np.array([f"word{number}" for number in range(WORDS)])
    _write_base(base, words.tolist())
    while True:
        yield " ".join(words[rng.integers(0, WORDS, rng.integers(5, 13))])


def _own_texts(config: Path) -> Iterator[str]:
    own = list(read_parts(load_config(config))[0]["test"]["text"])
    for number in count():
        yield f"{own[number % len(own)]} {number}"


def _write_base(folder: Path, words: list[str]) -> None:
    vocabulary = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words)
    BertTokenizerFast(vocab={word: number for number, word in enumerate(vocabulary)}).save_pretrained(folder)
    torch.manual_seed(0)
    shape = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=64,
    )  # fmt: skip
    BertModel(shape).save_pretrained(folder)


def _run(work: str, folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.batch_scoring", "--work", work, "--folder", str(folder)]
    command += ["--config", str(given.config)] if given.config else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{work} failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _difference(one: dict[str, Any], other: dict[str, Any]) -> float:
    return float(np.abs(np.subtract(one["first"], other["first"])).max())


def _resident() -> int:
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return 1024 * int(line.split()[1])


if __name__ == "__main__":
    raise SystemExit(main())
