"""Splits: which examples are train, validation and test.

Every method returns positions, so that a split can be stated, digested and tested without touching the texts. Orders
follow pandas' `sample(frac=1, random_state=seed)`, the codelab's own shuffle, so its rows can be reproduced exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from agile_classifier.config.data import SplitConfig
from agile_classifier.errors import InputError

PARTS = ("train", "validation", "test")
STRATA = 10
"""Number of quantile bins by which a score is stratified."""


@dataclass(frozen=True)
class Split:
    """Positions of the rows of each part, in their order of use."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


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


def split_columns(column: pd.Series) -> Split:
    """Split by a column that holds `train`, `validation` or `test`."""
    values = column.astype(str).str.strip().str.lower().replace({"val": "validation", "dev": "validation"})
    unknown = sorted(set(values.map(str)) - set(PARTS))
    if unknown:
        raise InputError(f"column {column.name}: found part {unknown[0]!r}; allowed are {', '.join(PARTS)}")
    split = Split(**{part: np.flatnonzero(values == part) for part in PARTS})
    for part in ("train", "test"):
        if not len(getattr(split, part)):
            raise InputError(f"column {column.name}: no row is marked {part}")
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


def _count(size: float, n: int) -> int:
    return round(size * n) if 0 < size < 1 else int(size)


def _cut(order: np.ndarray, sizes: dict[str, int]) -> Split:
    n_train, n_validation, n_test = (sizes[part] for part in PARTS)
    return Split(order[:n_train], order[n_train : n_train + n_validation], order[len(order) - n_test :])
