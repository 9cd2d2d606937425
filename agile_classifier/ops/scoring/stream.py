"""Stream scoring: a file's rows to scored rows, a window at a time, in the order of the file.

A window's texts are scored together, each once however often it stands there, and sorted by length by the model.
Windows begin at the same rows whatever happened before, so that a run that was killed and gone on with writes the bytes
of one that was not.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]

from agile_classifier.data.formats.row import Row, RowFile
from agile_classifier.data.row_parts import Piece, RowParts
from agile_classifier.data.rows import WRITTEN, refusal
from agile_classifier.data.text import complaint_about
from agile_classifier.errors import InputError
from agile_classifier.models.spec import PROBABILITY
from agile_classifier.ops.scoring.answer_columns import LABEL, MODEL_VERSION, REVIEW, RUN_ID, AnswerColumns

MOST_REJECTED = 0.5
"""Largest share of a file's rows that may be rejected; past it the file is hardly read as it was written."""
WINDOW_ROWS = 1024
"""Rows scored together: enough to sort by length, few enough to lose in a kill."""
WINDOW_CHARACTERS = 2**20
"""Characters after which a window ends early, so that long rows take no more memory."""

Mark = Callable[[int, Mapping[str, Any]], Mapping[str, Any]]
"""Number of a row and its answer to what is added to it."""
Score = Callable[[Sequence[str]], pd.DataFrame]
"""Texts to a row each of `label`, `probability_NAME` of every class, and perhaps `decision`."""


