"""Splits: which examples are train, validation and test.

Every method returns positions, so that a split can be stated, digested and tested without touching the texts. Orders
follow pandas' `sample(frac=1, random_state=seed)`, the codelab's own shuffle, so its rows can be reproduced exactly;
those of `split_stable` follow hashes, so that data which grow are split as they were.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from agile_classifier.config.split import SplitConfig
from agile_classifier.data.text import normalised
from agile_classifier.errors import InputError
from agile_classifier.label_sets import MOST_LABELS, part_labels

PARTS = ("train", "validation", "test")
WORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "validate", "val", "dev", "development"),
    "test": ("test", "testing"),
}
"""Part → the words that stand for it in a column, in any case."""
PART_OF = {word: part for part, words in WORDS.items() for word in words}
STRATA = 10
"""Number of quantile bins by which a score is stratified."""


@dataclass(frozen=True)
class Split:
    """Positions of the rows of each part, in their order of use."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @property
    def n_rows(self) -> int:
        """Number of rows in the three parts."""
        return len(self.train) + len(self.validation) + len(self.test)


def split_shuffle(n_rows: int, split: SplitConfig) -> Split:
    """Split the shuffled order: the first rows train, the next validate, the last test; rows between are unused."""
    order = np.asarray(shuffle(n_rows, split.seed))
    return _cut(order, part_sizes(n_rows, split, unit="rows"))


def split_stratified(strata: pd.Series, split: SplitConfig) -> Split:
    """Split like `split_shuffle`, but with each stratum in the same share in every part.

    Train and test do so to within one row of each stratum; validation, which lies between two cuts, to within two. The
    shuffled rows of each stratum are spread evenly over the order, so that any cut is stratified, and another size of
    train keeps the test rows.

    Parameters
    ----------
    strata : Series of shape (n,)
        A class or a score's quantile bin (`score_strata`).
    """
    shuffled = np.asarray(shuffle(len(strata), split.seed))
    stratum = pd.factorize(strata.to_numpy()[shuffled])[0]
    order = np.empty_like(shuffled)
    order[np.argsort(_spread(np.bincount(stratum)), kind="stable")] = shuffled[np.argsort(stratum, kind="stable")]
    return _cut(order, part_sizes(len(strata), split, unit="rows"))


def split_sets(sets: pd.Series, split: SplitConfig) -> Split:
    """Split like `split_stratified`, but with each of several labels in nearly the same share in every part.

    Sets of labels are many and rare, so that a stratum of each could not be dealt out. The shuffled rows are ordered so
    that every beginning holds each label, and the number of labels a text, as nearly in its share as the sets that are
    left allow: iterative stratification (Sechidis et al. 2011) as an order, which keeps test where train changes its
    size.

    Parameters
    ----------
    sets : Series of shape (n,)
        Sets of labels (`agile_classifier.label_sets`).
    """
    shuffled = np.asarray(shuffle(len(sets), split.seed))
    distinct, which, counts = np.unique(sets.to_numpy()[shuffled], return_inverse=True, return_counts=True)
    order = np.empty_like(shuffled)
    order[np.argsort(_spread_labels(part_labels(distinct, MOST_LABELS), counts), kind="stable")] = shuffled[
        np.argsort(which, kind="stable")
    ]
    return _cut(order, part_sizes(len(sets), split, unit="rows"))


def split_group(group: pd.Series, split: SplitConfig) -> Split:
    """Split by whole groups, so that no group is in two parts; sizes count groups."""
    require_groups(group)
    names = sorted(group.astype(str).unique())
    sizes = part_sizes(len(names), split, unit="groups")
    shuffled = [names[position] for position in shuffle(len(names), split.seed)]
    parts = _cut(np.asarray(shuffled, dtype=object), sizes)
    rows = {part: np.flatnonzero(group.astype(str).isin(set(getattr(parts, part)))) for part in PARTS}
    return Split(**rows)


def require_groups(group: pd.Series) -> None:
    """Refuse rows without a group."""
    if group.isna().any():
        raise InputError(
            f"split: {group.isna().sum()} rows have no group, first row {np.flatnonzero(group.isna())[0] + 1};"
            " every row needs one"
        )


def split_stable(texts: Sequence[str], group: pd.Series | None, split: SplitConfig) -> Split:
    """Split by a hash of each row's group, or of its text: no other row, no order and no label has a say in its part.

    Shares hold as a coin's do: of n rows, a share p comes to n p, give or take the root of n p (1 - p). Another share
    of train leaves the rows of the other parts where they are. Each part is in the order of the hashes.

    Parameters
    ----------
    texts : sequence of str, of shape (n,)
        Hashed as `agile_classifier.data.text.normalised` writes them.
    group : Series of shape (n,), optional
        What is hashed in place of the texts, so that no group is in two parts.

    Examples
    --------
    >>> def test_texts(texts):
    ...     return [texts[row] for row in split_stable(texts, None, SplitConfig(method="stable", test=0.5)).test]
    >>> test_texts(["so be it", "never", "fine", "not now"])
    ['not now', 'never']
    >>> test_texts(["never", "well", "Not  now"])
    ['Not  now', 'never']
    """
    of_text = _places(map(normalised, texts), seed=split.seed)
    if group is not None:
        require_groups(group)
    place = of_text if group is None else _places(group.astype(str), seed=split.seed)
    order = np.lexsort((of_text, place))
    validation, test = _bounds(split)
    train = validation if split.train is None else split.train
    placed = place[order]
    return Split(
        train=order[placed < train],
        validation=order[(validation <= placed) & (placed < test)],
        test=order[test <= placed],
    )


