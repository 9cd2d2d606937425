"""Scoring: ours against the ways that people use, on the same texts, weights and adapter, in one process.

    agile bench scoring [--config FILE] [--texts N] [--repeats N] [--json FILE]
    python -m benchmarks.scoring [… --quantization nf4|int8|none]

Contenders, written from their descriptions: `one by one` (the codelab's way: a text at a time, whole vocabulary),
`batches of 32` (padded to the longest, whole vocabulary), `padded to full length` (the same, every text padded to the
model's full length). Each line that begins with `+` adds one trick to the line above it; the last of them is ours. A
config with a classification head has no vocabulary and no prompt to share. Exit code 1 below the targets.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault(
    "OMP_WAIT_POLICY", "PASSIVE"
)  # as agile_classifier.ops.state.home sets it; torch reads it when it is loaded

import numpy as np
import torch
from torch import nn

from agile_classifier.config.files import load_config
from agile_classifier.config.training import FineTuneConfig
from agile_classifier.models.base_model import load_base_model, read_hidden_size
from agile_classifier.models.encoding import load_tokenizer, token_batches
from agile_classifier.models.hardware import choose_compute_dtype, read_hardware
from agile_classifier.models.network.fast_lora import use_fused_lora
from agile_classifier.models.network.network import TextClassifier, build_network
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.prompts.prompts import find_label_tokens
from agile_classifier.models.spec import ClassifierSpec
from agile_classifier.studies.trial import read_base_model, read_parts
from benchmarks.compared.comparison import OURS, Outcome, compare, counted_products, missed, peak_rate, save, show
from benchmarks.quality import CONFIGS

TARGETS = {"one by one": 12.0, "batches of 32": 3.0}
"""Contender → least ratio of its time to ours, on two cores with AVX512-BF16."""
TOKENS_PER_BATCH = 2048
"""Budget of a padded batch with vocabulary-sized logits."""
LARGEST_DIFFERENCE = {"float32": 1e-4, "bfloat16": 5e-2}
"""Number format → how far a probability of ours may be from the codelab's way."""


@dataclass(frozen=True)
class Bench:
    """One adapted model in three copies, as transformers and PEFT make it, packed, and packed and fused.

    And the texts.
    """

    plain: TextClassifier
    packed: Predictor
    ours: Predictor
    texts: list[str]

    @property
    def input_ids(self) -> list[list[int]]:
        """Tokens of each text, its prompt included."""
        return self.ours.encode(self.texts).input_ids

    def in_batches(self, size: int, *, length: int | None = None) -> np.ndarray:
        """All texts in their order, `size` at a time, each batch padded to `length` or to its longest text."""
        rows = np.arange(len(self.texts))
        return self._score([rows[start : start + size] for start in range(0, len(rows), size)], length, vocabulary=True)

    def by_length(self, *, vocabulary: bool) -> np.ndarray:
        """The texts sorted by length, batches by a budget of tokens."""
        lengths = np.asarray([len(ids) for ids in self.input_ids])
        return self._score(token_batches(lengths, budget=TOKENS_PER_BATCH), None, vocabulary=vocabulary)

    @torch.inference_mode()
    def _score(self, batches: list[np.ndarray], length: int | None, *, vocabulary: bool) -> np.ndarray:
        input_ids = self.input_ids
        found = np.empty((len(self.texts), self.ours.spec.n_classes))
        for rows in batches:
            ids, mask = self._pad([input_ids[row] for row in rows], length)
            found[rows] = self._logits(ids, mask, vocabulary=vocabulary).double().softmax(-1).cpu().numpy()
        return found

    def _logits(self, ids: torch.Tensor, mask: torch.Tensor, *, vocabulary: bool) -> torch.Tensor:
        if self.ours.spec.prompt is None:
            logits: torch.Tensor = self.plain(ids, mask)["logits"]
            return logits
        places = (torch.arange(len(ids), device=ids.device), mask.sum(1) - 1)
        if vocabulary:
            everything = self.plain.encoder(input_ids=ids, attention_mask=mask, use_cache=False).logits  # (B, L, V)
            return everything[places][:, list(self.plain.head.label_tokens.ids)]
        model = self.plain.encoder.get_base_model().base_model
        hidden = model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        return self.plain.head(hidden[places])

    def _pad(self, rows: list[list[int]], length: int | None) -> tuple[torch.Tensor, torch.Tensor]:
        tokenizer = self.ours.tokenizer
        padded = tokenizer.pad(
            {"input_ids": rows}, return_tensors="pt", padding="max_length" if length else True, max_length=length
        )
        device = next(self.plain.parameters()).device
        return padded["input_ids"].to(device), padded["attention_mask"].to(device)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print a table, say which targets were missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=CONFIGS / "ethos-smollm2.yaml")
    parser.add_argument("--texts", type=int, default=96, help="how many, from the top of the config's test part")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quantization", help="in place of the config's")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args(arguments)
    bench = prepare(given.config, given.texts, given.quantization)
    n_tokens = sum(len(ids) for ids in bench.input_ids)
    with counted_products() as products:
        bench.ours.score(bench.texts)
    runs = {name: _outcome(run) for name, run in contenders(bench).items()}
    rows = compare(runs, repeats=given.repeats, n_examples=len(bench.texts), n_tokens=n_tokens)
    extra = {row.name: {"largest difference": float(np.abs(row.scores - rows[0].scores).max())} for row in rows}
    show(rows, extra)
    spec = bench.ours.spec
    rate = products.operations * rows[-1].examples_per_second / len(bench.texts)
    facts = {
        "config": given.config.stem, "quantization": spec.quantization, "compute_dtype": spec.compute_dtype,
        "n": len(bench.texts),
        "threads": torch.get_num_threads(), "device": read_hardware().device,
        "share_of_peak": rate / peak_rate(dtype=getattr(torch, spec.compute_dtype), device=read_hardware().device),
    }  # fmt: skip
    print(
        ", ".join(
            f"{name} {value:.2f}" if isinstance(value, float) else f"{name} {value}" for name, value in facts.items()
        )
    )
    if given.json is not None:
        save(rows, extra, facts, given.json)
    failures = missed(rows, TARGETS)
    if extra[OURS]["largest difference"] > LARGEST_DIFFERENCE[spec.compute_dtype]:
        failures.append(f"difference {extra[OURS]['largest difference']:.2g}")
    for failure in failures:
        print(f"missed: {failure}")
    return int(bool(failures))


