"""bitsandbytes, which keeps weights in 4 or 8 bits, imported without a compiler for functions that are not called here.

At its import bitsandbytes 0.50 hands four functions to `torch.compile`, which loads torch's compiler: as long again as
torch itself takes. They stand in for kernels that a device lacks, and for optimizers of 8 bits; they run as written.
Whatever uses transformers' quantization or PEFT imports this module first, for both import bitsandbytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def _uncompiled() -> Iterator[None]:
    compile_, torch.compile = torch.compile, _as_written  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.compile = compile_


def _as_written(function: Callable[..., Any] | None = None, **_: Any) -> Callable[..., Any]:
    """Return the function, or a decorator that does, as `torch.compile` is called."""
    return function if function is not None else _as_written


with _uncompiled():
    from bitsandbytes.functional import QuantState, dequantize_4bit, dequantize_blockwise

__all__ = ["QuantState", "dequantize_4bit", "dequantize_blockwise"]
