"""Every benchmark, one after the other.

python -m benchmarks
"""

from benchmarks import (
    batch_scoring,
    cells,
    dropout,
    lora,
    losses,
    quality,
    queue,
    scoring,
    serving,
    training,
    waiting,
)
from benchmarks.bands import __main__ as bands
from benchmarks.front_door import duplicates
from benchmarks.quarter import __main__ as quarter

if __name__ == "__main__":
    runs = (
        dropout.main(),
        lora.main([]),
        scoring.main([]),
        serving.main([]),
        batch_scoring.main([]),
        training.main([]),
        cells.main([]),
        losses.main([]),
        queue.main([]),
        quality.main([]),
        waiting.main([]),
        duplicates.main([]),
        quarter.main([]),
        bands.main([]),
    )
    raise SystemExit(max(runs))
