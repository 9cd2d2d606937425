"""Copies: the groups of texts that say the same, letter by letter or nearly, in near-linear time and flat memory.

Equal texts are one before anything is compared. Of those that share a key of their sketch each is compared with a few
neighbours and with the first, so that a crowd of a million alike costs no more than a million that are not. What is
compared counts only where the texts' own shingles agree: hashing can miss a pair and never invents one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from agile_classifier.data.duplicates.shingles import measure_likeness, sketch
from agile_classifier.data.text import normalised

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

NEIGHBOURS = 4
"""Texts after it that each is compared with, among those that share a key with it."""
CROWD = 16
"""Largest number of different texts in a group whose texts are all compared with each other."""


@dataclass(frozen=True)
class Copies:
    """Which rows hold equal texts, and which hold nearly equal ones."""

    text: Ints
    """Number of each row's text among the different texts, in the order of their first rows, of shape (n_rows,)."""
    group: Ints
    """Number of each row's group, in the order of their first rows, of shape (n_rows,). Texts that are near to one text
    are in one group, though they may be less near to each other."""
    pairs: Ints
    """Numbers of texts that are near copies, of shape (n_pairs, 2), the lower first: every pair of a group of `CROWD`
    different texts at most; of a larger one, what holds it together."""
    likeness: Floats
    """Jaccard similarity of the shingles of each pair, of shape (n_pairs,)."""


def find_copies(texts: Sequence[str], *, similarity: float) -> Copies:
    """Find equal and nearly equal texts.

    Parameters
    ----------
    texts : sequence of str
        Compared as `agile_classifier.data.text.normalised` writes them.
    similarity : float
        Jaccard similarity of shingles from which two texts are near copies, in (0, 1]; 1 stands for texts that differ
        by case, width or space at most.

    Examples
    --------
    >>> find_copies(["No comment.", "Late again!", "NO  comment."], similarity=0.8).group.tolist()
    [0, 1, 0]
    """
    text, different = number_texts(texts)
    group, pairs, likeness = _group(different, similarity)
    return Copies(text, group[text], pairs, likeness)


def number_texts(texts: Sequence[str]) -> tuple[Ints, list[str]]:
    """Number of each row's text among the different texts, of shape (n_rows,), and the different texts, normalised."""
    numbers = dict[str, int]()
    text = np.fromiter((numbers.setdefault(normalised(row), len(numbers)) for row in texts), np.int64, len(texts))
    return text, list(numbers)


def join_groups(one: Ints, other: Ints) -> Ints:
    """Number of each row's group, of shape (n_rows,), where rows that either grouping joins are joined.

    Groups are numbered in the order of their first rows.
    """
    _, first, number = np.unique(other, return_index=True, return_inverse=True)
    rows = np.arange(len(one))
    return _numbered(_join(_numbered(one), rows, first[number]))


def _group(texts: Sequence[str], similarity: float) -> tuple[Ints, Ints, Floats]:
    """The group of each of several different texts, and near copies with their likeness, as `Copies` has them."""
    group = np.arange(len(texts))
    found = [_near(texts, group[:0], group[:0], similarity)]
    for one, other in _candidates(sketch(texts, similarity=similarity)):
        apart = group[one] != group[other]
        if apart.any():
            found.append(_near(texts, one[apart], other[apart], similarity))
            group = _join(group, *found[-1][0].T)
    pairs, likeness = (np.concatenate(parts) for parts in zip(*found, strict=True))
    in_crowd = np.bincount(group)[group[pairs[:, 0]]] > CROWD
    inside, their_likeness = _near(texts, *_pairs_inside(group), similarity)
    return (
        _numbered(group),
        np.concatenate([inside, pairs[in_crowd]]),
        np.concatenate([their_likeness, likeness[in_crowd]]),
    )


def _near(texts: Sequence[str], one: Ints, other: Ints, similarity: float) -> tuple[Ints, Floats]:
    """Pairs of texts, among those proposed, that are near copies, of shape (n, 2), and their likeness."""
    likeness = measure_likeness(texts, one, other)
    near = likeness >= similarity
    return np.sort(np.stack([one[near], other[near]], axis=1), axis=1), likeness[near]


def _pairs_inside(group: Ints) -> tuple[Ints, Ints]:
    """All pairs within the groups of `CROWD` texts at most."""
    order = np.argsort(group, kind="stable")
    order = order[np.bincount(group)[group[order]] <= CROWD]
    pairs = [np.empty((2, 0), dtype=np.int64)]
    for distance in range(1, min(CROWD, len(order))):
        together = group[order[distance:]] == group[order[:-distance]]
        pairs.append(np.stack([order[:-distance][together], order[distance:][together]]))
    one, other = np.concatenate(pairs, axis=1)
    return one, other


def _candidates(keys: NDArray[np.uint64]) -> Iterator[tuple[Ints, Ints]]:
    """Pairs of texts that share a key, as two arrays; of a crowd only neighbours and each one with the first.

    A crowd is ordered by the next key, so that neighbours in it tend to share more than one.
    """
    for number, key in enumerate(keys):
        order = np.lexsort((keys[(number + 1) % len(keys)], key))
        starts = np.flatnonzero(np.diff(key[order], prepend=~key[order[:1]]))
        sizes = np.diff(np.append(starts, len(order)))
        shared = np.repeat(sizes > 1, sizes)
        order, first = order[shared], np.repeat(order[starts], sizes)[shared]
        for distance in range(1, NEIGHBOURS + 1):
            here = first[distance:] == first[:-distance]
            yield order[:-distance][here], order[distance:][here]
        yield first, order


def _join(group: Ints, one: Ints, other: Ints) -> Ints:
    """The groups after those of pairs have become one, named by the smallest number among them."""
    touched, ends = np.unique(np.stack([group[one], group[other]]), return_inverse=True)
    edges = coo_array((np.ones(len(one), dtype=bool), ends.reshape(2, -1)), shape=(len(touched), len(touched)))
    n_joined, joined = connected_components(edges, directed=False)
    name = np.full(n_joined, len(group))
    np.minimum.at(name, joined, touched)
    names = np.arange(group.max(initial=-1) + 1)
    names[touched] = name[joined]
    return names[group]


def _numbered(group: Ints) -> Ints:
    """Groups numbered in the order of their first rows."""
    _, first, number = np.unique(group, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[number]
