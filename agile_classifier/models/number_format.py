"""Hardware: which device and number format a run uses, read from recorded capability and never from a timing."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass

import torch


@dataclass(frozen=True)
class Hardware:
    """What decides speed and number format."""

    device: str
    """`cuda` or `cpu`."""
    name: str
    """The device's own name."""
    fast_bfloat16: bool
    """Whether it has instructions for bfloat16 products; without them bfloat16 is emulated, several times slower."""
    threads: int
    """Threads used on a CPU."""

    def as_dict(self) -> dict[str, str | bool | int]:
        """Plain values, for a record."""
        return asdict(self)


def read_hardware(*, kind: str | None = None) -> Hardware:
    """The device this process would train on; with `kind`, `cuda` or `cpu`, the one of that kind."""
    threads = torch.get_num_threads()
    if kind == "cuda" or (kind is None and torch.cuda.is_available()):
        return Hardware(
            "cuda", torch.cuda.get_device_name(), torch.cuda.is_bf16_supported(including_emulation=False), threads
        )
    fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return Hardware("cpu", platform.processor() or platform.machine(), bool(fast), threads)


def choose_compute_dtype(wanted: str, *, hardware: Hardware) -> str:
    """`auto` becomes bfloat16 where the hardware is fast at it, else float32; a named dtype stands."""
    if wanted != "auto":
        return wanted
    return "bfloat16" if hardware.fast_bfloat16 else "float32"
