"""Devices: how many processors of this machine a training takes."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from agile_classifier.environment import n_processes_around
from agile_classifier.errors import InputError


@dataclass(frozen=True)
class Devices:
    """What a training runs on: `n` processes, each on a device of its own."""

    kind: str
    """`cuda` or `cpu`."""
    n: int = 1


def choose_devices(wanted: int | str, *, device: str, batch_size: int) -> Devices:
    """As `fine_tune.devices` and `fine_tune.device` ask for them, of those that are here. One node is supported.

    Raises
    ------
    InputError
        More are asked for than there are, or than a batch has texts; a GPU, and there is none; or several nodes run this.
    """
    if (around := n_processes_around()) > 1:
        raise InputError(
            f"WORLD_SIZE {around} in the environment: fine_tune trains on one node and starts its processes itself; "
            "run it once, without torchrun or accelerate launch, and set fine_tune.devices"
        )
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return choose_among(wanted, device=device, batch_size=batch_size, n_gpus=torch.cuda.device_count(), n_cores=n_cores)


def choose_among(wanted: int | str, *, device: str, batch_size: int, n_gpus: int, n_cores: int) -> Devices:
    """The choice itself. `auto` takes every GPU that gets a text of each batch, and one process of a CPU, which uses all cores."""
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
