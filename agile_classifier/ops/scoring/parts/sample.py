"""Sample: what monitoring needs of scored parts, each read by itself, so that they stand for one file together.

A row's place among all rows decides whether it is kept, and not the part that it lies in: the kept rows, and the texts
among them, are those of one file with the same rows. Up to `MOST_ROWS` rows all are kept, and the drift is that of the
file to the last digit; of more, every second, fourth, … is, as many as `MOST_ROWS` hold.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from agile_classifier.config.reading import ReadingOptions
from agile_classifier.config.section import Section
from agile_classifier.data.fetch.fetched import Fetched, called_by_address
from agile_classifier.data.fetch.places import Place
from agile_classifier.errors import InputError
from agile_classifier.evaluation.drift_sample import sample_scores
from agile_classifier.evaluation.reference import EMBEDDED_TEXTS
from agile_classifier.ops.scoring import batch
from agile_classifier.ops.scoring.parts.job import MANIFEST
from agile_classifier.ops.scoring.scored_batch import (
    Batch,
    as_answered,
    read_answers,
    require_one_version,
    require_scored,
)
from agile_classifier.ops.state.home import scratch

MOST_ROWS = 2**22
"""Most rows that are compared. Past it more than half as many are, by which a distribution function is known to 0.0012,
with a chance of 99 in 100 (Dvoretzky, Kiefer and Wolfowitz)."""
PREDICTED, LENGTH, TEXT, VERSION = "predicted", "length", "text", "version"
"""Columns of a sample beside one for each class, which its number names."""


class ScoredPart(Section):
    """A file of scored rows, and where these stand among all."""

    name: str
    begin: int
    """Rows in the parts before it."""
    n_rows: int


class Scored(Section):
    """A place that `agile score` has filled, as its manifest says."""

    address: str
    model_name: str
    version: str
    parts: tuple[ScoredPart, ...]

    @property
    def n_rows(self) -> int:
        """Number of scored rows."""
        return self.parts[-1].begin + self.parts[-1].n_rows


class SampleTask(Section):
    """Parts to take a sample of, with all that it takes: it may be taken in a pod."""

    address: str
    options: ReadingOptions
    column: str
    class_names: tuple[str, ...]
    several: bool = False
    """Whether a text may carry several labels."""
    row_stride: int
    """Rows whose number it divides are kept."""
    text_stride: int
    """Rows whose number it divides keep their text too."""
    parts: tuple[ScoredPart, ...]


def read_manifest(place: Place) -> Scored:
    """What a manifest says of a place; raises InputError where there is none."""
    content = place.read([MANIFEST]).get(MANIFEST)
    if content is None:
        raise InputError(
            f"{place.address}: holds no {MANIFEST}, so it is no place that agile score has filled, or parts of it are"
            f" missing: agile score --input … --output {place.address}"
        )
    found, parts, begin = json.loads(content), list[ScoredPart](), 0
    for part in found["parts"]:
        parts.append(ScoredPart(name=part["output"], begin=begin, n_rows=part["n_scored"]))
        begin += part["n_scored"]
    return Scored(
        address=place.address, model_name=found[batch.MODEL_NAME], version=found[batch.VERSION], parts=tuple(parts)
    )


def make_tasks(
    scored: Scored, *, options: ReadingOptions, column: str, class_names: tuple[str, ...], several: bool = False, n: int
) -> list[SampleTask]:
    """Tasks for the parts of a place, `n` at most, each of parts that follow one another."""
    strides = {"row_stride": stride(scored.n_rows, MOST_ROWS), "text_stride": stride(scored.n_rows, EMBEDDED_TEXTS)}
    groups = np.array_split(np.arange(len(scored.parts)), min(n, len(scored.parts)))
    return [
        SampleTask(
            address=scored.address, options=options, column=column, class_names=class_names, several=several, **strides,
            parts=tuple(scored.parts[number] for number in group),
        )
        for group in groups
    ]  # fmt: skip


def stride(n: int, most: int) -> int:
    """Smallest power of two that divides at most `most` of the numbers 0 to n - 1.

    >>> stride(1000, 500), stride(1001, 500), stride(0, 500)
    (2, 4, 1)
    """
    found = 1
    while -(-n // found) > most:
        found *= 2
    return found


def take_sample(task: SampleTask) -> pd.DataFrame:
    """The kept rows of some parts: probabilities, predicted class, length, version, and of some the text.

    Raises
    ------
    InputError
        A part is not as `agile score` wrote it.
    """
    kept = [row for part in task.parts for row in _read_part(task, part)]
    numbers = [str(number) for number in range(len(task.class_names))]
    return pd.DataFrame(kept, columns=[*numbers, PREDICTED, LENGTH, VERSION, TEXT])


def as_batch(
    samples: Sequence[pd.DataFrame], class_names: tuple[str, ...], *, several: bool = False, source: str
) -> Batch:
    """What all samples are together, in their order; raises InputError where several versions scored."""
    whole = pd.concat(list(samples), ignore_index=True)
    versions = list(dict.fromkeys(whole[VERSION]))
    require_one_version(versions, source)
    y_score = whole[[str(number) for number in range(len(class_names))]].to_numpy(dtype=np.float64)
    answered = as_answered(whole[PREDICTED].to_numpy(dtype=np.int64), y_score, several=several)
    sample = sample_scores(class_names, y_score, answered.predicted, whole[LENGTH].to_numpy(dtype=np.float64))
    return Batch(versions[0], sample, tuple(whole[TEXT].dropna()), answered)


def _read_part(task: SampleTask, part: ScoredPart) -> list[tuple[object, ...]]:
    place = Place(task.address)
    file = place.fetch(part.name, scratch() / PurePosixPath(part.name).name)
    with called_by_address([Fetched(file, place.address_of(part.name))]):
        kept, n_rows = _keep(task, part, file)
        if n_rows != part.n_rows:
            raise InputError(f"{file}: {n_rows} rows; its manifest says {part.n_rows}: score it again")
    file.unlink()
    return kept


def _keep(task: SampleTask, part: ScoredPart, file: Path) -> tuple[list[tuple[object, ...]], int]:
    """Kept rows of a part, and how many it has."""
    kept, number = list[tuple[object, ...]](), part.begin
    scored = require_scored(file, task.options)
    for answer in read_answers(file, scored, column=task.column, class_names=task.class_names, several=task.several):
        if number % task.row_stride == 0:
            text = answer.text if number % task.text_stride == 0 else None
            kept.append((*answer.y_score, answer.predicted, len(answer.text), answer.version, text))
        number += 1
    return kept, number - part.begin
