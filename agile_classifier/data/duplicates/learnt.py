"""Learnt texts: what a classifier has learnt from, known by digests and MinHash keys, so that near copies are found.

Neither holds a text. A key stands for several hashes of a text's shingles at once; two texts are called near copies
where they share as many keys as 19 of 20 pairs do that are just as like as `similarity`. Of pairs half as like, about
one in a thousand does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from scipy.special import bdtr

from agile_classifier.data.duplicates.shingles import count_hashes, sketch
from agile_classifier.data.text import normalised, text_digest
from agile_classifier.errors import InputError

DIGESTS_FILE, SKETCH_FILE = "learnt_from.json", "learnt_sketch.safetensors"
SIMILARITY = 0.8
"""Jaccard similarity from which a text counts as a near copy of one that was learnt."""
MISSED = 0.05
"""Largest share of the pairs just as like as `SIMILARITY` that are not found."""
CROWD = 64
"""Learnt texts of one key with which a text is compared; a form that was filled in a million times has one key."""


@dataclass(frozen=True)
class LearntTexts:
    """Digests and keys of the texts that a classifier has learnt from, or was chosen by."""

    digests: frozenset[str]
    """Digests of the texts, as `text_digest` makes them."""
    keys: NDArray[np.uint32] | None
    """MinHash keys of the texts, of shape (n_keys, n), a column a text; None for a version older than such keys."""

    @classmethod
    def of(cls, texts: Iterable[str]) -> LearntTexts:
        """Describe texts, each once."""
        different = list(dict.fromkeys(map(normalised, texts)))
        return cls(frozenset(map(text_digest, different)), _read_keys(different))

    @classmethod
    def load(cls, folder: Path) -> LearntTexts | None:
        """Read what stands in the folder of a classifier; None where nothing does.

        Raises
        ------
        InputError
            A file is damaged.
        """
        if not (folder / DIGESTS_FILE).is_file():
            return None
        try:
            digests = frozenset(json.loads((folder / DIGESTS_FILE).read_text(encoding="utf-8")))
            keys = _load_keys(folder / SKETCH_FILE)
        except (ValueError, TypeError, SafetensorError) as error:
            raise InputError(f"{folder}: {DIGESTS_FILE} or {SKETCH_FILE} is damaged: {error}") from None
        return cls(digests, keys)

    @property
    def extent(self) -> Literal["nearly", "equal", "nothing"]:
        """Copies that can be told: equal and nearly equal texts, equal ones alone, or none."""
        if self.keys is not None:
            return "nearly"
        return "equal" if self.digests else "nothing"

    def save(self, folder: Path) -> None:
        """Write both files."""
        (folder / DIGESTS_FILE).write_text(json.dumps(sorted(self.digests)), encoding="utf-8")
        if self.keys is not None:
            save_file({"keys": np.ascontiguousarray(self.keys)}, folder / SKETCH_FILE)

    def joined(self, earlier: LearntTexts | None) -> LearntTexts:
        """These texts and those that were learnt before them; without keys where those have none, or are not known."""
        if earlier is None:
            return LearntTexts(self.digests, None)
        keys = None
        if self.keys is not None and earlier.keys is not None:
            keys = np.unique(np.concatenate([self.keys, earlier.keys], axis=1), axis=1)
        return LearntTexts(self.digests | earlier.digests, keys)

    def find_copies(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Which texts were learnt, word for word or nearly, of shape (n,); without keys, word for word alone."""
        equal = np.fromiter((text_digest(text) in self.digests for text in texts), bool, len(texts))
        if self.keys is None or not len(texts):
            return equal
        return equal | (_most_shared(_read_keys(list(map(normalised, texts))), self.keys) >= _least_shared())


def _read_keys(texts: Sequence[str]) -> NDArray[np.uint32]:
    """The lower half of each key, of shape (n_keys, n): enough to tell millions of texts apart."""
    return sketch(texts, similarity=SIMILARITY).astype(np.uint32)


def _load_keys(path: Path) -> NDArray[np.uint32] | None:
    if not path.is_file():
        return None
    with safe_open(path, framework="np") as file:
        keys: NDArray[np.uint32] = file.get_tensor("keys")
    n_keys = count_hashes(SIMILARITY)[0]
    if keys.dtype != np.uint32 or keys.ndim != 2 or keys.shape[0] != n_keys:
        raise ValueError(f"expected uint32 of {n_keys} rows, found {keys.dtype} of shape {keys.shape}")
    return keys


def _least_shared() -> int:
    """Number of keys that all but `MISSED` of the pairs share that are just as like as `SIMILARITY`."""
    n_keys, n_hashes = count_hashes(SIMILARITY)
    return next(n for n in range(n_keys + 1) if bdtr(n, n_keys, SIMILARITY**n_hashes) > MISSED)


def _most_shared(keys: NDArray[np.uint32], learnt: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Most keys that each text shares with one learnt text, of shape (n,)."""
    found = [np.empty(0, dtype=np.int64)]
    for key, learnt_key in zip(keys, learnt, strict=True):
        order = np.argsort(learnt_key, kind="stable")
        first = np.searchsorted(learnt_key[order], key)
        sizes = np.minimum(np.searchsorted(learnt_key[order], key, side="right") - first, CROWD)
        row = np.repeat(np.arange(len(key)), sizes)
        within = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        found.append(row * learnt.shape[1] + order[np.repeat(first, sizes) + within])
    pairs, counts = np.unique(np.concatenate(found), return_counts=True)
    most = np.zeros(keys.shape[1], dtype=np.int64)
    np.maximum.at(most, pairs // max(1, learnt.shape[1]), counts)
    return most
