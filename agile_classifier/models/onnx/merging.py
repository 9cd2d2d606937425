"""Merging: the network of a tuned classifier without adapter and quantization, in float32, for an exported graph.

Weights stay what tuning saw: those that it had in bfloat16 or in 4 bits are taken as they were rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from bitsandbytes.functional import dequantize_4bit, int8_vectorwise_dequant
from bitsandbytes.nn import Linear4bit, Linear8bitLt
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from agile_classifier.errors import InputError
from agile_classifier.models.network.fast_lora import ADAPTER, read_weight, use_fused_lora
from agile_classifier.models.network.heads import READS, LabelColumns, to_probabilities
from agile_classifier.models.network.network import TextClassifier

ATTENTION = "sdpa"
"""Attention of transformers that replaces that of packed prompts in an exported graph."""


class MergedNetwork(nn.Module):
    """Network from token ids to probabilities that holds nothing but float32 weights on the CPU.

    It takes the network's modules over and changes them: the network is of no use afterwards.
    """

    def __init__(self, network: TextClassifier, *, pooling: str) -> None:
        super().__init__()
        self.several = network.several
        self.questions = network.head.label_tokens.questions if isinstance(network.head, LabelColumns) else ()
        self.model, self.head, self.pooling = network.encoder.get_base_model(), network.head, pooling
        _merge(self.model)
        self.model.set_attn_implementation(_choose_attention(self.model))
        self.float().cpu().eval()

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Probabilities (B, n_classes) of texts padded on the right, (B, L) each."""
        read = read_last if self.pooling == "answer" else READS[self.pooling]
        if self.questions:
            read = partial(read_behind, questions=self.questions)
        logits = self.head(read(self.model, input_ids, attention_mask))
        return to_probabilities(logits, several=self.several)


def read_last(model: Any, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
    """Last hidden state of each prompt's last token, (B, hidden), without packing; the output layer is never run.

    The model gets no mask: what a causal one computes for a token never rests on the padding behind it.
    """
    hidden = model.base_model(input_ids=input_ids, use_cache=False).last_hidden_state  # (B, L, hidden)
    last: Tensor = hidden[torch.arange(hidden.shape[0]), attention_mask.sum(1) - 1]
    return last


def read_behind(model: Any, input_ids: Tensor, attention_mask: Tensor, *, questions: Sequence[Sequence[int]]) -> Tensor:
    """Last hidden state behind each question to a text, (B, n_questions, hidden), each in a prompt of its own."""
    read = []
    for question in questions:
        ids, mask = (nn.functional.pad(each, (0, len(question))) for each in (input_ids, attention_mask))
        places = attention_mask.sum(1, keepdim=True) + torch.arange(len(question), device=ids.device)
        asked = torch.tensor(question, device=ids.device, dtype=ids.dtype).expand_as(places)
        read.append(read_last(model, ids.scatter(1, places, asked), mask.scatter(1, places, torch.ones_like(asked))))
    return torch.stack(read, dim=1)


def compute_in_float32(network: TextClassifier) -> None:
    """Let a network compute in float32 with the weights that it has, the adapter beside them as in tuning.

    bfloat16 rounds whatever passes through it, by more than a graph may differ; int8 layers still round what enters.
    """
    model = network.encoder.get_base_model()
    for name, layer in list(model.named_modules()):
        if isinstance(layer, Linear4bit) and not isinstance(_parent_of(model, name), LoraLayer):
            _replace(model, name, weight=_dequantize(layer), bias=layer.bias)
    use_fused_lora(network)
    network.float()


@torch.no_grad()
def _merge(model: nn.Module) -> None:
    """Replace every layer that is adapted or quantized by a plain one."""
    for name, layer in list(model.named_modules()):
        if isinstance(layer, LoraLayer):
            base = layer.get_base_layer()
            if ADAPTER not in layer.lora_A:
                raise InputError(
                    f"export: {name} is adapted as {type(base).__name__}; linear layers alone can be merged"
                )
            _replace(model, name, weight=_read_frozen(layer) + _read_update(layer), bias=base.bias)
    for name, layer in list(model.named_modules()):
        if isinstance(layer, (Linear4bit, Linear8bitLt)):
            _replace(model, name, weight=_dequantize(layer), bias=layer.bias)


def _read_frozen(layer: Any) -> Tensor:
    base = layer.get_base_layer()
    weight: Tensor = _dequantize(base) if isinstance(base, Linear8bitLt) else read_weight(layer)().float()
    return weight


def _read_update(layer: Any) -> Tensor:
    update = layer.lora_B[ADAPTER].weight.float() @ layer.lora_A[ADAPTER].weight.float()  # (out, in)
    scaled: Tensor = update * layer.scaling[ADAPTER]
    return scaled


def _dequantize(layer: Any) -> Tensor:
    if isinstance(layer, Linear4bit):
        weight: Tensor = dequantize_4bit(layer.weight.data, layer.weight.quant_state)
        return weight.float()
    scales = layer.weight.SCB if layer.state.SCB is None else layer.state.SCB
    stored = layer.weight.data if layer.state.CB is None else layer.state.CB
    dequantized: Tensor = int8_vectorwise_dequant(stored, scales.to(stored.device))
    return dequantized.float()


def _replace(model: nn.Module, name: str, *, weight: Tensor, bias: Tensor | None) -> None:
    plain = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    plain.weight = nn.Parameter(weight.contiguous(), requires_grad=False)
    if bias is not None:
        plain.bias = nn.Parameter(bias.detach().float(), requires_grad=False)
    setattr(_parent_of(model, name), name.rpartition(".")[2], plain)


def _parent_of(model: nn.Module, name: str) -> nn.Module:
    return model.get_submodule(name.rpartition(".")[0])


def _choose_attention(model: Any) -> str:
    """Choose the attention of an exported model: plain where it is soft-capped (Gemma 2), else SDPA."""
    return ATTENTION if model._supports_sdpa else "eager"
