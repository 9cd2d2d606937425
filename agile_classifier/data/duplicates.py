"""Duplicates: texts that say the same, letter by letter or nearly, found without comparing each with each.

Near duplicates by MinHash (Broder 1997, "On the resemblance and containment of documents") and locality-sensitive
hashing; a pair that hashing proposes is kept only if the texts' own shingles agree, so hashing can miss a pair and
never invents one.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from datasketch import MinHash, MinHashLSH

from agile_classifier.data.text import normalised

SHINGLE = 5
"""Length of a shingle, in characters."""
N_PERMUTATIONS = 128
WEIGHTS = (0.1, 0.9)
"""Weights of the hashing's two errors: pairs proposed in vain, which only cost time, and pairs missed."""
HIGHEST_THRESHOLD = 0.9
"""Highest similarity that the hashing is set to; above it, more pairs are proposed than kept."""


def find_near_duplicates(texts: Sequence[str], *, similarity: float) -> list[tuple[int, int, float]]:
    """Find pairs of positions, the lower first, whose shingles' Jaccard similarity is at least `similarity`, in (0, 1].

    Texts are compared as `agile_classifier.data.text.normalised` writes them: 1 stands for texts that differ by case,
    width or space at most.
    """
    shingles = [_shingles(normalised(text)) for text in texts]
    index = MinHashLSH(threshold=min(similarity, HIGHEST_THRESHOLD), num_perm=N_PERMUTATIONS, weights=WEIGHTS)
    groups: dict[frozenset[int], list[int]] = {}
    for place, held in enumerate(shingles):
        groups.setdefault(held, []).append(place)
    pairs = []
    sketches = MinHash.generator(map(list, groups), num_perm=N_PERMUTATIONS, seed=1, hashfunc=_as_is)
    for (held, places), sketch in zip(groups.items(), sketches, strict=True):
        pairs += [(one, other, 1.0) for number, one in enumerate(places) for other in places[number + 1 :]]
        for near in index.query(sketch):
            likeness = _jaccard(held, shingles[near])
            if likeness >= similarity:
                pairs += [
                    (min(one, other), max(one, other), likeness) for one in groups[shingles[near]] for other in places
                ]
        index.insert(places[0], sketch)
    return sorted(pairs)


def _shingles(text: str) -> frozenset[int]:
    """Hashes of all runs of `SHINGLE` characters; a shorter text is a single shingle."""
    runs = range(max(1, len(text) - SHINGLE + 1))
    return frozenset(zlib.crc32(text[start : start + SHINGLE].encode("utf-8", "surrogatepass")) for start in runs)


def _as_is(value: int) -> int:
    return value


def _jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    return len(one & other) / len(one | other)
