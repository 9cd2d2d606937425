"""Dropout for CPUs: torch's own draws one random number per value there, a large part of a short text's training time.

Masks are cut out of a pool, drawn anew for every training step, at a place drawn for each use; eight values share one 64-bit draw.
`python -m benchmarks.dropout` says what that is worth. The rate is rounded to a 256th and the scale follows the rounded rate, so
the expectation stays exact. Draws come from torch's global generator, so seeds and checkpoints cover them.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

LEVELS = 256
"""Values of one random byte."""
POOL_SIZE = 1 << 22
"""Values of a pool; twice a long batch's widest layer, so that two uses seldom overlap."""


class MaskPool:
    """Masks of 0 and 1 / (1 - rate), for every dropout layer of one rate."""

    def __init__(self, p: float) -> None:
        self.n_dropped = min(round(p * LEVELS), LEVELS - 1)
        self._values: dict[torch.dtype, Tensor] = {}

    def renew(self) -> None:
        """Forget the values: the next use draws others."""
        self._values.clear()

    def cut(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """A mask of this shape from a place of the pool drawn at random; one too large for the pool is drawn whole."""
        n_values = math.prod(shape)
        if 2 * n_values > POOL_SIZE:
            return self._draw(n_values, dtype).view(shape)
        if dtype not in self._values:
            self._values[dtype] = self._draw(POOL_SIZE, dtype)
        start = int(torch.randint(POOL_SIZE - n_values + 1, (1,)))
        return self._values[dtype][start : start + n_values].view(shape)

    def _draw(self, n_values: int, dtype: torch.dtype) -> Tensor:
        draws = torch.empty(-(-n_values // 8), dtype=torch.int64).random_(-(2**63), None)
        keep = draws.view(torch.uint8)[:n_values] >= self.n_dropped
        return keep.to(dtype).mul_(LEVELS / (LEVELS - self.n_dropped))


class PooledDropout(nn.Module):
    """Zero each value with probability `round(256 p) / 256`, at most 255/256, and scale the rest up, in training mode only."""

    def __init__(self, p: float, pool: MaskPool | None = None) -> None:
        super().__init__()
        self.p, self.pool = p, pool or MaskPool(p)

    def draw_mask(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor | None:
        """What to multiply values of this shape with; None where nothing is dropped."""
        return self.pool.cut(shape, dtype) if self.training and self.pool.n_dropped else None

    def forward(self, values: Tensor) -> Tensor:
        """Same shape and dtype as `values`."""
        mask = self.draw_mask(tuple(values.shape), values.dtype)
        return values if mask is None else values * mask


def use_pooled_dropout(network: nn.Module) -> None:
    """Replace every nn.Dropout below `network`; each forward pass in training mode starts with fresh pools."""
    pools: dict[float, MaskPool] = {}
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Dropout):
                pool = pools.setdefault(child.p, MaskPool(child.p))
                setattr(parent, name, PooledDropout(child.p, pool).train(child.training))

    def renew(_module: nn.Module, _inputs: Any) -> None:
        for pool in pools.values():
            pool.renew()

    network.register_forward_pre_hook(renew)
