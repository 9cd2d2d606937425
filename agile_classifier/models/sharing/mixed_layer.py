"""Mixed layer: a frozen linear layer with the low-rank updates of several adapters, each text given its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from peft.tuners.lora import Linear, Linear4bit, LoraLayer
from torch import Tensor, nn

from agile_classifier.models.network.fast_lora import ADAPTER, read_weight


@dataclass
class Rows:
    """Which adapter each text of the present batch is for, told to all layers at once."""

    adapter: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))  # (B,)


class MixedLayer(nn.Module):
    """Output of a frozen linear layer, and of each text's adapter its low-rank update.

    The adapters' weights lie in one piece, into which those of the given layers then point: they are in memory once.

    Parameters
    ----------
    layers : sequence of LoraLayer or None
        PEFT's layer of each adapter at this place; None where an adapter leaves the place alone.
    """

    def __init__(self, layers: Sequence[LoraLayer | None], rows: Rows) -> None:
        super().__init__()
        there = [layer for layer in layers if layer is not None]
        self._weight, self._base, self._rows = read_weight(there[0]), there[0].get_base_layer(), rows
        first = there[0].lora_A[ADAPTER].weight
        rank, n_in, n_out = max(layer.r[ADAPTER] for layer in there), there[0].in_features, there[0].out_features
        self._down, self._up = first.new_zeros(len(layers), rank, n_in), first.new_zeros(len(layers), n_out, rank)
        self._scale = first.new_zeros(len(layers), 1, 1)
        for number, layer in enumerate(layers):
            if layer is not None:
                self._take(number, layer)

    def _take(self, number: int, layer: LoraLayer) -> None:
        down, up, rank = layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight, layer.r[ADAPTER]
        self._down[number, :rank], self._up[number, :, :rank] = down.data, up.data
        down.data, up.data = self._down[number, :rank], self._up[number, :, :rank]
        self._scale[number] = layer.scaling[ADAPTER]

    def forward(self, values: Tensor) -> Tensor:
        """(B, T, in) to (B, T, out)."""
        rows, dtype, bias = self._rows.adapter, values.dtype, self._base.bias
        output = nn.functional.linear(values, self._weight().to(dtype), bias)
        inner = values @ self._down[rows].to(dtype).mT  # (B, T, rank)
        return output.baddbmm_(inner.mul_(self._scale[rows].to(dtype)), self._up[rows].to(dtype).mT)


def can_be_mixed(layer: LoraLayer) -> bool:
    """Whether an adapter's layer is one that is computed here: of plain weights, or of 4 bits."""
    return isinstance(layer, Linear | Linear4bit) and list(layer.lora_A) == [ADAPTER]
