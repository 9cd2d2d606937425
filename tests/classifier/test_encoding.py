"""Encoding: nothing is lost unsaid, and batches of similar length are a function of (seed, epoch)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from classifier.base_model import load_tokenizer
from classifier.encoding import BATCHES_PER_BUCKET, LengthBucketSampler, encode

LENGTHS = st.lists(st.integers(1, 128), min_size=0, max_size=200).map(np.asarray)


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> PreTrainedTokenizerBase:
    return load_tokenizer(tiny_model)


def order_of(lengths: np.ndarray, *, batch_size: int = 4, seed: int = 0, epoch: int = 0) -> list[int]:
    sampler = LengthBucketSampler(lengths, batch_size=batch_size, seed=seed)
    sampler.set_epoch(epoch)
    return list(sampler)


def n_padding(order: list[int], lengths: np.ndarray, *, batch_size: int) -> int:
    batches = [lengths[order[start : start + batch_size]] for start in range(0, len(order), batch_size)]
    return sum(int(len(batch) * batch.max() - batch.sum()) for batch in batches)


def test_texts_longer_than_the_model_reads_are_cut_and_counted(tokenizer: PreTrainedTokenizerBase) -> None:
    encoded = encode(["fine film", "fine " * 6, "fine " * 7], tokenizer=tokenizer, max_length=8)
    assert encoded.lengths.tolist() == [4, 8, 8]
    assert encoded.n_cut == 1
    start, end = tokenizer.cls_token_id, tokenizer.sep_token_id
    assert all((ids[0], ids[-1]) == (start, end) for ids in encoded.input_ids)


def test_a_text_that_fits_is_encoded_as_the_tokenizer_alone_does(tokenizer: PreTrainedTokenizerBase) -> None:
    texts = ["a fine day", "the unknown", ""]
    assert encode(texts, tokenizer=tokenizer, max_length=64).input_ids == [
        tokenizer(text)["input_ids"] for text in texts
    ]


def test_no_texts_are_no_tokens(tokenizer: PreTrainedTokenizerBase) -> None:
    encoded = encode([], tokenizer=tokenizer, max_length=8)
    assert (encoded.input_ids, encoded.n_cut, len(encoded.lengths)) == ([], 0, 0)


def test_an_empty_text_is_one_token_even_where_a_tokenizer_adds_none_of_its_own() -> None:
    bare = Tokenizer(models.WordLevel({"[UNK]": 0, "</s>": 1, "fine": 2}, unk_token="[UNK]"))
    bare.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bare, unk_token="[UNK]", pad_token="</s>")
    assert encode(["fine", "", " "], tokenizer=tokenizer, max_length=8).input_ids == [[2], [1], [1]]


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
