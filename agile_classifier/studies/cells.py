"""Cells: what came of each cell of a study, in one Parquet file a study, and in a JSON file each until it is folded in.

Every file is written whole or not at all. A cell is known by its key, the digest of what decides its outcome, so
studies share cells.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]
from filelock import FileLock
from numpy.typing import NDArray
from pydantic import ConfigDict, ValidationError

from agile_classifier.config.section import Section
from agile_classifier.errors import InputError
from agile_classifier.files import write_whole
from agile_classifier.label_sets import two_columns
from agile_classifier.metrics.metrics import DecisionThreshold

Judged = Literal["validation", "test"]
_TEXT, _NUMBER, _LABELS, _SCORES = pa.string(), pa.float64(), pa.list_(pa.int8()), pa.list_(pa.float64())
_COLUMNS = {
    "key": _TEXT, "decides": _TEXT, "decision_threshold": _NUMBER, "y_true": _LABELS, "y_score": _SCORES,
    "y_true_validation": _LABELS, "y_score_validation": _SCORES, "n_train": pa.int64(), "train_seconds": _NUMBER,
    "cpu_seconds": _NUMBER, "seconds": _NUMBER, "peak_gigabytes": _NUMBER, "n_labels": pa.int64(),
    "label_thresholds": _SCORES,
    "made": pa.struct([(name, _TEXT) for name in ("command", "commit", "time")]),
}  # fmt: skip
"""Columns of a Parquet file of cells, but for `metrics`: a struct of those that there are."""


class Trial(Section):
    """Outcome of a config or a baseline, trained and evaluated once."""

    model_config = ConfigDict(ser_json_inf_nan="constants", allow_inf_nan=True)

    metrics: dict[str, float]
    """Metrics on test, as `evaluate_scores` returns them."""
    decision_threshold: float | None
    """Cut on the probability of class 1, chosen on validation; None with several labels."""
    y_true: list[int]
    """Class of each test row; with several labels 0 or 1 of each, row by row."""
    y_score: list[float]
    """Probability of class 1 of each test row, to six digits; to four places in cells older than 29 November 2026. With
    several labels that of each, row by row."""
    y_true_validation: list[int]
    """Class of each validation row; empty in cells older than November 2026."""
    y_score_validation: list[float]
    """Probability of class 1 of each validation row, to compare calibrations and thresholds later; empty likewise."""
    n_train: int
    """Examples of train."""
    train_seconds: float
    """Training alone."""
    cpu_seconds: float | None = None
    """Seconds of a core that training took, all cores together; None in cells older than December 2026."""
    seconds: float
    """Reading, training and evaluating; without the imports."""
    peak_gigabytes: float
    """Largest memory of the process so far."""
    n_labels: int = 1
    """Labels of which a text may carry several; 1 where it is of one of two classes."""
    label_thresholds: tuple[float, ...] = ()
    """Cut on the probability of each of several labels, chosen on validation."""

    @property
    def cut(self) -> DecisionThreshold:
        """Decision threshold; with several labels one each."""
        return self.label_thresholds or self.decision_threshold

    def truth(self, part: Judged) -> NDArray[np.int64]:
        """Classes of a part's rows, of shape (n,); with several labels a table of 0 and 1, of shape (n, n_labels)."""
        told = np.asarray(self.y_true if part == "test" else self.y_true_validation, dtype=np.int64)
        return told if self.n_labels == 1 else told.reshape(-1, self.n_labels)

    def score(self, part: Judged) -> NDArray[np.float64]:
        """Probabilities of a part's rows, of shape (n, 2); with several labels of shape (n, n_labels)."""
        told = np.asarray(self.y_score if part == "test" else self.y_score_validation, dtype=np.float64)
        return two_columns(told) if self.n_labels == 1 else told.reshape(-1, self.n_labels)


class Made(Section):
    """Command, commit and time that a cell was made by."""

    command: str
    commit: str
    time: str
    """ISO 8601, UTC."""


