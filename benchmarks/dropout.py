"""Dropout on a CPU: torch's own against ours, at the sizes of short texts, in one process.

The ratio must stay above TARGET.

python -m benchmarks.dropout
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from agile_classifier.models.network.fast_lora import PooledDropout

TARGET = 2.0
"""Least median ratio of torch's time to ours."""
SHAPES = ((16, 32, 384), (16, 64, 384), (16, 64, 1536))
"""Batch, tokens, width: MiniLM's hidden states and feed-forward layer."""
REPEATS = 30


def main() -> int:
    """Print a line a shape; 1 if a ratio is below the target."""
    ratios = [measure(shape) for shape in SHAPES]
    return int(min(ratios) < TARGET)


def measure(shape: tuple[int, ...]) -> float:
    """Torch's time over ours, forward and backward, medians of alternating repeats."""
    values = torch.randn(shape, requires_grad=True)
    contenders = (torch.nn.Dropout(0.1), PooledDropout(0.1))
    seconds: dict[int, list[float]] = {0: [], 1: []}
    for _ in range(REPEATS):
        for number, dropout in enumerate(contenders):
            seconds[number].append(timed(lambda dropout=dropout: dropout(values).sum().backward()))  # type: ignore
    theirs, ours = (statistics.median(seconds[number]) for number in (0, 1))
    print(f"{shape}: torch {theirs * 1e3:.2f} ms, ours {ours * 1e3:.2f} ms, ratio {theirs / ours:.1f} (n = {REPEATS})")
    return theirs / ours


def timed(action: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


if __name__ == "__main__":
    raise SystemExit(main())
