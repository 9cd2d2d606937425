"""Comparison: ways to do the same work, run in turns in one process, as a table and as JSON.

Each is run several times, in an order that is shuffled anew; medians are compared, for the machine may be shared. Peak
memory is that of the process while a contender runs, the models of all of them included.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft.tuners.lora import LoraLayer
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

OURS = "ours"
"""Name of the contender that all others are set against."""


@dataclass(frozen=True)
class Outcome:
    """What one run gave, beside the time it took."""

    scores: np.ndarray  # (n, n_classes), probabilities
    seconds: float | None = None  # where only part of the run counts


@dataclass(frozen=True)
class Row:
    """A contender's line of the table."""

    name: str
    examples_per_second: float
    tokens_per_second: float
    ratio: float
    """Its time over ours."""
    peak_gigabytes: float
    scores: np.ndarray

    def as_dict(self) -> dict[str, float | str]:
        """What JSON holds: all but the scores."""
        return {name: value for name, value in vars(self).items() if name != "scores"}


def compare(
    contenders: Mapping[str, Callable[[], Outcome]], *, repeats: int, n_examples: int, n_tokens: int
) -> list[Row]:
    """Run them in turns; `n_tokens` are without padding, so that tokens a second mean the same for all."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    peaks: dict[str, float] = dict.fromkeys(contenders, 0.0)
    scores: dict[str, np.ndarray] = {}
    for repeat in range(repeats):
        order = list(contenders)
        np.random.default_rng(repeat).shuffle(order)
        for name in order:
            _forget_peak()
            started = time.perf_counter()
            outcome = contenders[name]()
            took = outcome.seconds or time.perf_counter() - started
            seconds[name].append(took)
            scores[name], peaks[name] = outcome.scores, max(peaks[name], _read_peak())
            print(f"  {name}: {took:.2f} s ({repeat + 1} of {repeats})", flush=True)
    ours = statistics.median(seconds[OURS])
    return [
        Row(name, n_examples / middle, n_tokens / middle, middle / ours, peaks[name], scores[name])
        for name, middle in ((name, statistics.median(took)) for name, took in seconds.items())
    ]


def show(rows: Sequence[Row], extra: Mapping[str, Mapping[str, float]]) -> None:
    """Print the table; `extra` holds further columns by contender."""
    print(f"{'':36} examples/s  tokens/s  times ours  peak GB  {'  '.join(next(iter(extra.values())))}")
    for row in rows:
        cells = "  ".join(f"{value:.3g}".rjust(len(name)) for name, value in extra[row.name].items())
        print(
            f"{row.name:36} {row.examples_per_second:10.2f} {row.tokens_per_second:9.0f} {row.ratio:11.2f} "
            f"{row.peak_gigabytes:8.2f}  {cells}"
        )


def save(rows: Sequence[Row], extra: Mapping[str, Mapping[str, float]], facts: Mapping[str, object], to: Path) -> None:
    """The table and what is known of the run, as JSON."""
    table = [{**row.as_dict(), **extra[row.name]} for row in rows]
    to.write_text(json.dumps({**facts, "rows": table}, indent=1) + "\n", encoding="utf-8")


def missed(rows: Sequence[Row], targets: Mapping[str, float]) -> list[str]:
    """A sentence for each contender that ours is not faster than by its target."""
    by_name = {row.name: row for row in rows}
    return [
        f"{target:g} times faster than {name}: {by_name[name].ratio:.2f}"
        for name, target in targets.items()
        if by_name[name].ratio < target
    ]


@dataclass
class Products:
    """Matrix products of linear layers, counted as they run."""

    operations: float = 0.0
    """Operations of forward passes; a training computes as many again, for the inputs' gradients."""


@contextmanager
def counted_products() -> Iterator[Products]:
    """Count every linear layer of every network that runs meanwhile.

    Torch's own counter does not see into bitsandbytes.
    """
    products = Products()

    def count(layer: nn.Module, _inputs: Any, output: Any) -> None:
        is_fused = isinstance(layer, LoraLayer) and "forward" in vars(layer)  # its base layer is not called
        if isinstance(layer, nn.Linear) or is_fused:
            products.operations += 2.0 * output.numel() * layer.in_features

    hook = register_module_forward_hook(count)
    try:
        yield products
    finally:
        hook.remove()


def peak_rate(size: int = 2048, dtype: torch.dtype = torch.float32, device: str = "cpu") -> float:
    """Rate of a large matrix product, operations a second; the median, as for the contenders."""
    matrix = torch.randn(size, size, dtype=dtype, device=device)

    def product() -> None:
        (matrix @ matrix)[0, 0].item()  # waits for a GPU

    return 2 * size**3 / statistics.median(_timed(product) for _ in range(9))


def _timed(action: Callable[[], None]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _forget_peak() -> None:
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    else:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # Linux: the peak is now what is in use


def _read_peak() -> float:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e9
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1e6
