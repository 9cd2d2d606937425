"""Examples of a run: its source fetched, read as its config says, its columns under their canonical names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from agile_classifier.config.data import DataConfig
from agile_classifier.data.fetch.sources import fetch_files
from agile_classifier.data.labels.class_labels import read_class_names
from agile_classifier.data.tables import ScoreReading, read_table, to_examples
from agile_classifier.environment import cache, mirror
from agile_classifier.errors import InputError


def read_examples(
    data: DataConfig,
    *,
    keep: tuple[str, ...] = (),
    not_rated: tuple[float | str, ...] = (),
    absent: tuple[str, ...] = (),
) -> pd.DataFrame:
    """The examples that a run sees: for the step `ingest`, for studies, and for the forecast of `agile init`.

    Columns and errors are those of `fetch_files`, `agile_classifier.data.tables.read_table` and
    `agile_classifier.data.tables.to_examples`.

    Parameters
    ----------
    keep : tuple of str
        Source columns that a later step reads (`RunConfig.kept_columns`). Codes to which a hub data set gives names are
        kept as those names.
    not_rated, absent : tuple
        `labels.not_rated` and `labels.absent`: cells of scores and raters that say nothing, or no.
    """
    paths = fetch_files(data, cache=cache(), mirror=mirror())
    frame = read_table(paths, data, limit=data.limit)
    return to_examples(
        frame,
        data.columns,
        path_name=", ".join(data.sources),
        keep=keep,
        repair=data.repair,
        reading=ScoreReading(data.decimal, not_rated, absent, data.reverse_coded),
        class_names=_read_class_names(paths),
    )


def _read_class_names(paths: Sequence[Path]) -> dict[str, tuple[str, ...]]:
    """The names that hub data sets give to codes; of several files the same."""
    first, *others = ((path, read_class_names(path)) for path in paths)
    for path, names in others:
        if names != first[1]:
            raise InputError(f"{path}: its codes have other names than those of {first[0]}: {names}, not {first[1]}")
    return first[1]
