"""Scoring with label tokens: ours against the ways that people use, on the same texts, weights and adapter, in one process.

    python -m benchmarks.scoring [--config NAME] [--texts N] [--repeats N] [--json FILE]

Contenders, written from their descriptions: `one by one` (the codelab's way: a text at a time, whole vocabulary), `batches of 32` (padded to
the longest, whole vocabulary), `padded to 128` (the same, every text padded to the model's full length). `sorted by length` says what
sorting alone brings. Exit code 1 below the targets.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as operations.state sets it; torch reads it when it is loaded

import numpy as np
import torch
from torch import nn

from benchmarks.quality import CONFIGS, read_base_model, read_parts
from classifier.base_model import load_base_model, load_tokenizer, read_hidden_size
from classifier.config_file import load_config
from classifier.encoding import encode
from classifier.hardware import choose_compute_dtype, read_hardware
from classifier.lora_linear import use_fused_lora
from classifier.network import TextClassifier, build_network
from classifier.predictor import Predictor
from classifier.prompts import find_label_tokens
from classifier.spec import ClassifierSpec

TARGETS = {"one by one": 12.0, "batches of 32": 3.0}
"""Contender → least ratio of its time to ours."""
FULL_LENGTH = 128
"""Tokens that `padded to 128` gives every text."""
LARGEST_DIFFERENCE = {"float32": 1e-4, "bfloat16": 5e-2}
"""Number format → how far a probability of ours may be from the codelab's way."""


@dataclass(frozen=True)
class Bench:
    """One adapted model in two copies, PEFT's own and ours, and the prompts of the texts."""

    plain: TextClassifier
    predictor: Predictor
    texts: list[str]
    prompts: list[list[int]]
    label_ids: list[int]
    pad: int

    @torch.inference_mode()
    def whole_vocabulary(self, rows: Sequence[int], *, length: int | None = None) -> np.ndarray:
        """Probabilities of some texts in one padded batch, all logits computed."""
        longest = length or max(len(self.prompts[row]) for row in rows)
        ids = torch.full((len(rows), longest), self.pad)
        mask = torch.zeros((len(rows), longest), dtype=torch.long)
        for position, row in enumerate(rows):
            ids[position, : len(self.prompts[row])] = torch.tensor(self.prompts[row])
            mask[position, : len(self.prompts[row])] = 1
        logits = self.plain.encoder(input_ids=ids, attention_mask=mask, use_cache=False).logits  # (B, L, V)
        answers = logits[torch.arange(len(rows)), mask.sum(1) - 1][:, self.label_ids]
        return answers.double().softmax(-1).numpy()

    def in_batches(self, size: int, *, length: int | None = None, by_length: bool = False) -> np.ndarray:
        """All texts, `size` at a time, in their order or sorted by length."""
        order = sorted(range(len(self.prompts)), key=lambda row: len(self.prompts[row]) if by_length else 0)
        found = np.empty((len(order), len(self.label_ids)))
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            found[rows] = self.whole_vocabulary(rows, length=length)
        return found


def main(arguments: list[str] | None = None) -> int:
    """Measure, print a table, say which targets were missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="ethos-smollm2")
    parser.add_argument("--texts", type=int, default=96)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    bench = prepare(given.config, given.texts)
    contenders: dict[str, Callable[[], np.ndarray]] = {
        "one by one": lambda: bench.in_batches(1),
        "batches of 32": lambda: bench.in_batches(32),
        "padded to 128": lambda: bench.in_batches(32, length=FULL_LENGTH),
        "sorted by length": lambda: bench.in_batches(32, by_length=True),
        "ours": lambda: bench.predictor.score(bench.texts),
    }
    rows = measure(contenders, repeats=given.repeats, n_texts=len(bench.texts))
    return report(rows, dtype=bench.predictor.spec.compute_dtype, to=given.json)


def prepare(config_name: str, n_texts: int) -> Bench:
    """The config's model with a random adapter, twice, and the first texts of its test part."""
    config = load_config(CONFIGS / f"{config_name}.yaml")
    parts, class_names = read_parts(config)
    model = config.model
    base = read_base_model(model)
    described = ClassifierSpec.describe(class_names=class_names, base_digest="", **model.model_dump())
    dtype = choose_compute_dtype(described.compute_dtype, hardware=read_hardware())
    spec = replace(described, compute_dtype=dtype)
    tokenizer = load_tokenizer(base)
    networks = [adapted(base, spec, config.fine_tune.lora, tokenizer) for _ in range(2)]
    use_fused_lora(networks[1])
    texts = list(parts["test"]["text"])[:n_texts]
    encoded = encode(texts, tokenizer=tokenizer, max_length=spec.max_length, prompt=spec.prompt)
    labels = networks[0].head.label_tokens
    return Bench(
        networks[0], Predictor(networks[1], tokenizer, spec), texts, encoded.input_ids, list(labels.ids), tokenizer.pad_token_id
    )  # fmt: skip


def adapted(base: Path, spec: ClassifierSpec, lora: dict[str, Any], tokenizer: Any) -> TextClassifier:
    """A network with an adapter of small random values, the same at every call."""
    base_model = load_base_model(
        base, pooling=spec.pooling, n_classes=spec.n_classes, quantization=spec.quantization, double_quant=spec.double_quant,
        compute_dtype=spec.compute_dtype, device=read_hardware().device,
    )  # fmt: skip
    torch.manual_seed(0)
    network = build_network(
        base_model, pooling=spec.pooling, n_classes=spec.n_classes, hidden_size=read_hidden_size(base), base_folder=base,
        label_tokens=find_label_tokens(spec.prompt, tokenizer=tokenizer), **lora,
    )  # fmt: skip
    for name, parameter in network.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(parameter, std=0.02)
    return network.eval()


def measure(
    contenders: dict[str, Callable[[], np.ndarray]], *, repeats: int, n_texts: int
) -> dict[str, dict[str, float]]:
    """Median seconds of each, in an order that is shuffled anew each time, and how far its answers are from the first one's."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    answers: dict[str, np.ndarray] = {}
    for repeat in range(repeats):
        order = list(contenders)
        np.random.default_rng(repeat).shuffle(order)
        for name in order:
            started = time.perf_counter()
            answers[name] = contenders[name]()
            seconds[name].append(time.perf_counter() - started)
    reference, ours = next(iter(contenders)), statistics.median(seconds["ours"])
    return {
        name: {
            "texts_per_second": n_texts / statistics.median(took),
            "times_slower_than_ours": statistics.median(took) / ours,
            "largest_difference": float(np.abs(answers[name] - answers[reference]).max()),
        }
        for name, took in seconds.items()
    }


def report(rows: dict[str, dict[str, float]], *, dtype: str, to: Path | None) -> int:
    """Print the table; 1 where a target is missed or an answer differs too much."""
    for name, row in rows.items():
        print(f"{name:20} " + "  ".join(f"{key} {value:.4g}" for key, value in row.items()))
    if to is not None:
        to.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    missed = [name for name, ratio in TARGETS.items() if rows[name]["times_slower_than_ours"] < ratio]
    differs = rows["ours"]["largest_difference"] > LARGEST_DIFFERENCE[dtype]
    for name in missed:
        print(f"missed: {TARGETS[name]} times faster than {name}")
    return int(bool(missed) or differs)


if __name__ == "__main__":
    raise SystemExit(main())
