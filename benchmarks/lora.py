"""LoRA layers on a CPU: PEFT's own against ours, in a training step of a BERT of MiniLM's shape, in one process.

python -m benchmarks.lora [--threads N]

Random weights and token ids: only the time counts. Steps alternate, medians are compared, and the ratio must stay above
TARGET. The share of the matrix products' peak is measured in the same run: products of the frozen layers alone, forward
and for the inputs' gradients, over the best rate of a large product.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from transformers import BertConfig, BertModel

from agile_classifier.config.training import FineTuneConfig, ModelConfig
from agile_classifier.models.base_model import load_base_model
from agile_classifier.models.network.fast_lora import use_fused_lora
from agile_classifier.models.network.network import TextClassifier, build_network
from agile_classifier.models.spec import ClassifierSpec
from benchmarks.dropout import timed

TARGET = 1.2
"""Least median ratio of PEFT's time to ours."""
SHAPE = (16, 32)
"""Texts, tokens: ETHOS holds 27 tokens a comment on average."""
MINILM = BertConfig(
    vocab_size=1000, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536
)
REPEATS = 15


def main(arguments: list[str] | None = None) -> int:
    """Print a line a quantization; 1 if a ratio is below the target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    torch.set_num_threads(parser.parse_args(arguments).threads)
    with tempfile.TemporaryDirectory() as folder:
        BertModel(MINILM).save_pretrained(folder)
        ratios = [measure(Path(folder), quantization) for quantization in ("none", "nf4")]
    return int(min(ratios) < TARGET)


def measure(folder: Path, quantization: str) -> float:
    """PEFT's time over ours, a whole training step each."""
    theirs, ours = build(folder, quantization), build(folder, quantization)
    use_fused_lora(ours)
    steps = {"peft": training_step(theirs, fused=False), "ours": training_step(ours, fused=True)}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for repeat in range(REPEATS + 2):
        for name, step in steps.items():
            took = timed(step)
            if repeat >= 2:  # the first ones allocate
                seconds[name].append(took)
    peft, fused = (statistics.median(seconds[name]) for name in steps)
    print(
        f"{quantization}: PEFT {peft * 1e3:.0f} ms, ours {fused * 1e3:.0f} ms, ratio {peft / fused:.2f}, "
        f"share of peak {frozen_products() / fused / peak():.0%} (n = {REPEATS}, {torch.get_num_threads()} threads)"
    )
    return peft / fused


def build(folder: Path, quantization: str) -> TextClassifier:
    """A network in training mode, with the defaults of a config."""
    base_model = load_base_model(
        folder, pooling="mean", n_classes=2, quantization=quantization, double_quant=True, compute_dtype="float32",
        device="cpu",
    )  # fmt: skip
    spec = ClassifierSpec.describe(ModelConfig(source="MiniLM"), class_names=("no", "yes"), base_digest="")
    return build_network(
        base_model, replace(spec, hidden_size=MINILM.hidden_size), FineTuneConfig(), base_folder=folder
    ).train()


def training_step(network: TextClassifier, *, fused: bool) -> Callable[[], None]:
    """Forward, backward, AdamW."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-3, fused=fused)
    input_ids = torch.randint(0, MINILM.vocab_size, SHAPE)
    mask, labels = torch.ones(SHAPE, dtype=torch.long), torch.randint(0, 2, SHAPE[:1])

    def step() -> None:
        network(input_ids, mask, labels=labels)["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def frozen_products() -> float:
    """Floating-point operations of a step's frozen products: 2 forward and 2 backward for each weight and token."""
    weights = MINILM.num_hidden_layers * (4 * MINILM.hidden_size**2 + 2 * MINILM.hidden_size * MINILM.intermediate_size)
    return 4.0 * weights * SHAPE[0] * SHAPE[1]


def peak(size: int = 2048) -> float:
    """Best rate of a large product, operations a second."""
    matrix = torch.randn(size, size)
    return 2 * size**3 / min(timed(lambda: matrix @ matrix) for _ in range(5))


if __name__ == "__main__":
    raise SystemExit(main())
