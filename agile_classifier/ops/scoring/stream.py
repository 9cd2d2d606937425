"""Stream scoring: a file's rows to scored rows, a window at a time, in the order of the file.

A window's texts are scored together, each once however often it stands there, and sorted by length by the model.
Windows begin at the same rows whatever happened before, so that a run that was killed and gone on with writes the bytes
of one that was not.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
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
from agile_classifier.errors import InputError, did_you_mean
from agile_classifier.models.spec import PROBABILITY

LABEL, MODEL_VERSION, RUN_ID = "label", "model_version", "run_id"
WINDOW_ROWS = 1024
"""Rows scored together: enough to sort by length, few enough to lose in a kill."""
WINDOW_CHARACTERS = 2**20
"""Characters after which a window ends early, so that long rows take no more memory."""

Score = Callable[[Sequence[str]], pd.DataFrame]
"""Texts to a row each of `label` and `probability_NAME` of every class."""


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


def output_schema(file: RowFile, *, output: Path, column: str, added: Sequence[str]) -> pa.Schema:
    """Columns of the output: the input's own, then those of the scores.

    Raises
    ------
    InputError
        The input has no such column, or one that the scores need.
    """
    found = _input_schema(file, output)
    if column not in found.names:
        there = ", ".join(map(repr, found.names))
        raise InputError(
            f"{file.path}: no column {column!r} (--column); there are {there}{did_you_mean(column, found.names)}"
        )
    taken = [name for name in (*added, MODEL_VERSION, RUN_ID) if name in found.names]
    if taken:
        raise InputError(f"{file.path}: has a column {taken[0]!r} already, which the scores need: rename it")
    types = {name: pa.float64() if name.startswith(PROBABILITY) else pa.string() for name in added}
    return pa.schema([*found, *types.items(), (MODEL_VERSION, pa.string()), (RUN_ID, pa.string())])


def refuse_bad_rows(file: RowFile, column: str) -> None:
    """Raise InputError at the first row that could not be scored, before any is."""
    for row in file:
        if complaint := complaint_of(row, column):
            raise refusal(file.path, row, complaint)


def score_rows(
    file: RowFile,
    parts: RowParts,
    *,
    column: str,
    score: Score,
    version: str,
    run_id: str,
    on_progress: Callable[[Progress], None],
    window_rows: int = WINDOW_ROWS,
) -> None:
    """Score what the pieces do not hold yet, and add a piece for each window.

    Parameters
    ----------
    column : str
        Holds the texts.
    version, run_id : str
        Written into each row.
    on_progress : callable
        Told after each window.

    Raises
    ------
    InputError
        No row at all could be scored.
    """
    n_rows = sum(piece.n_rows for piece in parts.pieces)
    n_rejected = sum(piece.n_rejected for piece in parts.pieces)
    first = ""
    for window in windows(islice(iter(file), n_rows, None), n_rows=window_rows):
        begun = time.monotonic()
        complaints = [complaint_of(row, column) for row in window]
        good = [row for row, complaint in zip(window, complaints, strict=True) if not complaint]
        scored, n_texts = _scored(good, column, score)
        marks = {MODEL_VERSION: version, RUN_ID: run_id}
        rejected = [_rejected(row, complaint) for row, complaint in zip(window, complaints, strict=True) if complaint]
        first = first or (f"{window[0].place}: {complaints[0]}" if complaints[0] else "")
        counts = dict(Counter(row[LABEL] for row in scored))
        piece = Piece(len(window), len(rejected), n_texts, time.monotonic() - begun, counts)
        parts.add([{**row, **marks} for row in scored], rejected, piece)
        n_rows, n_rejected = n_rows + len(window), n_rejected + len(rejected)
        on_progress(Progress(n_rows, n_rejected, file.share))
    if n_rejected == n_rows:
        parts.discard()
        raise InputError(f"{file.path}: no row of {n_rows} could be scored{f'; {first}' if first else ''}")


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


def _scored(rows: Sequence[Row], column: str, score: Score) -> tuple[list[dict[str, Any]], int]:
    """Score rows; returns them with their scores, and how many texts were scored."""
    places = {text: place for place, text in enumerate(dict.fromkeys(row.cells[column] for row in rows))}
    if not places:
        return [], 0
    answers = score(list(places)).to_dict("records")
    return [{**row.cells, **answers[places[row.cells[column]]]} for row in rows], len(places)


def _rejected(row: Row, complaint: str) -> dict[str, Any]:
    content = {"cells": row.cells} if row.cells else {"written": row.written}
    return {"row": row.number, "line": row.line, "reason": complaint, **content}


def _input_schema(file: RowFile, output: Path) -> pa.Schema:
    """Schema of the input; only a Parquet output needs types, for which JSON lines are read through."""
    if output.suffix.lower() == ".parquet":
        return file.schema()
    return pa.schema([(name, pa.string()) for name in file.names()])
