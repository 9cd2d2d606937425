"""Devices: how many processors of this machine a training takes."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass

import torch

from agile_classifier.environment import n_processes_around
from agile_classifier.errors import InputError


@dataclass(frozen=True)
class Devices:
    """Devices of a training: `n` processes, each on a device of its own."""

    kind: str
    """`cuda` or `cpu`."""
    n: int = 1


def choose_devices(wanted: int | str, *, device: str, batch_size: int) -> Devices:
    """Choose devices of this machine as `fine_tune.devices` and `fine_tune.device` ask for them; one node is supported.

    Raises
    ------
    InputError
        More devices are asked for than exist, or than a batch has texts; a GPU is asked for and none exists; several
        nodes.
    """
    if (around := n_processes_around()) > 1:
        raise InputError(
            f"WORLD_SIZE {around} in the environment: fine_tune trains on one node and starts its processes itself; "
            "run it once, without torchrun or accelerate launch, and set fine_tune.devices"
        )
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return choose_among(wanted, device=device, batch_size=batch_size, n_gpus=torch.cuda.device_count(), n_cores=n_cores)


def choose_among(wanted: int | str, *, device: str, batch_size: int, n_gpus: int, n_cores: int) -> Devices:
    """Choose among so many GPUs and cores.

    `auto` takes each GPU that gets a text of every batch, or one CPU process.
    """
    if device == "gpu" and not n_gpus:
        raise InputError("fine_tune.device gpu: no GPU here")
    kind = "cuda" if n_gpus and device != "cpu" else "cpu"
    if wanted == "auto":
        return Devices(kind, min(n_gpus, batch_size) if kind == "cuda" else 1)
    n, here = int(wanted), n_gpus if kind == "cuda" else n_cores
    if n > here:
        unit = "GPU" if kind == "cuda" else "CPU core"
        raise InputError(f"fine_tune.devices {n}: {here} {unit}{'s' if here != 1 else ''} here")
    if n > batch_size:
        raise InputError(f"fine_tune.devices {n}: fine_tune.batch_size {batch_size} leaves some of them without a text")
    return Devices(kind, n)


@dataclass(frozen=True)
class Hardware:
    """Hardware of a device, which decides speed and number format."""

    device: str
    """`cuda` or `cpu`."""
    name: str
    """Name of the device."""
    fast_bfloat16: bool
    """Whether the device has instructions for bfloat16 products; emulated ones are several times slower."""
    threads: int
    """Number of threads used on a CPU."""

    def as_dict(self) -> dict[str, str | bool | int]:
        """Plain values, for a record."""
        return asdict(self)


def read_hardware(*, kind: str | None = None) -> Hardware:
    """Read the hardware of the device that this process would train on, or of the given kind, `cuda` or `cpu`."""
    threads = torch.get_num_threads()
    if kind == "cuda" or (kind is None and torch.cuda.is_available()):
        return Hardware(
            "cuda", torch.cuda.get_device_name(), torch.cuda.is_bf16_supported(including_emulation=False), threads
        )
    fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return Hardware("cpu", platform.processor() or platform.machine(), bool(fast), threads)


def choose_compute_dtype(wanted: str, *, hardware: Hardware) -> str:
    """Choose the compute dtype: `auto` is bfloat16 where the hardware is fast at it, else float32; others stay."""
    if wanted != "auto":
        return wanted
    return "bfloat16" if hardware.fast_bfloat16 else "float32"
