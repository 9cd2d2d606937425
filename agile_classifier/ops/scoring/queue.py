"""Annotation queue: the texts of a pool that a version would learn most from, as a file for annotators."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.config.labels.many import MANY
from agile_classifier.data.formats.row import Row
from agile_classifier.data.formats.several import QUEUED
from agile_classifier.data.labels.cells import is_empty, is_mark
from agile_classifier.data.row_parts import Layout
from agile_classifier.data.rows import open_rows, refusal
from agile_classifier.data.scores import is_no_score
from agile_classifier.data.tables import to_table
from agile_classifier.data.text import complaint_about, text_digest
from agile_classifier.errors import InputError, did_you_mean
from agile_classifier.files import require_place, write_whole
from agile_classifier.models.ensemble.bases import fetch_bases_of, find_bases
from agile_classifier.models.spec import PROBABILITY, ClassifierSpec
from agile_classifier.ops.registry.contents import version_files
from agile_classifier.ops.registry.scorer import Scorer
from agile_classifier.ops.scoring.acquisition import choose_texts, uncertainty, uncertainty_by_label
from agile_classifier.ops.scoring.batch import find_scorer
from agile_classifier.ops.scoring.stream import MOST_REJECTED, refusal_of_most

SCORE_COLUMN = "score"
"""Column for annotators where the version learnt from several."""
CHUNK = 1000
"""Texts scored between two signs of progress."""


@dataclass(frozen=True)
class Pool:
    """Unlabelled texts."""

    file: Path
    column: str
    """Name of the column that holds the texts."""
    score_column: str
    """To be filled in by annotators; rows of the pool that hold it are labelled already."""
    frame: pd.DataFrame
    """Rows of the pool that can be read."""
    unreadable: tuple[Row, ...] = ()
    more_columns: tuple[str, ...] = ()
    """Further columns to be filled in, where each of several labels has its own."""

    @property
    def n_rows(self) -> int:
        """Number of rows of the file, readable or not."""
        return len(self.frame) + len(self.unreadable)


@dataclass(frozen=True)
class Queue:
    """Texts chosen for annotators, and the pool that they are from."""

    rows: pd.DataFrame
    """The pool's rows, the most unsure first, with `agile_classifier.data.formats.several.QUEUED` and the empty column
    for the score."""
    pool: Pool
    n_unusable: int
    """Number of rows without a text that can be scored."""
    n_known: int
    """Texts that the version has learnt from, or that stood in the pool before."""
    n_labelled: int
    """Number of rows whose column for annotators is filled in already."""
    model_name: str
    version: str

    def in_words(self) -> str:
        """Summary of the queue in words."""
        bad = self.pool.unreadable
        unread = f"that cannot be read ({bad[0].place}: {bad[0].complaint})" if bad else ""
        counts = {
            unread: len(bad),
            f"with a {self.pool.score_column!r} already": self.n_labelled,
            "without a text": self.n_unusable,
            "known already or there twice": self.n_known,
        }
        left_out = ", ".join(f"{n} {what}" for what, n in counts.items() if n)
        chosen = f"{len(self.rows)} of {self.pool.n_rows} rows chosen by {self.model_name} version {self.version}"
        return f"{chosen}{f'; left out: {left_out}' if left_out else ''}"


def learnt_column(model_name: str, version: str) -> str:
    """Name of the column that a version learnt from: of its scores, else of its classes; `score` where several."""
    config = version_files.read_config(model_name, version)
    classes = config.get("labels", {}).get("columns", ())
    if config.get("labels", {}).get("rule") == MANY:
        return str(classes[0])
    return str(
        config.get("data", {}).get("columns", {}).get("score") or (classes[0] if len(classes) == 1 else SCORE_COLUMN)
    )


def answer_columns(model_name: str, version: str, *, named: str | None) -> tuple[str, ...]:
    """Columns that annotators fill in: the one that is named, else `learnt_column`; of several labels all of theirs.

    Raises
    ------
    InputError
        One is named, and each of several labels has its own.
    """
    labels = version_files.read_config(model_name, version).get("labels", {})
    columns = tuple(map(str, labels.get("columns", ())))
    if labels.get("rule") != MANY or len(columns) == 1:
        return (named or learnt_column(model_name, version),)
    if named is not None:
        raise InputError(
            f"--score-column {named}: {model_name} version {version} learnt a column for each of its labels, and all of"
            f" them are written: {', '.join(columns)}"
        )
    return columns


def read_pool(
    file: Path,
    dialect: Dialect = Dialect(),
    *,
    column: str,
    score_column: str,
    more_columns: tuple[str, ...] = (),
) -> Pool:
    """Read a pool, before any model is loaded.

    Raises
    ------
    InputError
        There is no such file or column, it holds one of the columns that the queue writes (both of them are those of
        an earlier queue), or most of its rows cannot be read.
    """
    rows = open_rows(file, dialect)
    names = rows.names()
    if column not in names:
        hint = did_you_mean(column, names)
        raise InputError(f"{file}: no column {column!r}; there are: {', '.join(names)}; name it with --column{hint}")
    taken = [name for name in QUEUED if name in names]
    if taken and len(taken) < len(QUEUED):
        raise InputError(f"{file}: the queue writes a column {taken[0]!r}, and the pool has one; rename or remove it")
    bad = list[Row]()
    frame = to_table(_readable(rows, bad))
    if frame.empty:
        raise refusal(file, bad[0], bad[0].complaint)
    if len(bad) > MOST_REJECTED * (len(bad) + len(frame)):
        first = f"{bad[0].place}: {bad[0].complaint}"
        raise refusal_of_most(file, len(bad) + len(frame), len(bad), what="read", first=first)
    return Pool(file, column, score_column, frame, tuple(bad), more_columns)


def require_writable(output: Path) -> None:
    """Raise InputError if the queue cannot be written there, or would replace a pool or an annotator's work."""
    if output.suffix != ".csv":
        raise InputError(f"--output {output}: found suffix {output.suffix or 'none'}; allowed is .csv")
    require_place(output)
    if output.exists():
        raise InputError(f"--output {output}: exists already, perhaps with scores filled in; name another file")