@dataclass(frozen=True)
class Answering:
    """What answers the rows of a file, and how its answers are called."""

    column: str
    """Column that holds the texts."""
    score: Score
    names: AnswerColumns
    version: str
    """Written into each row, as `run_id` is."""
    run_id: str
    mark: Mark | None = None
    """Adds to the answer of each row what is its own; without it, rows of one text have one answer."""

    def write_rows(self, rows: Sequence[Row]) -> tuple[list[dict[str, Any]], int]:
        """Score rows; returns them with their answers, and how many texts were scored."""
        places = {text: place for place, text in enumerate(dict.fromkeys(row.cells[self.column] for row in rows))}
        if not places:
            return [], 0
        marks = {MODEL_VERSION: self.version, RUN_ID: self.run_id}
        answers = [
            {str(name): value for name, value in [*answer.items(), *marks.items()]}
            for answer in self.score(list(places)).to_dict("records")
        ]
        written = [{**self._kept(row), **self._named(row, answers[places[row.cells[self.column]]])} for row in rows]
        return written, len(places)

    def _named(self, row: Row, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer to a row, under the names of its columns."""
        added = self.mark(row.number, answer) if self.mark else {}
        return {self.names.names[name]: value for name, value in [*answer.items(), *added.items()]}

    def _kept(self, row: Row) -> dict[str, Any]:
        if not self.names.replaced:
            return row.cells
        return {name: cell for name, cell in row.cells.items() if name not in self.names.replaced}


@dataclass(frozen=True)
class Progress:
    """How far a file has been read."""

    n_rows: int
    n_rejected: int
    share: float
    """Share of the file that has been read, from 0 to 1."""


def check_output(output: Path, source: Path) -> None:
    """Raise InputError where the output cannot be written.

    An unknown format, no folder, a folder, or the input itself.
    """
    if output.suffix.lower() not in WRITTEN:
        raise InputError(f"--output {output}: found suffix {output.suffix!r}; allowed are {', '.join(WRITTEN)}")
    if not output.absolute().parent.is_dir():
        raise InputError(f"--output {output}: no folder {output.absolute().parent}")
    if output.is_dir():
        raise InputError(f"--output {output}: is a folder, not a file")
    if output.exists() and source.exists() and output.samefile(source):
        raise InputError(f"--output {output}: is the input itself; name another file")


def input_schema(file: RowFile, output: Path) -> pa.Schema:
    """Columns of the input; only a Parquet output needs their types, for which JSON lines are read through."""
    if output.suffix.lower() == ".parquet":
        return file.schema()
    return pa.schema([(name, pa.string()) for name in file.names()])


def output_schema(found: pa.Schema, names: AnswerColumns) -> pa.Schema:
    """Columns of the output: the input's own, then the answers."""
    kept = [column for column in found if column.name not in names.replaced]
    types = {column: _type_of(name) for name, column in names.names.items()}
    return pa.schema([*kept, *types.items()])


def _type_of(answer: str) -> pa.DataType:
    if answer.startswith(PROBABILITY):
        return pa.float64()
    return pa.bool_() if answer == REVIEW else pa.string()


def refuse_bad_rows(file: RowFile, column: str) -> None:
    """Raise InputError at the first row that could not be scored, before any is."""
    for row in file:
        if complaint := complaint_of(row, column):
            raise refusal(file.path, row, complaint)


def score_rows(
    file: RowFile,
    parts: RowParts,
    answering: Answering,
    *,
    on_progress: Callable[[Progress], None],
    window_rows: int = WINDOW_ROWS,
) -> None:
    """Score what the pieces do not hold yet, and add a piece for each window.

    Parameters
    ----------
    on_progress : callable
        Told after each window.

    Raises
    ------
    InputError
        More rows than `MOST_REJECTED` allows could not be scored; no piece is left.
    """
    n_rows = sum(piece.n_rows for piece in parts.pieces)
    n_rejected = sum(piece.n_rejected for piece in parts.pieces)
    for window in windows(islice(iter(file), n_rows, None), n_rows=window_rows):
        begun = time.monotonic()
        complaints = [complaint_of(row, answering.column) for row in window]
        good = [row for row, complaint in zip(window, complaints, strict=True) if not complaint]
        scored, n_texts = answering.write_rows(good)
        rejected = [_rejected(row, complaint) for row, complaint in zip(window, complaints, strict=True) if complaint]
        counts = dict(Counter(row[answering.names.names[LABEL]] for row in scored))
        piece = Piece(len(window), len(rejected), n_texts, time.monotonic() - begun, counts)
        parts.add(scored, rejected, piece)
        n_rows, n_rejected = n_rows + len(window), n_rejected + len(rejected)
        on_progress(Progress(n_rows, n_rejected, file.share))
    if n_rejected > MOST_REJECTED * n_rows:
        first = parts.read_first_rejected()
        parts.discard()
        raise refusal_of_most(file.path, n_rows, n_rejected, first=_place(first) if first else "")


def refusal_of_most(path: Path, n_rows: int, n_bad: int, *, first: str, what: str = "scored") -> InputError:
    """The one line in which a file is refused because most of its rows could not be scored; `first` is one of them."""
    count = f"no row of {n_rows:,}" if n_bad == n_rows else f"only {n_rows - n_bad:,} of {n_rows:,} rows"
    return InputError(f"{path}: {count} could be {what}; {first}")


def windows(rows: Iterable[Row], *, n_rows: int) -> Iterator[list[Row]]:
    """Group rows into lists of at most `n_rows`, fewer where they are long."""
    window, n_characters = list[Row](), 0
    for row in rows:
        window.append(row)
        n_characters += sum(len(cell) for cell in row.cells.values() if isinstance(cell, str)) + len(row.written)
        if len(window) == n_rows or n_characters >= WINDOW_CHARACTERS:
            yield window
            window, n_characters = [], 0
    if window:
        yield window


def complaint_of(row: Row, column: str) -> str:
    """Why the row cannot be scored; empty where it can."""
    if row.complaint:
        return row.complaint
    complaint = complaint_about(row.cells.get(column))
    return f"column {column!r}: {complaint}" if complaint else ""


def _rejected(row: Row, complaint: str) -> dict[str, Any]:
    content = {"cells": row.cells} if row.cells else {"written": row.written}
    return {"row": row.number, "line": row.line, "reason": complaint, **content}


def _place(rejected: dict[str, Any]) -> str:
    """Where a rejected row stands, and why it was rejected, as other commands say it."""
    row = Row(rejected["row"], {}, line=rejected["line"])
    return f"{row.place}: {rejected['reason']}"