def contenders(bench: Bench) -> dict[str, Callable[[], np.ndarray]]:
    """Ways to score, the slowest first, ours last."""
    label_tokens = {
        "+ label columns alone": lambda: bench.by_length(vocabulary=False),
        "+ packed, prefix once": lambda: bench.packed.score(bench.texts),
    }
    return {
        "one by one": lambda: bench.in_batches(1),
        "padded to full length": lambda: bench.in_batches(32, length=bench.ours.spec.max_length),
        "batches of 32": lambda: bench.in_batches(32),
        "+ sorted, budget of tokens": lambda: bench.by_length(vocabulary=True),
        **(label_tokens if bench.ours.spec.prompt else {}),
        OURS: lambda: bench.ours.score(bench.texts),
    }


def prepare(path: Path, n_texts: int, quantization: str | None) -> Bench:
    """The config's model with a random adapter, three times, and the first texts of its test part."""
    overrides = (f"model.quantization={quantization}",) if quantization else ()
    config = load_config(path, overrides=overrides)
    parts, class_names = read_parts(config)
    base = read_base_model(config.model)
    described = ClassifierSpec.describe(config.model, class_names=class_names, base_digest="")
    spec = replace(described, compute_dtype=choose_compute_dtype(described.compute_dtype, hardware=read_hardware()))
    tokenizer = load_tokenizer(base)
    plain, packed, fused = (adapted(base, spec, config.fine_tune, tokenizer) for _ in range(3))
    if spec.prompt:
        plain.encoder.get_base_model().set_attn_implementation("sdpa")
    if read_hardware().device == "cpu":
        use_fused_lora(fused)
    texts = list(parts["test"]["text"])[:n_texts]
    return Bench(plain, Predictor(packed, tokenizer, spec), Predictor(fused, tokenizer, spec), texts)


def adapted(base: Path, spec: ClassifierSpec, settings: FineTuneConfig, tokenizer: Any) -> TextClassifier:
    """A network with an adapter of small random values, the same at every call."""
    base_model = load_base_model(
        base, pooling=spec.pooling, n_classes=spec.n_classes, quantization=spec.quantization,
        double_quant=spec.double_quant,
        compute_dtype=spec.compute_dtype, device=read_hardware().device,
    )  # fmt: skip
    torch.manual_seed(0)
    network = build_network(
        base_model, replace(spec, hidden_size=read_hidden_size(base)), settings, base_folder=base,
        label_tokens=find_label_tokens(spec.prompt, tokenizer=tokenizer) if spec.prompt else None,
    )  # fmt: skip
    for name, parameter in network.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(parameter, std=0.02)
    return network.eval()


def _outcome(run: Callable[[], np.ndarray]) -> Callable[[], Outcome]:
    return lambda: Outcome(run())


if __name__ == "__main__":
    raise SystemExit(main())
