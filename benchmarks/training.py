"""Training: ours against transformers' Trainer, on the same texts, weights and seed, in one process.

    agile bench training [--config FILE] [--texts N] [--repeats N] [--json FILE]
    python -m benchmarks.training [… --epochs N --quantization nf4|int8|none --random-weights]

Contenders, written from their descriptions: `padded to full length` (every text to `model.max_length`, as the
lightning-mlflow-hf recipe does), `Trainer's defaults` (its own batch size and padding), and the same with our batch
size. A language model is then trained as the codelab does, on prompt, answer and end of text over the whole vocabulary.
Each line that begins with `+` adds one trick to the line above it; the last is `fine_tune`, as the pipeline runs it,
checkpoints included. F1 (threshold 0.5) and AUC on the config's test part say whether quality is equal; they mean
something with `--texts 800 --epochs 4` or so. Exit code 1 below the targets.

Ours is trained on the label tokens, whatever the config's loss. `--random-weights` takes the shape of Gemma 2B and no
file of it, for a GPU: its time means something, its quality nothing.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault(
    "OMP_WAIT_POLICY", "PASSIVE"
)  # as agile_classifier.ops.state.home sets it; torch reads it when it is loaded

import pandas as pd
import torch
from torch import Tensor, nn
from transformers import GemmaConfig, GemmaForCausalLM, Trainer, TrainingArguments, set_seed

from agile_classifier.config.files import load_config
from agile_classifier.config.run import RunConfig
from agile_classifier.metrics.metrics import evaluate_scores
from agile_classifier.models.base_model import load_base_model, quiet_transformers, read_hidden_size
from agile_classifier.models.encoding import encode, load_tokenizer
from agile_classifier.models.hardware import choose_compute_dtype, read_hardware
from agile_classifier.models.network.network import TextClassifier, build_network
from agile_classifier.models.network.packing import ATTENTION
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.prompts.prompts import find_label_tokens
from agile_classifier.models.spec import ClassifierSpec
from agile_classifier.studies.trial import read_base_model, read_parts
from agile_classifier.training.fine_tuning import fine_tune
from agile_classifier.training.history import History
from benchmarks.compared.comparison import OURS, Outcome, compare, counted_products, missed, peak_rate, save, show
from benchmarks.compared.recipes import BucketTrainer, PaddedLabelTokens, Recipe
from benchmarks.quality import CONFIGS

TARGETS = {"padded to full length": 6.0, "Trainer's defaults": 3.0}
"""Contender → least ratio of its time to ours."""
SHARE_OF_PEAK = 0.40
"""Least share of the rate of a large matrix product, in the matrix products of ours."""


GEMMA_2B = {
    "hidden_size": 2048, "num_hidden_layers": 18, "num_attention_heads": 8, "num_key_value_heads": 1, "head_dim": 256,
    "intermediate_size": 16_384,
}  # fmt: skip
"""The shape of google/gemma-2b-it."""


@dataclass(frozen=True)
class Bench:
    """What all contenders share."""

    config: RunConfig
    spec: ClassifierSpec
    base: Path
    tokenizer: Any
    train: pd.DataFrame
    test: pd.DataFrame
    epochs: int

    @property
    def input_ids(self) -> list[list[int]]:
        """Tokens of each training text, its prompt included."""
        return self._encode(self.train).input_ids

    def ours(self) -> Outcome:
        """`fine_tune`, as the pipeline calls it."""
        stopping = self.config.fine_tune.early_stopping.model_copy(update={"patience": None})
        settings = self.config.fine_tune.model_copy(update={"epochs": self.epochs, "early_stopping": stopping})
        with tempfile.TemporaryDirectory() as scratch:
            adapter = Path(scratch) / "adapter"
            parts = {"train": self.train, "validation": self.train[:0]}
            fine_tune(
                parts, self.spec, settings, base=self.base, checkpoints=Path(scratch) / "checkpoints", output=adapter
            )
            predictor = Predictor.load(adapter, base=self.base)
            return Outcome(predictor.score(list(self.test["text"])), History.load(adapter).seconds)

    def by_trainer(self, recipe: Recipe) -> Outcome:
        """The same network, trained by a recipe."""
        network = self._build()
        model = network.encoder.get_base_model()
        if self.spec.prompt and not recipe.packed:
            model.set_attn_implementation("sdpa")
        trained: nn.Module = network
        if recipe.full_text:
            trained = network.encoder
        elif self.spec.prompt and not recipe.packed:
            trained = PaddedLabelTokens(network.encoder, network.head)
        trainer = BucketTrainer if recipe.buckets else Trainer
        with tempfile.TemporaryDirectory() as scratch, quiet_transformers():
            done = trainer(
                model=trained, args=self._arguments(recipe, scratch), train_dataset=self._rows(recipe),
                data_collator=self._collate(recipe),
            ).train()  # fmt: skip
        if self.spec.prompt:
            model.set_attn_implementation(ATTENTION)
        predictor = Predictor(network.eval(), self.tokenizer, self.spec)
        return Outcome(predictor.score(list(self.test["text"])), done.metrics["train_runtime"])

    def _build(self) -> TextClassifier:
        set_seed(self.config.fine_tune.seed)
        base_model = load_base_model(
            self.base, pooling=self.spec.pooling, n_classes=self.spec.n_classes, quantization=self.spec.quantization,
            double_quant=self.spec.double_quant, compute_dtype=self.spec.compute_dtype, device=read_hardware().device,
        )  # fmt: skip
        prompt = self.spec.prompt
        return build_network(
            base_model, self.spec, self.config.fine_tune, base_folder=self.base,
            label_tokens=find_label_tokens(prompt, tokenizer=self.tokenizer) if prompt else None,
        )  # fmt: skip

    def _arguments(self, recipe: Recipe, folder: str) -> TrainingArguments:
        tuning = self.config.fine_tune
        return TrainingArguments(
            output_dir=folder, per_device_train_batch_size=recipe.batch_size, num_train_epochs=self.epochs,
            learning_rate=tuning.learning_rate, weight_decay=tuning.weight_decay, warmup_steps=tuning.warmup,
            seed=tuning.seed,
            report_to="none", dataloader_pin_memory=torch.cuda.is_available(), save_strategy="no",
            logging_strategy="no", disable_tqdm=True, remove_unused_columns=False,
        )  # fmt: skip

    def _rows(self, recipe: Recipe) -> list[dict[str, Any]]:
        labels = [int(label) for label in self.train["label"]]
        if not recipe.full_text:
            return [{"input_ids": ids, "labels": label} for ids, label in zip(self.input_ids, labels, strict=True)]
        tokens = find_label_tokens(self.spec.prompt, tokenizer=self.tokenizer)
        texts = [
            [*ids, tokens.ids[label], tokens.end_of_text] for ids, label in zip(self.input_ids, labels, strict=True)
        ]
        return [{"input_ids": ids, "labels": ids} for ids in texts]

    def _collate(self, recipe: Recipe) -> Callable[[list[dict[str, Any]]], dict[str, Tensor]]:
        def collate(rows: list[dict[str, Any]]) -> dict[str, Tensor]:
            longest = recipe.length and recipe.length + 2 * recipe.full_text  # answer and end of text come behind
            batch = self.tokenizer.pad(
                {"input_ids": [row["input_ids"] for row in rows]},
                return_tensors="pt", padding="max_length" if longest else True, max_length=longest,
            )  # fmt: skip
            labels = (
                torch.tensor([row["labels"] for row in rows]) if not recipe.full_text else batch["input_ids"].clone()
            )
            if recipe.full_text:
                labels[batch["attention_mask"] == 0] = -100
            return {**batch, "labels": labels}

        return collate

    def _encode(self, part: pd.DataFrame) -> Any:
        return encode(
            list(part["text"]), tokenizer=self.tokenizer, max_length=self.spec.max_length, prompt=self.spec.prompt
        )


def main(arguments: list[str] | None = None) -> int:
    """Measure, print a table, say which targets were missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--config", nargs="+", type=Path, default=[CONFIGS / "ethos.yaml", CONFIGS / "ethos-smollm2.yaml"]
    )
    parser.add_argument("--texts", type=int, default=160, help="how many, from the top of the config's train part")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--quantization", help="in place of the config's")
    parser.add_argument(
        "--random-weights", action="store_true", help="a model of Gemma 2B's shape in place of the config's"
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args(arguments)
    return max([run(path, given) for path in given.config])


def run(path: Path, given: argparse.Namespace) -> int:
    """One config's table; 1 where a target is missed."""
    with tempfile.TemporaryDirectory() as folder:
        bench = prepare(path, given, Path(folder))
        n_tokens = given.epochs * sum(len(ids) for ids in bench.input_ids)
        with counted_products() as products:
            replace(bench, test=bench.test[:1]).ours()
        print(f"{path.stem}: {len(bench.train)} texts, {given.epochs} epochs, {torch.get_num_threads()} threads")
        rows = compare(
            contenders(bench), repeats=given.repeats, n_examples=given.epochs * len(bench.train), n_tokens=n_tokens
        )
    y_true = bench.test["label"].to_numpy()
    judged = {row.name: evaluate_scores(y_true=y_true, y_score=row.scores, decision_threshold=0.5) for row in rows}
    extra = {name: {"F1": found["f1"], "AUC": found["roc_auc"]} for name, found in judged.items()}
    show(rows, extra)
    dtype, device = getattr(torch, bench.spec.compute_dtype), read_hardware().device
    rate = 2 * products.operations / (given.epochs * len(bench.train)) * rows[-1].examples_per_second
    facts = {
        "config": path.stem, "quantization": bench.spec.quantization, "compute_dtype": bench.spec.compute_dtype,
        "n": len(bench.train), "epochs": given.epochs, "threads": torch.get_num_threads(), "device": device,
        "share_of_peak": rate / peak_rate(dtype=dtype, device=device),
    }  # fmt: skip
    print(
        ", ".join(
            f"{name} {value:.2f}" if isinstance(value, float) else f"{name} {value}" for name, value in facts.items()
        )
    )
    if given.json is not None:
        save(rows, extra, facts, given.json.with_stem(f"{given.json.stem}-{path.stem}"))
    failures = missed(rows, TARGETS)
    if facts["share_of_peak"] < SHARE_OF_PEAK:
        failures.append(f"{SHARE_OF_PEAK:.0%} of the matrix products' peak: {facts['share_of_peak']:.0%}")
    for failure in failures:
        print(f"{path.stem}: missed: {failure}")
    return int(bool(failures))


def contenders(bench: Bench) -> dict[str, Callable[[], Outcome]]:
    """Ways to train, ours last."""
    size, prompted = bench.config.fine_tune.batch_size, bench.spec.prompt is not None
    label_tokens = {"+ label tokens alone": Recipe(size)}
    packing = {"+ packed, prefix once": Recipe(size, buckets=True, packed=True)}
    recipes = {
        "padded to full length": Recipe(size, length=bench.spec.max_length, full_text=prompted),
        "Trainer's defaults": Recipe(TrainingArguments("unused").per_device_train_batch_size, full_text=prompted),
        "Trainer, our batch size": Recipe(size, full_text=prompted),
        **(label_tokens if prompted else {}),
        "+ batches of similar length": Recipe(size, buckets=True),
        **(packing if prompted else {}),
    }
    return {**{name: _by_trainer(bench, recipe) for name, recipe in recipes.items()}, OURS: bench.ours}


def prepare(path: Path, given: argparse.Namespace, folder: Path) -> Bench:
    """The config's data and base model; `folder` takes a model of random weights."""
    overrides = [f"model.quantization={given.quantization}"] if given.quantization else []
    config = load_config(path, overrides=[*overrides, "fine_tune.loss=label_tokens"])
    parts, class_names = read_parts(config)
    if given.random_weights:
        write_gemma(
            folder, tokenizer=load_tokenizer(read_base_model(load_config(CONFIGS / "ethos-smollm2.yaml").model))
        )
    base = folder if given.random_weights else read_base_model(config.model)
    described = ClassifierSpec.describe(config.model, class_names=class_names, base_digest="")
    spec = replace(
        described,
        compute_dtype=choose_compute_dtype(described.compute_dtype, hardware=read_hardware()),
        hidden_size=read_hidden_size(base),
    )
    return Bench(config, spec, base, load_tokenizer(base), parts["train"][: given.texts], parts["test"], given.epochs)


def write_gemma(folder: Path, *, tokenizer: Any, shape: Mapping[str, int] = GEMMA_2B) -> None:
    """A folder with random weights, and some other model's tokenizer."""
    torch.manual_seed(0)
    with torch.device(read_hardware().device):
        model = GemmaForCausalLM(GemmaConfig(**shape)).to(torch.bfloat16)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _by_trainer(bench: Bench, recipe: Recipe) -> Callable[[], Outcome]:
    return lambda: bench.by_trainer(recipe)


if __name__ == "__main__":
    raise SystemExit(main())
