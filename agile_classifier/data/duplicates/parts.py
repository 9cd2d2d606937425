"""Parts that keep near copies together: what must stay together is one unit, and no unit is in two parts.

Units of several examples are placed first, the largest before the others, each where most is missing of its strata
(Sechidis et al. 2011, "On the stratification of multi-label data"); single examples fill up what is left.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agile_classifier.config.split import SplitConfig
from agile_classifier.data.splits import PARTS, Split, part_sizes, shuffle
from agile_classifier.errors import InputError

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LEAST_SHARE = 0.5
"""Smallest share of its size that a part must get."""


def split_whole(unit: Ints, strata: pd.Series, split: SplitConfig, *, ids: pd.Series) -> Split:
    """Split like `split_stratified`, with no unit in two parts.

    Sizes are met as long as there are single examples to fill up with, strata as nearly as the units allow.

    Parameters
    ----------
    unit : array of shape (n,)
        Number of each example's unit.
    strata : Series of shape (n,)
        A class or a score's quantile bin; one value for all where nothing is to be stratified.
    ids : Series of shape (n,)
        Names of the examples, for errors.

    Raises
    ------
    InputError
        The units are so large that a part gets less than half of its size.
    """
    n = len(unit)
    sizes = np.asarray(list(part_sizes(n, split, unit="texts").values()))
    sizes = np.append(sizes, n - sizes.sum())  # last, the rows that no part asks for
    order = np.asarray(shuffle(n, split.seed), dtype=np.int64)
    stratum = pd.factorize(strata.to_numpy())[0].astype(np.int64)
    missing = np.outer(sizes, np.bincount(stratum)) / n  # (n_parts + 1, n_strata)
    is_single = np.bincount(unit)[unit] == 1
    part = np.full(n, -1)
    _place_units(part, unit, stratum, missing, order[~is_single[order]])
    _fill_up(part, stratum, missing, order[is_single[order]])
    _even_out(part, sizes, order[is_single[order]])
    _require_sizes(part, sizes, unit, ids)
    placed = part[order]
    return Split(*(order[placed == number] for number in range(len(PARTS))))


def move_units_to_validation(split: Split, unit: Ints, *, share: float, seed: int) -> Split:
    """Move a random share of train to validation, as `move_to_validation` does, unit by unit."""
    of_train = unit[split.train]
    wanted = max(1, round(share * len(of_train)))
    sizes = np.bincount(of_train)
    moved, n_moved = [], 0
    for each in np.random.default_rng(seed).permutation(np.unique(of_train)):
        if n_moved + sizes[each] <= wanted:
            moved.append(each)
            n_moved += sizes[each]
    is_moved = np.isin(of_train, moved)
    return Split(train=split.train[~is_moved], validation=split.train[is_moved], test=split.test)


def leave_out_copies(split: Split, unit: Ints, *, ids: pd.Series) -> Split:
    """Leave out of train what has a copy in validation or test, and out of validation what has one in test.

    Parameters
    ----------
    unit : array of shape (n,)
        Number of each example's group of near copies.
    ids : Series of shape (n,)
        Names of the examples, for errors.

    Raises
    ------
    InputError
        Half of train, or of validation, would be left out.
    """
    validation = split.validation[~np.isin(unit[split.validation], unit[split.test])]
    held_out = np.concatenate([unit[split.validation], unit[split.test]])
    left = Split(split.train[~np.isin(unit[split.train], held_out)], validation, split.test)
    for name in ("train", "validation"):
        n, n_left = len(getattr(split, name)), len(getattr(left, name))
        if n_left < LEAST_SHARE * n:
            raise InputError(
                f"split: {name} keeps {n_left} of its {n} texts, as near copies of held-out texts are left out of it;"
                f" {_largest(unit, ids)}"
            )
    return left


def _place_units(part: Ints, unit: Ints, stratum: Ints, missing: Floats, rows: Ints) -> None:
    """Place the units of several rows, the largest first, and take them off what is missing."""
    rows = rows[np.argsort(unit[rows], kind="stable")]
    units = np.split(rows, np.flatnonzero(np.diff(unit[rows])) + 1) if len(rows) else []
    quota = np.where(missing > 0, missing, np.nan)  # a part of no size takes nothing
    for members in sorted(units, key=len, reverse=True):
        held, n_held = np.unique(stratum[members], return_counts=True)
        left = (missing[:, held] - n_held) / quota[:, held]
        best = int(np.nanargmax(left @ n_held))
        part[members] = best
        missing[best, held] -= n_held


def _fill_up(part: Ints, stratum: Ints, missing: Floats, rows: Ints) -> None:
    """Share out single rows, stratum by stratum, in proportion to what is missing."""
    owed = np.zeros(len(missing))
    for number in np.unique(stratum[rows]):
        own = rows[stratum[rows] == number]
        asked = np.clip(missing[:, number], 0, None)
        asked = asked if asked.sum() else np.ones(len(asked))
        owed += len(own) * asked / asked.sum()
        counts = np.floor(np.clip(owed, 0, None)).astype(np.int64)
        while counts.sum() < len(own):
            counts[np.argmax(owed - counts)] += 1
        while counts.sum() > len(own):
            counts[np.argmax(np.where(counts > 0, counts - owed, -np.inf))] -= 1
        owed -= counts
        part[own] = np.repeat(np.arange(len(counts)), counts)


def _even_out(part: Ints, sizes: Ints, rows: Ints) -> None:
    """Move single rows from parts that have too many to parts that have too few."""
    short = sizes - np.bincount(part, minlength=len(sizes))
    for row in rows[::-1]:
        if not short.any():
            return
        needy = int(np.argmax(short))
        if short[part[row]] < 0 < short[needy]:
            short[part[row]] += 1
            short[needy] -= 1
            part[row] = needy


def _require_sizes(part: Ints, sizes: Ints, unit: Ints, ids: pd.Series) -> None:
    for number, name in enumerate(PARTS):
        n_rows = int((part == number).sum())
        if n_rows < LEAST_SHARE * sizes[number]:
            raise InputError(
                f"split: {name} gets {n_rows} of its {sizes[number]} texts, since near copies stay in one part;"
                f" {_largest(unit, ids)}"
            )


def _largest(unit: Ints, ids: pd.Series) -> str:
    """The largest group of near copies, and what to do about it."""
    largest = np.flatnonzero(unit == np.argmax(np.bincount(unit)))
    one, other = ids.iloc[largest[:2]]
    return (
        f"the largest group of them holds {len(largest)} of {len(unit)}, rows {one} and {other} among them: raise"
        " data_quality.similarity, or leave out texts that are filled-in forms"
    )
