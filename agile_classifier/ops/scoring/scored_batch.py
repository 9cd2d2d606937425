"""Scored batches: files that `agile score` wrote, read back as numbers and some of the texts."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agile_classifier.config.reading import ReadingOptions
from agile_classifier.data.formats.row import Row, RowFile
from agile_classifier.data.rows import open_rows, refusal, require_rows
from agile_classifier.errors import InputError
from agile_classifier.evaluation.drift_sample import DriftSample, sample_scores
from agile_classifier.evaluation.quality import Answered
from agile_classifier.evaluation.reference import EMBEDDED_TEXTS
from agile_classifier.label_sets import part_labels, read_labels
from agile_classifier.models.spec import PROBABILITY
from agile_classifier.ops.scoring.answer_columns import LABEL, MODEL_VERSION, column_of
from agile_classifier.ops.scoring.reading import Scored, find_scored


@dataclass(frozen=True)
class Batch:
    """A scored file as monitoring needs it, read once through."""

    version: str
    sample: DriftSample
    texts: tuple[str, ...]
    """An even spread over the file, at most `EMBEDDED_TEXTS`."""
    answered: Answered
    """Predicted classes and probabilities of every row."""


def read_batch(
    source: Path, scored: Scored, *, column: str, class_names: tuple[str, ...], several: bool = False
) -> Batch:
    """Scores, classes and lengths of every row as numbers, and some of the texts; 32 bytes a row of two classes."""
    scores, predicted, lengths = [array("d") for _ in class_names], array("l"), array("d")
    texts = _Spread(EMBEDDED_TEXTS)
    versions = dict[str, None]()
    for answer in read_answers(source, scored, column=column, class_names=class_names, several=several):
        for held, value in zip(scores, answer.y_score, strict=True):
            held.append(value)
        predicted.append(answer.predicted)
        lengths.append(len(answer.text))
        texts.add(answer.text)
        versions.setdefault(answer.version)
    require_one_version(versions, str(source))
    answered = as_answered(predicted, np.stack([np.asarray(held) for held in scores], axis=1), several=several)
    sample = sample_scores(class_names, answered.y_score, answered.predicted, np.asarray(lengths))
    return Batch(next(iter(versions)), sample, tuple(texts.kept), answered)


class Answer(NamedTuple):
    """What a version has answered to a row of a scored file: probability of each class, number of the predicted one.

    Of several labels the number of their set.
    """

    y_score: list[float]
    predicted: int
    text: str
    version: str


def read_answers(
    source: Path, scored: Scored, *, column: str, class_names: tuple[str, ...], several: bool
) -> Iterator[Answer]:
    """The rows of a scored file, in its order; raises InputError at the first that `agile score` did not write."""
    numbers = {name: place for place, name in enumerate(class_names)}
    rows = open_rows(source, scored.dialect)
    label, model_version, *columns = _find_columns(rows, scored, class_names)
    for row in require_rows(rows):
        values, text = _values(row, source, columns, column)
        cell = str(row.cells[label])
        said = _labels_of(cell) if several else [cell]
        if said is None or any(each not in numbers for each in said):
            raise refusal(source, row, f"{label} {cell!r}; the version's are {', '.join(class_names)}")
        predicted = sum(1 << numbers[each] for each in said) if several else numbers[cell]
        yield Answer(values, predicted, text, str(row.cells[model_version]))


def as_answered(predicted: ArrayLike, y_score: NDArray[np.float64], *, several: bool) -> Answered:
    """Answers from the numbers of predicted classes, or of the sets of several labels, and the probabilities."""
    y_pred = np.asarray(predicted, dtype=np.int64)
    return Answered(part_labels(y_pred, y_score.shape[1]) if several else y_pred, y_score)


def scored_version(source: Path, options: ReadingOptions = ReadingOptions()) -> str:
    """Version that scored a file, read from its first row.

    Raises
    ------
    InputError
        It names none.
    """
    scored = require_scored(source, options)
    rows = open_rows(source, scored.dialect)
    first = next(require_rows(rows))
    version = first.cells.get(column_of(MODEL_VERSION, list(first.cells), prefix=scored.answers))
    if version is None:
        raise InputError(f"{source}: its first row names no {MODEL_VERSION}; expected a file that `agile score` wrote")
    return str(version)


def require_scored(source: Path, options: ReadingOptions) -> Scored:
    """How a file is read that `agile score` wrote; raises InputError for any other file."""
    if (scored := find_scored(source, options)) is not None:
        return scored
    columns = f"{LABEL}, {PROBABILITY}… and {MODEL_VERSION}"
    raise InputError(f"{source}: has no columns {columns}; expected a file that `agile score` wrote")


def require_one_version(versions: Iterable[str], source: str) -> None:
    """Raise InputError where rows of a batch were scored by several versions."""
    if len(found := list(versions)) != 1:
        raise InputError(f"{source}: rows of versions {', '.join(found)}; a batch is scored by one")


class _Spread:
    """An even spread over values of unknown number: every k-th, k doubled whenever there are too many."""

    def __init__(self, n_kept: int) -> None:
        self.n_kept, self.step, self.seen, self.kept = n_kept, 1, 0, list[str]()

    def add(self, value: str) -> None:
        """Keep it where it is its turn."""
        if self.seen % self.step == 0:
            self.kept.append(value)
            if len(self.kept) > self.n_kept:
                self.kept, self.step = self.kept[::2], 2 * self.step
        self.seen += 1


def _labels_of(cell: str) -> list[str] | None:
    """Labels in a cell that scoring wrote; None where it is no list of them."""
    try:
        return read_labels(cell)
    except (ValueError, TypeError):
        return None


def _find_columns(rows: RowFile, scored: Scored, class_names: tuple[str, ...]) -> list[str]:
    """Columns of label, version, and probabilities in a scored file."""
    names = list(next(iter(rows)).cells)
    plain = (LABEL, MODEL_VERSION, *(f"{PROBABILITY}{name}" for name in class_names))
    return [column_of(name, names, prefix=scored.answers) for name in plain]


def _values(row: Row, source: Path, columns: list[str], column: str) -> tuple[list[float], str]:
    text = row.cells.get(column)
    if not isinstance(text, str):
        raise _not_scored(source, row, f"no text in column {column!r} (--column)")
    try:
        values = [float(row.cells[name]) for name in columns]
        if not np.isfinite(values).all():
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise _not_scored(source, row, f"no numbers in {', '.join(columns)}") from None
    return values, text


def _not_scored(source: Path, row: Row, complaint: str) -> InputError:
    return refusal(source, row, f"{complaint}; expected a file that `agile score` wrote")