def make_queue(
    pool: Pool, *, count: int, model_name: str | None = None, version: str | None = None, seed: int = 0
) -> Queue:
    """Choose `count` texts of a pool for the champion, or for another version.

    Raises
    ------
    InputError
        The pool has no text left to label, or there is no such version.
    """
    name, number = find_scorer(model_name, version)
    unlabelled = pool.frame[~_is_labelled(pool, version_files.read_config(name, number).get("labels", {}))]
    usable = unlabelled[[not complaint_about(text) for text in unlabelled[pool.column]]]
    digests = usable[pool.column].map(text_digest)
    fresh = usable[~(digests.isin(version_files.read_learnt_from(name, number)) | digests.duplicated())]
    n_labelled = len(pool.frame) - len(unlabelled)
    n_unusable, n_known = len(unlabelled) - len(usable), len(usable) - len(fresh)
    if fresh.empty:
        filled = f" {n_labelled} with a {pool.score_column!r} already (--score-column)," if n_labelled else ""
        raise InputError(
            f"{pool.file}: no text left to label: {pool.n_rows} rows,{filled} {n_unusable} of them without a text,"
            f" {n_known} known to {name} version {number} already or there twice"
            f"{f', {len(pool.unreadable)} that cannot be read' if pool.unreadable else ''}"
        )
    spec, texts = version_files.read_spec(name, number), list(fresh[pool.column])
    y_score = _score(name, number, texts, class_names=spec.class_names)
    cut = version_files.read_decision_threshold(name, number)
    unsure = uncertainty(y_score, cut)
    found = choose_texts(texts, unsure, count=count, embed=lambda some: _embed(name, number, some), seed=seed)
    position = found["position"].to_numpy()
    if isinstance(cut, tuple):
        shown = uncertainty_by_label(y_score[position], cut).argmax(axis=1)
    else:
        shown = np.full(len(found), 1) if len(spec.class_names) == 2 else y_score[position].argmax(axis=1)
    said = np.round(y_score[position, shown], 4)
    reasons = [
        f"{spec.class_names[class_number]} {probability:.2f}{f', stands for {n} unsure texts' if n > 1 else ''}"
        for class_number, probability, n in zip(shown, said, found["n_similar"], strict=True)
    ]
    answers = dict.fromkeys((pool.score_column, *pool.more_columns), "")
    rows = fresh.iloc[position].assign(**{"probability": said, "reason": reasons, **answers})
    return Queue(rows, pool, n_unusable, n_known, n_labelled, name, number)


def write_queue(queue: Queue, output: Path, *, layout: Layout | None = None) -> None:
    """Write the file, whole or not at all; `layout` is that of the pool, or the usual one."""
    layout = layout or Layout.of(output)
    rows = queue.rows.to_csv(index=False, header=False, sep=layout.delimiter, lineterminator=layout.line_end)
    write_whole(output, f"{layout.write_head(list(queue.rows.columns))}{rows}")


def _is_labelled(pool: Pool, rule: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Whether each row is labelled already, as a training under the version's label rule would read it, (n_rows,).

    With several labels a row is, where any of their columns is filled in.
    """
    columns = [name for name in (pool.score_column, *pool.more_columns) if name in pool.frame]
    filled = [_is_filled(pool.frame[name], rule) for name in columns]
    return np.any(filled, axis=0) if filled else np.zeros(len(pool.frame), dtype=bool)


def _is_filled(cells: pd.Series, rule: Mapping[str, Any]) -> NDArray[np.bool_]:
    reads_scores = rule.get("rule", "median") not in ("given", "any", MANY)
    marks = tuple(rule.get("not_rated", ()))
    silent = [is_empty(cell) or is_mark(cell, marks) or (reads_scores and is_no_score(cell)) for cell in cells]
    return ~np.array(silent, dtype=bool)


def _readable(rows: Iterable[Row], bad: list[Row]) -> Iterator[Row]:
    """Yield the rows that can be read, and add the others to `bad`."""
    for row in rows:
        if row.complaint:
            bad.append(row)
        else:
            yield row


def _score(name: str, number: str, texts: Sequence[str], *, class_names: Sequence[str]) -> NDArray[np.float64]:
    """Probabilities of shape (n, n_classes)."""
    score, columns = Scorer(name, number), [f"{PROBABILITY}{class_name}" for class_name in class_names]
    starts = tqdm(range(0, len(texts), CHUNK), desc="scoring the pool", unit=f" × {CHUNK} texts", disable=None)
    return np.concatenate([score(texts[start : start + CHUNK])[columns].to_numpy(dtype="float64") for start in starts])


def _embed(name: str, number: str, texts: Sequence[str]) -> NDArray[np.float32]:
    from agile_classifier.models.embeddings import embed  # torch: not before it is needed

    files = version_files.read_files(name, number)
    spec = ClassifierSpec.load(files.adapter)
    base = find_bases(files.adapter, files.base or fetch_bases_of(files.adapter))[0]
    return embed(spec.clean(texts), base=base, max_length=spec.max_length)