class FinishedCell(Trial):
    """Outcome of a cell, and what decided it."""

    key: str
    """Digest of `decides`."""
    decides: dict[str, Any]
    """Fields of the config that differ from their defaults, by section; and `baseline`."""
    made: Made


class CellStore(Section):
    """Places where the finished cells of a study are kept."""

    file: Path
    """Parquet file of the study, a row a cell."""
    shared: tuple[Path, ...]
    """Folders of Parquet files in which a cell is looked for: the file's own, and those of other studies."""
    loose: Path
    """Folder of cells that finished since, a JSON file each: a study that is killed loses none."""

    def read(self, keys: Collection[str]) -> dict[str, FinishedCell]:
        """Finished cells by key; one that was never run is not among them.

        Raises
        ------
        InputError
            A file holds no finished cell.
        """
        loose = {cell.key: cell for key in keys if (cell := _read_loose(self.loose / f"{key}.json"))}
        files = (path for folder in self.shared for path in sorted(folder.glob("[!.]*.parquet")))
        return {**loose, **{cell.key: cell for path in files for cell in read_cells(path, keys=keys)}}

    def add(self, cell: FinishedCell) -> Path:
        """Keep a cell that has just finished; returns its JSON file."""
        self.loose.mkdir(parents=True, exist_ok=True)
        path = self.loose / f"{cell.key}.json"
        write_whole(path, cell.model_dump_json() + "\n")
        return path

    def fold(self, keys: Collection[str]) -> None:
        """Bring what is known of some cells into the study's Parquet file, and remove their JSON files."""
        found = self.read(keys)
        if found.keys() - self._own().keys():
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.file.with_name(f".{self.file.stem}.lock")):
                write_cells(self.file, {**found, **self._own()}.values())
        for key in found:
            (self.loose / f"{key}.json").unlink(missing_ok=True)

    def _own(self) -> dict[str, FinishedCell]:
        return {cell.key: cell for cell in read_cells(self.file)} if self.file.exists() else {}


def read_cells(path: Path, *, keys: Collection[str] | None = None) -> list[FinishedCell]:
    """Finished cells of a study's Parquet file, all or those of some keys.

    Raises
    ------
    InputError
        The file holds something else.
    """
    try:
        whole = pa.BufferReader(path.read_bytes())  # by its name it would be opened twice, and may be replaced between
        table = pq.read_table(whole, filters=None if keys is None else [("key", "in", list(keys))])
        return [FinishedCell.model_validate(_from_row(row)) for row in table.to_pylist()]
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise InputError(f"{path}: not a study's file of finished cells: {_first_line(error)}") from None


def write_cells(path: Path, cells: Iterable[FinishedCell]) -> None:
    """Put finished cells into a study's Parquet file, in the order of their keys."""
    rows = [_to_row(cell) for cell in sorted(cells, key=lambda cell: cell.key)]
    metrics = dict.fromkeys(name for row in rows for name in row["metrics"])
    columns = {**_COLUMNS, "metrics": pa.struct([(name, _NUMBER) for name in metrics])}
    written = io.BytesIO()
    pq.write_table(
        pa.Table.from_pylist(rows, schema=pa.schema(columns)), written, compression="zstd", compression_level=9
    )
    write_whole(path, written.getvalue())


def _to_row(cell: FinishedCell) -> dict[str, Any]:
    return {**cell.model_dump(), "decides": json.dumps(cell.decides)}


def _from_row(row: dict[str, Any]) -> dict[str, Any]:
    metrics = {name: value for name, value in row["metrics"].items() if value is not None}
    return {**row, "decides": json.loads(row["decides"]), "metrics": metrics}


def _read_loose(path: Path) -> FinishedCell | None:
    try:
        return FinishedCell.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        raise InputError(f"{path}: not a finished cell; remove it, and it is run again") from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