def split_columns(column: pd.Series) -> Split:
    """Split by a column that holds the words of `WORDS`."""
    words = column.map(lambda cell: "" if pd.isna(cell) else str(cell).strip().lower())
    values = words.map(PART_OF)
    if values.isna().any():
        unknown = words[values.isna()]
        allowed = ", ".join(_with_synonyms(part) for part in PARTS)
        first = sorted(set(unknown))[0]
        n_rows = int((unknown == first).sum())
        raise InputError(f"column {column.name}: found part {first!r} ({n_rows} rows); allowed are {allowed}")
    split = Split(**{part: np.flatnonzero(values == part) for part in PARTS})
    for part in ("train", "test"):
        if not len(getattr(split, part)):
            raise InputError(f"column {column.name}: no row is marked {part}; mark some, or take another split.method")
    return split


def move_to_validation(split: Split, *, share: float, seed: int) -> Split:
    """Move a random share of train to validation, for protocols that leave no validation rows."""
    n_moved = max(1, round(share * len(split.train)))
    moved = np.random.default_rng(seed).permutation(len(split.train))[:n_moved]
    keep = np.ones(len(split.train), dtype=bool)
    keep[moved] = False
    return Split(train=split.train[keep], validation=split.train[~keep], test=split.test)


def score_strata(score: pd.Series) -> pd.Series:
    """Quantile bin of each score, of shape (n,); ties share a bin."""
    if score.nunique() == 1:  # qcut finds no bin
        return pd.Series(0, index=score.index)
    return pd.qcut(score.rank(method="average"), STRATA, labels=False, duplicates="drop").astype("int64")


def shuffle(n: int, seed: int) -> list[int]:
    """Positions 0 to n - 1 in the order of pandas' `sample(frac=1, random_state=seed)`."""
    return list(pd.RangeIndex(n).to_series().sample(frac=1, random_state=seed))


def part_sizes(n: int, split: SplitConfig, *, unit: str) -> dict[str, int]:
    """Size of each part of n rows, or of n of another unit, which errors name.

    Raises
    ------
    InputError
        The parts need more than there are.
    """
    asked = {"train": split.train, "validation": split.validation, "test": split.test}
    sizes = {part: None if size is None else _count(size, n) for part, size in asked.items()}
    rest = n - sum(size for size in sizes.values() if size is not None)
    counts = {part: rest if size is None else size for part, size in sizes.items()}
    if rest < 0 or counts["train"] < 1 or counts["test"] < 1:
        wanted = ", ".join(f"{part} {size if size is not None else 'the rest'}" for part, size in sizes.items())
        raise InputError(f"split: {wanted} need more than the {n} {unit} there are")
    return counts


def _places(names: Iterable[str], *, seed: int) -> np.ndarray:
    """Place of each name in [0, 1), by a hash that the seed keys, of shape (n,)."""
    key = str(seed).encode()
    hashes = [hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest() for name in names]
    return np.asarray([int.from_bytes(found, "big") for found in hashes], dtype=np.float64) / 2**64


def _bounds(split: SplitConfig) -> tuple[float, float]:
    """Places at which validation and test begin; train begins at 0."""
    test = 1 - split.test if split.test is not None else float(split.train or 0) + split.validation
    return test - split.validation, test


def _with_synonyms(part: str) -> str:
    others = [word for word in WORDS[part] if word != part]
    return f"{part} ({', '.join(others)})"


def _spread(sizes: np.ndarray) -> np.ndarray:
    """Order of strata, (sum of sizes,), every beginning of which holds each stratum's share to within one row.

    The quota method of apportionment (Balinski and Young 1975): the next row is the stratum's that is most short of its
    share, among those that one more row does not bring above it.
    """
    n, taken = int(sizes.sum()), np.zeros_like(sizes)
    order = np.empty(n, dtype=np.int64)
    for place in range(n):
        may = taken * n < sizes * (place + 1)
        order[place] = np.argmax(np.where(may, sizes / (taken + 1), -1))
        taken[order[place]] += 1
    return order


def _spread_labels(members: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Order of sets, (sum of counts,), every beginning of which holds each label in nearly its share.

    Parameters
    ----------
    members : array of shape (n_sets, n_labels)
        1 where a set holds a label.
    counts : array of shape (n_sets,)
        Rows of each set.
    """
    held = members[:, (counts @ members) > 0].astype(np.float64)
    held = np.column_stack([held, held.sum(axis=1) == 0])  # texts without a label are spread too
    share = counts @ held / counts.sum()
    weight, left, behind = 1 / np.maximum(share, 1 / counts.sum()), counts.copy(), np.zeros(held.shape[1])
    order = np.empty(int(counts.sum()), dtype=np.int64)
    for place in range(len(order)):
        behind += share
        distance = ((behind - held) ** 2 @ weight).round(9)
        order[place] = np.argmin(np.where(left > 0, distance, np.inf))
        left[order[place]] -= 1
        behind -= held[order[place]]
    return order


def _count(size: float, n: int) -> int:
    return round(size * n) if 0 < size < 1 else int(size)


def _cut(order: np.ndarray, sizes: dict[str, int]) -> Split:
    n_train, n_validation, n_test = (sizes[part] for part in PARTS)
    return Split(order[:n_train], order[n_train : n_train + n_validation], order[len(order) - n_test :])
