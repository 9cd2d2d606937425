"""Differences: which examples came, changed or went from one snapshot to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from agile_classifier.data.snapshots.identity import SOURCE, Identities, KnownBy, identify

KNOWN = ("id", SOURCE)
"""Columns that say which example it is, and nothing of it."""


@dataclass(frozen=True)
class Differences:
    """Positions of the rows that differ between two tables of examples."""

    added: np.ndarray
    """Rows of the later one, of examples that the earlier one lacks."""
    withdrawn: np.ndarray
    """Rows of the earlier one, of examples that the later one lacks."""
    changed_from: np.ndarray
    """Rows of the earlier one, of examples that say something else in the later one."""
    changed_to: np.ndarray
    """Rows of the later one, in the same order."""

    @property
    def is_empty(self) -> bool:
        """Whether no example came, changed or went; their order counts as nothing."""
        return not (len(self.added) or len(self.withdrawn) or len(self.changed_to))


def compare(
    before: pd.DataFrame, after: pd.DataFrame, *, ways_before: Mapping[str, KnownBy], ways_after: Mapping[str, KnownBy]
) -> Differences:
    """Compare two tables of examples.

    Of texts that stand several times, as many as there were are the same. What only one of the tables has a column for
    is left out of the comparison. A source whose examples are known by id in one alone is compared by its texts.

    Parameters
    ----------
    before, after : DataFrame
        As `agile_classifier.data.examples.read_snapshot` makes them.
    ways_before, ways_after : mapping
        Source → by what its examples were known.
    """
    ways: dict[str, KnownBy] = {**ways_before, **ways_after}
    ways |= {name: "text" for name in ways_before.keys() & ways_after.keys() if ways_before[name] != ways_after[name]}
    columns = [name for name in after.columns if name in before.columns and name not in KNOWN]
    left, right = (_table(identify(each, ways, columns=columns)) for each in (before, after))
    both = left.merge(right, on=["key", "turn"], how="outer", suffixes=("_before", "_after"))
    is_new, is_gone = both["row_before"].isna(), both["row_after"].isna()
    differs = ~is_new & ~is_gone & (both["content_before"] != both["content_after"])
    return Differences(
        added=_rows(both["row_after"][is_new]),
        withdrawn=_rows(both["row_before"][is_gone]),
        changed_from=both["row_before"][differs].to_numpy(dtype=np.int64),
        changed_to=both["row_after"][differs].to_numpy(dtype=np.int64),
    )


def _table(found: Identities) -> pd.DataFrame:
    """Rows by key; of equal keys the rows of equal content meet, as far as there are some."""
    table = pd.DataFrame({"key": found.key, "content": found.content, "row": np.arange(len(found.key))})
    table = table.sort_values(["key", "content", "row"], kind="stable")
    return table.assign(turn=table.groupby("key").cumcount())


def _rows(column: pd.Series[Any]) -> np.ndarray:
    return np.sort(column.to_numpy(dtype=np.int64))
