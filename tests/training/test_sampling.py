"""Sampling: batches of similar length are a function of (seed, epoch)."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.training.sampling import BATCHES_PER_BUCKET, LengthBucketSampler

LENGTHS = st.lists(st.integers(1, 128), min_size=0, max_size=200).map(np.asarray)


def order_of(lengths: np.ndarray, *, batch_size: int = 4, seed: int = 0, epoch: int = 0) -> list[int]:
    sampler = LengthBucketSampler(lengths, batch_size=batch_size, seed=seed)
    sampler.set_epoch(epoch)
    return list(sampler)


def n_padding(order: list[int], lengths: np.ndarray, *, batch_size: int) -> int:
    batches = [lengths[order[start : start + batch_size]] for start in range(0, len(order), batch_size)]
    return sum(int(len(batch) * batch.max() - batch.sum()) for batch in batches)


@given(lengths=LENGTHS, batch_size=st.integers(1, 9), seed=st.integers(0, 9), epoch=st.integers(0, 9))
def test_an_epoch_visits_every_example_once(lengths: np.ndarray, batch_size: int, seed: int, epoch: int) -> None:
    order = order_of(lengths, batch_size=batch_size, seed=seed, epoch=epoch)
    assert sorted(order) == list(range(len(lengths)))
    assert len(LengthBucketSampler(lengths, batch_size=batch_size, seed=seed)) == len(order)


@given(lengths=LENGTHS, batch_size=st.integers(1, 9), epoch=st.integers(0, 9))
def test_each_batch_is_in_the_order_of_its_lengths_and_a_short_one_comes_last(
    lengths: np.ndarray, batch_size: int, epoch: int
) -> None:
    order = order_of(lengths, batch_size=batch_size, epoch=epoch)
    bucket = batch_size * BATCHES_PER_BUCKET
    if len(lengths) <= bucket and len(lengths) % batch_size:  # one bucket: its short batch is that of the longest texts
        assert max(lengths[order], default=0) == lengths[order[-1]]
    for start in range(0, len(order), batch_size):
        assert (np.diff(lengths[order[start : start + batch_size]]) >= 0).all()


def test_an_order_depends_on_seed_and_epoch_alone() -> None:
    lengths = np.random.default_rng(0).integers(3, 100, 300)
    first = order_of(lengths, seed=1, epoch=2)
    np.random.seed(7)  # numpy's global state must not matter
    assert first == order_of(lengths, seed=1, epoch=2)
    for seed, epoch in ((1, 3), (2, 2), (2, 1), (0, 3)):
        assert first != order_of(lengths, seed=seed, epoch=epoch)


def test_a_sampler_that_has_been_used_gives_the_same_epoch_again() -> None:
    lengths = np.arange(1, 101)
    sampler = LengthBucketSampler(lengths, batch_size=8, seed=0)
    seen = []
    for epoch in (0, 1, 2, 1):
        sampler.set_epoch(epoch)
        seen.append(list(sampler))
    assert seen[1] == seen[3]
    assert seen[0] != seen[1] != seen[2]


def test_batches_of_similar_length_hold_far_less_padding_than_random_ones() -> None:
    lengths = np.random.default_rng(0).geometric(0.03, 800).clip(3, 128)
    shuffled = np.random.default_rng(0).permutation(800).tolist()
    sampled = n_padding(order_of(lengths, batch_size=16), lengths, batch_size=16)
    assert sampled < n_padding(shuffled, lengths, batch_size=16) / 5


def test_the_mix_of_a_batch_changes_from_epoch_to_epoch() -> None:
    lengths = np.random.default_rng(0).integers(3, 100, 800)
    batches = [
        {frozenset(order[start : start + 16]) for start in range(0, 800, 16)}
        for order in (order_of(lengths, batch_size=16, epoch=epoch) for epoch in (0, 1))
    ]
    assert len(batches[0] & batches[1]) <= 1
