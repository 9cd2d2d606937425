"""Sampling: the order in which texts of different lengths fill the batches of a training, and each device's share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

BATCHES_PER_BUCKET = 16
"""Batches that are filled from one shuffled bucket, sorted by length: little padding, yet a fresh mix each epoch."""


class LengthBucketSampler(Sampler[int]):
    """Positions of the examples, a fresh order for each epoch that depends on (seed, epoch) alone.

    Consecutive runs of `batch_size` positions are batches of similar length, so that padding costs little; being a
    function of the epoch alone it lets a resumed training see exactly the batches of an unbroken one.
    """

    def __init__(self, lengths: np.ndarray, *, batch_size: int, seed: int) -> None:
        self.lengths, self.batch_size, self.seed, self.epoch = lengths, batch_size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next iteration; the data loader calls it."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng([self.seed, self.epoch])
        order = rng.permutation(len(self.lengths))
        bucket = self.batch_size * BATCHES_PER_BUCKET
        sorted_buckets = [
            part[np.argsort(self.lengths[part], kind="stable")]
            for part in np.split(order, np.arange(bucket, len(order), bucket))
        ]
        flat = np.concatenate(sorted_buckets)
        batches = np.split(flat, np.arange(self.batch_size, len(flat), self.batch_size))
        last = batches.pop() if len(batches[-1]) < self.batch_size else None  # a short batch stays last
        shuffled = [batches[position] for position in rng.permutation(len(batches))]
        return iter(np.concatenate([*shuffled, *([last] if last is not None else [])]).tolist())


class BatchShares(Sampler[list[int]]):
    """One device's share of every batch: every `n`-th text, so that each gets long ones and short ones.

    Shares differ by a text at most. Where a batch has fewer texts than there are devices, some get `filler` alone, a
    text that counts for nothing: each device must take part in each step.
    """

    def __init__(self, order: LengthBucketSampler, *, batch_size: int, rank: int, n: int, filler: int) -> None:
        self.order, self.batch_size, self.rank, self.n, self.filler = order, batch_size, rank, n, filler

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next iteration; the data loader calls it."""
        self.order.set_epoch(epoch)

    def __len__(self) -> int:
        return -(-len(self.order) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        positions = list(self.order)
        for start in range(0, len(positions), self.batch_size):
            yield positions[start : start + self.batch_size][self.rank :: self.n] or [self.filler]
