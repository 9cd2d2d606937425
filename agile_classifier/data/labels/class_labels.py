"""Class labels of hub data sets: the names that a Parquet file gives to the codes in its columns.

`datasets` stores a class as its number, and the names in the file's metadata: `{"names": ["World", "Sports"]}`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]

from agile_classifier.data.labels.cells import as_list
from agile_classifier.data.text import is_missing
from agile_classifier.errors import InputError

HUB_METADATA = b"huggingface"
NO_CLASS = -1
"""Code by which data sets of the hub say that a row has no class."""


def read_class_names(path: Path) -> dict[str, tuple[str, ...]]:
    """Column → names of its codes 0, 1, …; empty where the file is no Parquet of a hub data set."""
    if path.suffix.lower() != ".parquet":
        return {}
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (pa.ArrowException, OSError):
        return {}
    try:
        features = json.loads(metadata.get(HUB_METADATA, b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    named = {name: _names_of(feature) for name, feature in features.items() if isinstance(feature, dict)}
    return {name: names for name, names in named.items() if names}


def name_codes(column: pd.Series, names: Sequence[str]) -> pd.Series:
    """A column of codes as their names: an ordered category, whose order is that of the codes.

    Lists of one code are that code; where a list holds several, each cell is a list of names.

    Raises
    ------
    InputError
        A code has no name.
    """
    lists = [as_list(cell) for cell in column]
    if any(len(held or ()) > 1 for held in lists):
        named = [None if held is None else [_name(code, names, column) for code in held] for held in lists]
        return pd.Series(named, index=column.index, name=column.name, dtype="object")
    codes = [cell if held is None else (held[0] if held else None) for held, cell in zip(lists, column, strict=True)]
    cells = [None if is_missing(code) or code == NO_CLASS else _name(code, names, column) for code in codes]
    return pd.Series(pd.Categorical(cells, categories=list(names), ordered=True), index=column.index, name=column.name)


def class_names_of(column: pd.Series) -> tuple[str, ...]:
    """The names of a column that `name_codes` made, in the order of the codes; empty for any other column."""
    dtype = column.dtype
    return tuple(map(str, dtype.categories)) if isinstance(dtype, pd.CategoricalDtype) else ()


def read_codes(column: pd.Series) -> pd.Series:
    """The codes of a column that `name_codes` made, None where a row has none; any other column as it is."""
    if not class_names_of(column):
        return column
    codes = [None if code == NO_CLASS else int(code) for code in column.cat.codes]
    return pd.Series(codes, index=column.index, name=column.name, dtype="object")


def _name(code: Any, names: Sequence[str], column: pd.Series) -> str:
    if isinstance(code, str):
        return code
    if not 0 <= code < len(names):
        raise InputError(f"column {column.name}: found code {code}; the file names {len(names)}: {', '.join(names)}")
    return names[int(code)]


def _names_of(feature: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of a class label, or of a list of them; empty for any other feature."""
    inner = feature.get("feature")
    labelled = inner if isinstance(inner, dict) else feature
    names = labelled.get("names") if labelled.get("_type") == "ClassLabel" else None
    return tuple(map(str, names)) if isinstance(names, list) and len(set(names)) == len(names) else ()
