"""LoRA layers for CPUs: base product, dropout and low-rank update in one autograd function.

PEFT's own layer makes some twenty small operations of them, each over all of a batch's values; short texts then spend
more time between the matrix products than in them. Values and gradients are PEFT's own
(tests/models/network/test_fast_lora.py), saving and loading stay PEFT's; `python -m benchmarks.lora` says what it is
worth.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import MethodType
from typing import Any

import torch
from peft.tuners.lora import Linear, Linear4bit, LoraLayer
from torch import Tensor, nn

from agile_classifier.models.quantized import QuantState, dequantize_4bit, dequantize_blockwise

LEVELS = 256
"""Values of one random byte."""
POOL_SIZE = 1 << 22
"""Values of a pool; twice a long batch's widest layer, so that two uses seldom overlap."""
SHORT = 1 << 14
"""Values up to which a mask is made of its own part of the pool's random bytes: a narrow network needs few of them."""


class MaskPool:
    """Masks of 0 and 1 / (1 - rate), for every dropout layer of one rate."""

    def __init__(self, p: float) -> None:
        self.n_dropped = min(round(p * LEVELS), LEVELS - 1)
        self._draws: dict[torch.dtype, Tensor] = {}
        self._values: dict[torch.dtype, Tensor] = {}

    def renew(self) -> None:
        """Forget the values: the next use draws others."""
        self._draws.clear()
        self._values.clear()

    def cut(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """A mask of this shape from a place of the pool drawn at random; one too large for the pool is drawn whole."""
        n_values = math.prod(shape)
        if 2 * n_values > POOL_SIZE:
            return self._to_mask(_draw_bytes(n_values), dtype).view(shape)
        if dtype not in self._draws:
            self._draws[dtype] = _draw_bytes(POOL_SIZE)
        start = int(torch.randint(POOL_SIZE - n_values + 1, (1,)))
        if n_values <= SHORT:
            return self._to_mask(self._draws[dtype][start : start + n_values], dtype).view(shape)
        if dtype not in self._values:
            self._values[dtype] = self._to_mask(self._draws[dtype], dtype)
        return self._values[dtype][start : start + n_values].view(shape)

    def _to_mask(self, draws: Tensor, dtype: torch.dtype) -> Tensor:
        return (draws >= self.n_dropped).to(dtype).mul_(LEVELS / (LEVELS - self.n_dropped))


def _draw_bytes(n_values: int) -> Tensor:
    draws = torch.empty(-(-n_values // 8), dtype=torch.int64).random_(-(2**63), None)
    return draws.view(torch.uint8)[:n_values]


class PooledDropout(nn.Module):
    """Zero each value with probability `round(256 p) / 256`, at most 255/256, and scale the rest, in training only."""

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


ADAPTER = "default"
"""PEFT's name of an only adapter."""


def use_fused_lora(network: nn.Module) -> None:
    """Give every LoRA layer in nf4 or unquantized the fused forward pass, and every dropout its pool of masks.

    int8 layers keep PEFT's: bitsandbytes quantizes their inputs too.
    """
    use_pooled_dropout(network)
    for module in network.modules():
        if isinstance(module, Linear | Linear4bit) and ADAPTER in module.lora_A:
            module.forward = MethodType(_fused_forward(read_weight(module)), module)


def read_weight(layer: LoraLayer) -> Callable[[], Tensor]:
    """A function that gives the frozen weight, (out, in), out of 4 bits where it is kept so.

    The scales of nf4, themselves in 8 bits under double quantization, are kept plain: 1/64 of the weights' size, and
    half the work.
    """
    base = layer.get_base_layer()
    if not isinstance(layer, Linear4bit):
        return lambda: base.weight.T if layer.fan_in_fan_out else base.weight
    packed, state = base.weight.data, base.weight.quant_state
    if state.nested:
        state = _plain_scales(state)
    return lambda: dequantize_4bit(packed, state)


def _plain_scales(state: QuantState) -> QuantState:
    scales = (dequantize_blockwise(state.absmax, state.state2) + state.offset).float()
    return QuantState(
        absmax=scales, shape=state.shape, code=state.code, blocksize=state.blocksize, quant_type=state.quant_type,
        dtype=state.dtype,
    )  # fmt: skip


def _fused_forward(weight: Callable[[], Tensor]) -> Callable[..., Tensor]:
    def forward(layer: Any, values: Tensor, *_: Any, **__: Any) -> Tensor:
        """(…, in) to (…, out)."""
        rows = values.reshape(-1, values.shape[-1])  # (T, in)
        dropout = layer.lora_dropout[ADAPTER]
        output: Tensor = _LoraLinear.apply(  # type: ignore[no-untyped-call]  # torch's own
            rows,
            weight,
            layer.get_base_layer().bias,
            layer.lora_A[ADAPTER].weight.to(rows.dtype),
            layer.lora_B[ADAPTER].weight.to(rows.dtype),
            layer.scaling[ADAPTER],
            dropout.draw_mask(tuple(rows.shape), rows.dtype) if isinstance(dropout, PooledDropout) else None,
        )
        return output.view(*values.shape[:-1], -1)

    return forward


class _LoraLinear(torch.autograd.Function):
    """rows @ weight.T + bias + scale * (rows * mask) @ down.T @ up.T, with gradients for rows, down and up."""

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, weight: Callable[[], Tensor], bias: Tensor | None, down: Tensor, up: Tensor,
        scale: float,
        mask: Tensor | None,
    ) -> Tensor:  # fmt: skip
        output = nn.functional.linear(rows, weight().to(rows.dtype), bias)  # (T, out)
        dropped = rows if mask is None else rows * mask
        inner = (dropped @ down.T).mul_(scale)  # (T, rank)
        ctx.weight, ctx.scale, ctx.mask = weight, scale, mask
        ctx.save_for_backward(dropped, inner, down, up)
        return output.addmm_(inner, up.T)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        dropped, inner, down, up = ctx.saved_tensors
        inner_gradient = (gradient @ up).mul_(ctx.scale)  # (T, rank)
        rows_gradient = None
        if ctx.needs_input_grad[0]:
            rows_gradient = gradient @ ctx.weight().to(gradient.dtype)
            if ctx.mask is None:
                rows_gradient.addmm_(inner_gradient, down)
            else:
                rows_gradient.addcmul_(inner_gradient @ down, ctx.mask)
        return rows_gradient, None, None, inner_gradient.T @ dropped, gradient.T @ inner, None, None
