"""Shingles: the runs of characters by which texts are compared, for many texts at once.

The likeness of two texts is the Jaccard similarity of their sets of shingles (Broder 1997, "On the resemblance and
containment of documents"). Texts are read as `agile_classifier.data.text.normalised` writes them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

SHINGLE = 5
"""Length of a shingle, in characters; a shorter text is a single shingle."""
N_HASHES = 128
"""Largest number of hash functions of a sketch."""
LARGEST_MISS = 1e-3
"""Largest share of the pairs just as like as asked for that share no key."""
MOST_HASHES_A_KEY = 16
BATCH = 1 << 16
"""Characters that are hashed at a time: few enough for a processor's cache."""
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_MIXER = np.uint64(0xD6E8FEB86659FD93)
_HASHES = np.random.default_rng(1).integers(0, 1 << 32, N_HASHES, dtype=np.uint32) | np.uint32(1)


def sketch(texts: Sequence[str], *, similarity: float) -> NDArray[np.uint64]:
    """Keys of which two texts at least as like as `similarity`, in (0, 1], share one or more, of shape (n_keys, n).

    MinHash and locality-sensitive hashing. Of pairs just as like as `similarity` one in a thousand shares none, of more
    like pairs fewer; pairs that are less like may share keys too.
    """
    n_keys, n_hashes = count_hashes(similarity)
    keys = np.zeros((n_keys, len(texts)), dtype=np.uint64)
    for batch in _batches([len(text) for text in texts]):
        hashed, starts = _hash(texts[batch])
        scratch = np.empty_like(hashed)
        for number, multiplier in enumerate(_HASHES[: n_keys * n_hashes]):
            np.multiply(hashed, multiplier, out=scratch)
            key = keys[number // n_hashes, batch]
            key *= _MULTIPLIER
            key += np.minimum.reduceat(scratch, starts)
    return keys


def count_hashes(similarity: float) -> tuple[int, int]:
    """Number of keys of a sketch, and of hashes in each key.

    As many hashes as `LARGEST_MISS` allows, so that few pairs share a key.
    """
    for n_hashes in range(MOST_HASHES_A_KEY, 0, -1):
        shared = similarity**n_hashes
        n_keys = 1 if shared == 1 else math.ceil(math.log(LARGEST_MISS) / math.log1p(-shared))
        if n_keys * n_hashes <= N_HASHES:
            return n_keys, n_hashes
    return N_HASHES, 1


def measure_likeness(texts: Sequence[str], one: Ints, other: Ints) -> NDArray[np.float64]:
    """Jaccard similarity of pairs of texts, in [0, 1], of shape (n_pairs,).

    Parameters
    ----------
    one, other : arrays of shape (n_pairs,)
        Positions of both texts of each pair.
    """
    likeness = np.empty(len(one))
    sizes = [len(texts[left]) + len(texts[right]) for left, right in zip(one, other, strict=True)]
    for batch in _batches(sizes):
        left = _shingle_sets([texts[place] for place in one[batch]])
        right = _shingle_sets([texts[place] for place in other[batch]])
        both = np.sort(np.concatenate([left, right]))
        n_left, n_right, n_both = (
            np.bincount((found >> np.uint64(32)).astype(np.int64), minlength=batch.stop - batch.start)
            for found in (left, right, both[1:][both[1:] == both[:-1]])
        )
        likeness[batch] = n_both / (n_left + n_right - n_both)
    return likeness


def _batches(sizes: Sequence[int]) -> Iterator[slice]:
    """Slices of neighbours whose sizes sum up to `BATCH` or little more; one alone may be larger."""
    start = total = 0
    for stop, before in enumerate(accumulate(sizes, initial=0)):
        if before - total >= BATCH:
            yield slice(start, stop)
            start, total = stop, before
    if start < len(sizes):
        yield slice(start, len(sizes))


def _hash(texts: Sequence[str]) -> tuple[NDArray[np.uint32], Ints]:
    """Hashes of the shingles of texts, one text after the other, and where each text's begin."""
    padded = [text.ljust(SHINGLE, "\0") for text in texts]
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    hashed = np.zeros(len(codes) - SHINGLE + 1, dtype=np.uint64)
    for offset in range(SHINGLE):
        hashed *= _MULTIPLIER
        hashed += codes[offset : offset + len(hashed)]
    hashed ^= hashed >> np.uint64(32)
    hashed *= _MIXER
    counts = np.asarray([len(text) for text in padded], dtype=np.int64) - SHINGLE + 1
    starts = np.cumsum(counts) - counts
    inside = np.arange(counts.sum()) + np.repeat(np.arange(len(texts)) * (SHINGLE - 1), counts)
    return (hashed[inside] >> np.uint64(32)).astype(np.uint32), starts


def _shingle_sets(texts: Sequence[str]) -> NDArray[np.uint64]:
    """The set of each text, sorted, as numbers whose upper half is the text's position and the lower the shingle."""
    hashed, starts = _hash(texts)
    counts = np.diff(np.append(starts, len(hashed)))
    numbered = (np.repeat(np.arange(len(texts), dtype=np.uint64), counts) << np.uint64(32)) | hashed
    return np.unique(numbered)
