"""Fused LoRA layers against PEFT's own on a tiny BERT: values, gradients, and dropout on the low-rank path alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from agile_classifier.config.training import FineTuneConfig
from agile_classifier.models.base_model import load_base_model
from agile_classifier.models.encoding import load_tokenizer
from agile_classifier.models.network.fast_lora import use_fused_lora
from agile_classifier.models.network.network import TextClassifier, build_network
from tests.models.network.test_network import spec_of

TEXTS = ["a fine day", "awful", "the song is lovely and warm and very bright and gentle"]
LABELS = torch.tensor([1, 0, 1])


def build(folder: Path, *, quantization: str, dtype: str = "float32", dropout: float = 0.0) -> TextClassifier:
    base_model = load_base_model(
        folder, pooling="mean", n_classes=2, quantization=quantization, double_quant=True, compute_dtype=dtype, device="cpu"
    )  # fmt: skip
    for module in base_model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    base_model.config.attention_probs_dropout_prob = 0.0
    torch.manual_seed(0)
    settings = FineTuneConfig(rank=2, alpha=4, dropout=dropout)
    network = build_network(base_model, spec_of(pooling="mean", n_classes=2), settings, base_folder=folder)
    for name, parameter in network.named_parameters():
        if "lora_" in name:
            nn.init.normal_(parameter, std=0.2)
    return network.train()


def loss_and_gradients(network: TextClassifier, folder: Path) -> tuple[Tensor, dict[str, Tensor]]:
    encoded = load_tokenizer(folder)(TEXTS, padding=True, return_tensors="pt")
    torch.manual_seed(1)
    loss = network(encoded["input_ids"], encoded["attention_mask"], labels=LABELS)["loss"]
    loss.backward()
    gradients = {name: p.grad for name, p in network.named_parameters() if p.requires_grad and p.grad is not None}
    return loss.detach(), gradients


@pytest.mark.parametrize(
    ("quantization", "dtype", "tolerance"),
    [("none", "float32", 1e-6), ("nf4", "float32", 1e-6), ("int8", "float32", 1e-6), ("none", "bfloat16", 2e-2)],
)
def test_loss_and_every_gradient_are_pefts_own(
    tiny_model: Path, quantization: str, dtype: str, tolerance: float
) -> None:
    theirs = loss_and_gradients(build(tiny_model, quantization=quantization, dtype=dtype), tiny_model)
    network = build(tiny_model, quantization=quantization, dtype=dtype)
    use_fused_lora(network)
    ours = loss_and_gradients(network, tiny_model)
    assert torch.allclose(ours[0], theirs[0], atol=tolerance)
    assert ours[1].keys() == theirs[1].keys()
    assert any("lora_A" in name for name in ours[1])
    for name, gradient in ours[1].items():
        scale = theirs[1][name].abs().max().clamp(min=1e-3)
        assert (gradient - theirs[1][name]).abs().max() <= tolerance * 10 * scale, name


def test_dropout_touches_the_low_rank_path_and_no_other(tiny_model: Path) -> None:
    network = build(tiny_model, quantization="none", dropout=0.5)
    use_fused_lora(network)
    layer = network.encoder.base_model.model.encoder.layer[0].attention.self.query
    rows = torch.randn(6, 32)
    base = layer.get_base_layer()(rows)
    outputs = [layer(rows) - base for _ in range(3)]
    assert not torch.allclose(outputs[0], outputs[1])
    nn.init.zeros_(layer.lora_B["default"].weight)
    assert torch.allclose(layer(rows), base, atol=1e-6)


def test_the_expected_update_under_dropout_is_the_one_without(tiny_model: Path) -> None:
    network = build(tiny_model, quantization="none", dropout=0.3)
    use_fused_lora(network)
    layer = network.encoder.base_model.model.encoder.layer[0].attention.self.query
    rows = torch.randn(1, 32)
    torch.manual_seed(0)
    mean = layer(rows.expand(20_000, 32)).mean(dim=0)
    assert torch.allclose(mean, layer.eval()(rows)[0], atol=0.02)
