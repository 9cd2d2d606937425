"""Identity: by what an example is known from one reading of its source to the next, and whether it says the same.

It is known by its source and id; where the source has no column of ids, by its text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Number
from typing import Any, Literal

import numpy as np
import pandas as pd

from agile_classifier.config.data import ONLY, DataConfig
from agile_classifier.data.tables import as_name

KnownBy = Literal["id", "text"]
_MIXER = np.uint64(0x9E3779B97F4A7C15)
"""An odd number by which the order of columns counts."""
_MISSING = np.uint64(1)
"""What stands for an empty cell, which no text may be taken for."""
SOURCE = "source"
"""Column of the examples that names their source, where a config names several."""


@dataclass(frozen=True)
class Identities:
    """What is compared of each of n examples."""

    source: pd.Series[Any]
    """Name of its source, of shape (n,)."""
    key: np.ndarray
    """64 bits of what it is known by, of shape (n,)."""
    content: np.ndarray
    """64 bits of all that it says beside, of shape (n,)."""


def known_by(data: DataConfig) -> dict[str, KnownBy]:
    """Name of each source → by what its examples are known."""
    return {part.name: "id" if part.columns.id else "text" for part in data.parts}


def source_names(examples: pd.DataFrame) -> pd.Series[Any]:
    """The name of the source of each example; where there is one alone, that of `data.source`."""
    return examples[SOURCE] if SOURCE in examples else pd.Series(ONLY, index=examples.index, dtype="str")


def identify(examples: pd.DataFrame, ways: Mapping[str, KnownBy], *, columns: list[str]) -> Identities:
    """The identity of each example.

    Parameters
    ----------
    ways : mapping
        As `known_by` gives it.
    columns : list of str
        Columns of the examples that count as what they say.
    """
    source = source_names(examples)
    by_text = (source.map(ways) == "text").to_numpy()
    key = np.where(by_text, ~_hash(examples["text"]), _hash(examples["id"]))
    content = np.zeros(len(examples), dtype=np.uint64)
    for name in columns:
        content = content * _MIXER + _hash(examples[name])
    return Identities(source, key, content)


def _hash(column: pd.Series[Any]) -> np.ndarray:
    """64 bits of each cell: the same whatever dtype a file has given to the column."""
    if column.dtype != "object" and pd.api.types.is_numeric_dtype(column):
        return pd.util.hash_array(column.to_numpy(dtype=np.float64, na_value=np.nan))
    missing, cells = column.isna().to_numpy(), column.to_numpy(dtype=object)
    if column.dtype == "object":
        kinds = set(map(type, cells[~missing]))
        if kinds and all(issubclass(kind, Number) for kind in kinds):
            return pd.util.hash_array(column.astype(np.float64).to_numpy())
        if not kinds <= {str}:
            cells = np.array(
                [None if gone else as_name(cell) for cell, gone in zip(cells, missing, strict=True)], dtype=object
            )
    hashed = pd.util.hash_array(cells, categorize=False)
    hashed[missing] = _MISSING
    return hashed
