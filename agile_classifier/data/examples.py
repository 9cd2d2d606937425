"""Examples of a run: its sources fetched, each read as its config says, columns under their canonical names."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from agile_classifier.config.addresses.named_source import NamedSource
from agile_classifier.config.data import DataConfig
from agile_classifier.data.fetch.fetched import called_by_address
from agile_classifier.data.fetch.schemes import fetch_rows
from agile_classifier.data.labels.class_labels import read_class_names
from agile_classifier.data.score_cells import Raters, Repeated, ScoreReading
from agile_classifier.data.snapshots.identity import SOURCE, known_by
from agile_classifier.data.snapshots.manifest import ReadSource, Snapshot
from agile_classifier.data.snapshots.relabels import settle
from agile_classifier.data.tables import kept_column, read_table, to_examples
from agile_classifier.errors import InputError, redact

NOT_HERE = "data.snapshot: the rows of an earlier run are read by a training alone (agile train --data-from)"


def read_examples(
    data: DataConfig,
    *,
    keep: tuple[str, ...] = (),
    not_rated: tuple[float | str, ...] = (),
    absent: tuple[str, ...] = (),
    label_columns: tuple[str, ...] = (),
    raters: Raters = "mean",
    repeated: Repeated = "refuse",
) -> pd.DataFrame:
    """The examples that a run sees: for studies, and for the forecast of `agile init`; as `read_snapshot`."""
    return read_snapshot(
        data,
        keep=keep,
        not_rated=not_rated,
        absent=absent,
        label_columns=label_columns,
        raters=raters,
        repeated=repeated,
    ).examples


def read_snapshot(
    data: DataConfig,
    *,
    keep: tuple[str, ...] = (),
    not_rated: tuple[float | str, ...] = (),
    absent: tuple[str, ...] = (),
    label_columns: tuple[str, ...] = (),
    raters: Raters = "mean",
    repeated: Repeated = "refuse",
) -> Snapshot:
    """The examples that a run sees, the labels that later ones replace, and what was read.

    Columns and errors are those of `agile_classifier.data.fetch.schemes.fetch_rows`,
    `agile_classifier.data.tables.read_table` and `agile_classifier.data.tables.to_examples`. With `data.sources` an id
    is NAME/ID, and a column `source` holds the name.

    Parameters
    ----------
    keep : tuple of str
        Source columns that a later step reads (`RunConfig.kept_columns`). Codes to which a hub data set gives names are
        kept as those names.
    not_rated, absent : tuple
        `labels.not_rated` and `labels.absent`: cells of scores and raters that say nothing, or no.
    label_columns : tuple of str
        Those of `keep` that hold the labels (`labels.columns`).
    raters, repeated : str
        `labels.raters` and `labels.repeated`: how the answers of several raters become a score, source by source.
    """
    if data.snapshot is not None:
        raise InputError(NOT_HERE)
    reading = _Reading(data, keep, not_rated, absent, raters, repeated)
    read = list(_read_parts(reading))
    tables = [each.examples for each in read]
    examples = tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)
    labels = ("score",) if data.has_score and not label_columns else tuple(map(kept_column, label_columns or keep))
    settled = settle(examples, data.relabelling, ways=known_by(data), labels=labels)
    return Snapshot(settled.examples, settled.earlier, tuple(each.facts for each in read))


@dataclass(frozen=True)
class _Reading:
    data: DataConfig
    keep: tuple[str, ...]
    not_rated: tuple[float | str, ...]
    absent: tuple[str, ...]
    raters: Raters
    repeated: Repeated


@dataclass(frozen=True)
class _Part:
    examples: pd.DataFrame
    facts: ReadSource


def _read_parts(reading: _Reading) -> Iterator[_Part]:
    """Each source in turn, until `data.limit` is reached."""
    left = reading.data.limit
    for part in reading.data.parts:
        if left == 0:
            return
        read = _read_part(part, reading, limit=left)
        left = None if left is None else left - len(read.examples)
        yield read


def _read_part(part: NamedSource, reading: _Reading, *, limit: int | None) -> _Part:
    data = reading.data
    with tempfile.TemporaryDirectory(prefix="agile-rows-") as folder:
        files = fetch_rows(part, Path(folder))
        paths = [file.path for file in files]
        with called_by_address(files):
            frame = read_table(paths, part, limit=limit)
            class_names = _read_class_names(paths)
    where = ", ".join(part.addresses)
    if data.sources is not None:
        where = f"source {part.name} ({where})"
        frame = _renamed(frame, part, where, reading.keep)
    examples = to_examples(
        frame,
        part.columns,
        path_name=where,
        keep=reading.keep,
        repair=data.repair,
        reading=ScoreReading(
            part.decimal, reading.not_rated, reading.absent, data.reverse_coded, reading.raters, reading.repeated
        ),
        class_names={part.rename.get(column, column): names for column, names in class_names.items()},
    )
    if data.sources is not None:
        examples = _named(examples, part.name)
    addresses = tuple(map(redact, part.addresses))
    return _Part(examples, ReadSource(part.name, addresses, known_by(data)[part.name], len(files)))


def _renamed(frame: pd.DataFrame, part: NamedSource, where: str, keep: Sequence[str]) -> pd.DataFrame:
    """The table of one of several sources under the names that this config knows.

    Raises
    ------
    InputError
        A column is not there, or two would have one name.
    """
    lacking = [name for name in part.rename if name not in frame.columns]
    if lacking:
        there = ", ".join(map(repr, frame.columns))
        raise InputError(f"{where}: no column {lacking[0]!r} (data.sources, rename); there are {there}")
    renamed = frame.rename(columns=part.rename)
    if not renamed.columns.is_unique:
        twice = renamed.columns[renamed.columns.duplicated()][0]
        raise InputError(f"{where}: two columns would be called {twice!r} (data.sources, rename)")
    missing = [name for name in keep if name not in renamed.columns]
    if missing:
        there = ", ".join(map(repr, frame.columns))
        raise InputError(
            f"{where}: its columns differ: no column {missing[0]!r}, which labels, split or slices read; there are"
            f" {there}; if it has another name there, say so in its rename: {{OTHER: {missing[0]}}}"
        )
    return renamed


def _named(examples: pd.DataFrame, name: str) -> pd.DataFrame:
    """Examples of one of several sources, by its name."""
    ids = (name + "/" + examples["id"]).astype("str")
    named = examples.assign(id=ids)
    named.insert(2, SOURCE, pd.Series(name, index=named.index, dtype="str"))
    return named


def _read_class_names(paths: Sequence[Path]) -> dict[str, tuple[str, ...]]:
    """The names that hub data sets give to codes; of several files the same."""
    first, *others = ((path, read_class_names(path)) for path in paths)
    for path, names in others:
        if names != first[1]:
            raise InputError(f"{path}: its codes have other names than those of {first[0]}: {names}, not {first[1]}")
    return first[1]
