"""Dropout for CPUs: torch's own draws one random number per value there, a large part of a short text's training time.

Eight values share one 64-bit draw here; `python -m benchmarks.dropout` says what that is worth. The rate is rounded to a 256th and the scale
follows the rounded rate, so the expectation stays exact. Draws come from torch's global generator, so seeds and
checkpoints cover them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

LEVELS = 256
"""Values of one random byte."""


class ByteDropout(nn.Module):
    """Zero each value with probability `round(256 p) / 256`, at most 255/256, and scale the rest up, in training mode only."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.n_dropped = min(round(p * LEVELS), LEVELS - 1)

    def forward(self, values: Tensor) -> Tensor:
        """Same shape and dtype as `values`."""
        if not self.training or self.n_dropped == 0:
            return values
        n_draws = -(-values.numel() // 8)
        draws = torch.empty(n_draws, dtype=torch.int64).random_(-(2**63), None)
        keep = draws.view(torch.uint8)[: values.numel()].view_as(values) >= self.n_dropped
        return torch.where(keep, values * (LEVELS / (LEVELS - self.n_dropped)), 0.0)


def use_byte_dropout(network: nn.Module) -> None:
    """Replace every nn.Dropout below `network`."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Dropout):
                setattr(parent, name, ByteDropout(child.p))
