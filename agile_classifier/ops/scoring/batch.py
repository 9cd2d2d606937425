"""Batch scoring: a file of texts by a registered version, with progress, gone on with after a kill."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from agile_classifier.config.reading import ReadingOptions
from agile_classifier.data.row_parts import RowParts, opened
from agile_classifier.data.rows import open_rows
from agile_classifier.errors import InputError
from agile_classifier.files import content_digest
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.registry.scorer import Scorer
from agile_classifier.ops.registry.versions import find_champion
from agile_classifier.ops.scoring import stream as stream_scoring
from agile_classifier.ops.scoring.answer_columns import AnswerColumns, place_answers
from agile_classifier.ops.scoring.explanations.explaining import ExplainingScorer, Scores
from agile_classifier.ops.scoring.reading import Reading, choose_layout, read_as
from agile_classifier.ops.scoring.stream import WINDOW_ROWS, Answering

SECONDS_BETWEEN_LINES = 10.0
"""Seconds between lines of progress, where standard error is no terminal."""
STEPS = 10_000
"""Steps of a progress bar on a terminal."""
MODEL_NAME, VERSION, BEGUN_BY, REJECTED = "model_name", "model_version", "run_id", "n_rejected"
"""Facts that others read."""

OnProgress = Callable[[stream_scoring.Progress], None]


class Marking(Protocol):
    """What adds to each answer, as `agile_classifier.ops.feedback.marking.Marker` does."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of what it adds."""

    @property
    def identity(self) -> str:
        """What its marks depend on: where it is another, a file is scored anew."""

    def mark_row(self, answer: Mapping[str, Any], *, name: str, made: int) -> Mapping[str, Any]:
        """What is added to the answer of a row, by its name and the time."""


FindMarking = Callable[[str, str, Sequence[str]], Marking]
"""Name and number of a version, and the columns of its answers, to what marks them."""


@dataclass(frozen=True)
class LoadedVersion:
    """A registered version for as many files as there are: it is loaded when the first is scored."""

    name: str
    version: str
    find_marking: FindMarking | None = None
    explain: bool = False
    """Whether its answers name the words that carry them."""

    @cached_property
    def scorer(self) -> Scores:
        """The version in memory."""
        scorer = Scorer(self.name, self.version)
        return ExplainingScorer(scorer) if self.explain else scorer

    def load(self) -> None:
        """Load it now, so that the time of no file holds that."""
        _ = self.scorer

    @cached_property
    def marking(self) -> Marking | None:
        """What marks its answers, where that is asked for."""
        return self.find_marking(self.name, self.version, self.scorer.columns) if self.find_marking else None


@dataclass(frozen=True)
class Manner:
    """How files are scored, whichever they are; the fields are those of `score_file`."""

    options: ReadingOptions
    prefix: str | None
    strict: bool
    window_rows: int = WINDOW_ROWS


def find_scorer(model_name: str | None, version: str | None) -> tuple[str, str]:
    """Name and number of the version that scores: the champion, or the one that is named by number or alias.

    Raises
    ------
    InputError
        There is none, or several and none was named.
    """
    champion = find_champion(model_name) if version is None or model_name is None else None
    name = model_name or (champion.model_name if champion else "")
    if version is None and champion is not None:
        return name, champion.version
    wanted = version or ""
    return name, registry.find_version(name, wanted, is_alias=not wanted.isdigit())


def require_scorable(
    source: Path, *, output: Path, options: ReadingOptions, model_name: str | None, version: str | None
) -> tuple[str, str, Reading]:
    """Name and number of the version that scores, and how the file will be read for it.

    Raises InputError where a run would end before its first row.

    Files that cannot be used, no version that scores, no column of texts.
    """
    stream_scoring.check_output(output, source)
    open_rows(source)
    name, number = find_scorer(model_name, version)
    return name, number, read_as(source, options, model_name=name, version=number)


def score_file(
    source: Path,
    *,
    output: Path,
    options: ReadingOptions = ReadingOptions(),
    prefix: str | None = None,
    model_name: str | None = None,
    version: str | None = None,
    strict: bool = False,
    run_id: str,
    find_marking: FindMarking | None = None,
    explain: bool = False,
    window_rows: int = WINDOW_ROWS,
) -> dict[str, Any]:
    """Write the file's rows, in their order, with label, probabilities, `model_version` and `run_id` added.

    Returns facts.

    Parameters
    ----------
    source, output : Path
        The suffixes name the formats; `output` may be of another one, and is replaced only once all is scored.
    options : ReadingOptions
        How `source` is read where that is not as the version's config says.
    prefix : str or None
        What the name of each added column begins with; without one, `place_answers` says what clashes become.
    model_name, version : str or None
        Whose version answers, and which: a number or an alias, None the champion.
    strict : bool
        Whether one bad row is an error, before anything is scored. Without it, bad rows go to a file of their own.
    run_id : str
        Written into each row, unless the output was begun by another run: then that one's.
    find_marking : callable, optional
        Finds what gives each row its `prediction_id`; without it rows have none.
    explain : bool
        Whether each row is also given the words that carry its answer, in a column `explanation`.

    Raises
    ------
    InputError
        A file cannot be read or written, added columns have no name left, or most rows cannot be scored.
    """
    stream_scoring.check_output(output, source)
    by = LoadedVersion(*find_scorer(model_name, version), find_marking, explain=explain)
    manner = Manner(options, prefix, strict, window_rows)
    return score_by(by, source, output=output, manner=manner, run_id=run_id, say=_say, show=shown_progress)


def score_by(
    by: LoadedVersion, source: Path, *, output: Path, manner: Manner, run_id: str, say: Callable[[str], None],
    show: Callable[[], AbstractContextManager[OnProgress]],
) -> dict[str, Any]:  # fmt: skip
    """Score a file by a version that may be loaded already; all else as `score_file`.

    Parameters
    ----------
    say : callable
        Told in a sentence how the file is read, and what is gone on with.
    show : callable
        Context that shows progress while rows are scored.
    """
    begun, name, number = time.monotonic(), by.name, by.version
    reading, written = read_as(source, manner.options, model_name=name, version=number), source.stat().st_mtime_ns
    rows, scorer = open_rows(source, reading.dialect), by.scorer
    found, marking = stream_scoring.input_schema(rows, output), by.marking
    names = place_answers(found.names, scorer.columns, prefix=manner.prefix, marks=marking.columns if marking else ())
    schema, layout = stream_scoring.output_schema(found, names), choose_layout(source, reading.dialect, output)
    _say_how(source, reading, names, say)
    if manner.strict:
        stream_scoring.refuse_bad_rows(rows, reading.column)
    answers = {MODEL_NAME: name, VERSION: number, "window": manner.window_rows, "columns": schema.names}
    how = {"column": reading.column, **reading.dialect.model_dump(mode="json")}
    marked = {"marks": marking.identity} if marking else {}
    identity = {"input": content_digest(source), **how, **answers, **marked}
    with opened(output, schema, identity=identity, say=say, layout=layout) as parts, show() as on_progress:
        first_run = parts.begun_by(run_id)
        resumed = len(parts.pieces)
        if resumed:
            say(f"{output}: {sum(piece.n_rows for piece in parts.pieces):,} rows are scored already; going on")
        mark = _mark_by(marking, first_run, parts.begun_at()) if marking else None
        answering = Answering(reading.column, scorer, names, number, first_run, mark)
        stream_scoring.score_rows(rows, parts, answering, on_progress=on_progress, window_rows=manner.window_rows)
        if source.stat().st_mtime_ns != written:
            raise InputError(f"{source}: was changed while it was read; run again, and it is scored anew")
        facts = _facts(parts, resumed=resumed, seconds=time.monotonic() - begun)
        rejected = parts.finish()
    return {
        **facts, "path": str(output.absolute()), "rejected_path": str(rejected) if rejected else "",
        "input": str(source.absolute()), "read_as": how, "columns": dict(names.names), "written": schema.names,
        "input_sha256": identity["input"], MODEL_NAME: name, VERSION: number, BEGUN_BY: first_run,
    }  # fmt: skip


def _mark_by(marking: Marking, run_id: str, made: int) -> stream_scoring.Mark:
    return lambda row, answer: marking.mark_row(answer, name=f"{run_id} {row}", made=made)


def in_words(facts: dict[str, Any]) -> str:
    """Summary of a scored file in one line."""
    bad = facts[REJECTED]
    rejected = f"; {_rows(bad)} could not be scored: {facts['rejected_path']}" if bad else ""
    return (
        f"{_rows(facts['n_scored'])} scored into {facts['path']} by {facts[MODEL_NAME]} version {facts[VERSION]}"
        f" ({facts['rows_per_second']:,.0f} rows/s){rejected}"
    )


@contextmanager
def shown_progress() -> Iterator[OnProgress]:
    """Context that shows progress on standard error: a bar on a terminal, else a line now and then."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    columns = (
        TextColumn("scored"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=sys.stderr)) as bar:

        def move(progress: stream_scoring.Progress) -> None:
            if not bar.task_ids:  # begun where the last run ended, so that its share counts for no speed of this one
                bar.add_task("", total=STEPS, completed=round(STEPS * progress.share))
            words = f"{progress.n_rows:,} rows, {progress.n_rejected:,} rejected"
            bar.update(bar.task_ids[0], completed=round(STEPS * progress.share), description=words)

        yield move


class Lines:
    """Progress as lines, with the time left by the speed of this run, once that is known.

    Each begins with what it is of, where that is said.
    """

    def __init__(self, of: str = "") -> None:
        self.of = f"{of}: " if of else ""
        self.begun = self.told = time.monotonic()
        self.first: stream_scoring.Progress | None = None

    def __call__(self, progress: stream_scoring.Progress) -> None:
        """Say how far it is, where the last line was said long enough ago."""
        now = time.monotonic()
        if self.first is None:  # the time of the first window belongs to a share that is not counted
            self.first, self.begun = progress, now
        if now - self.told < SECONDS_BETWEEN_LINES:
            return
        self.told, done = now, progress.share - self.first.share
        left = f", {(1 - progress.share) * (now - self.begun) / done:,.0f} s left" if done > 0 else ""
        _say(f"{self.of}{progress.n_rows:,} rows, {progress.n_rejected:,} rejected, {progress.share:.0%}{left}")


def _say_how(source: Path, reading: Reading, names: AnswerColumns, say: Callable[[str], None]) -> None:
    for sentence in (*reading.notes, names.in_words()):
        if sentence:
            say(f"{source}: {sentence}")


def _rows(number: int) -> str:
    return f"{number:,} row{'s' if number != 1 else ''}"


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _facts(parts: RowParts, *, resumed: int, seconds: float) -> dict[str, Any]:
    new = parts.pieces[resumed:]
    n_rows = sum(piece.n_rows for piece in parts.pieces)
    n_rejected = sum(piece.n_rejected for piece in parts.pieces)
    n_labels = sum((Counter(piece.n_labels) for piece in parts.pieces), Counter[str]())
    n_new = sum(piece.n_rows for piece in new)
    return {
        "n_rows": n_rows, "n_scored": n_rows - n_rejected, REJECTED: n_rejected, "n_labels": dict(n_labels),
        "n_distinct_in_windows": sum(piece.n_scored_texts for piece in parts.pieces), "n_resumed": n_rows - n_new,
        "seconds": round(seconds, 3), "rows_per_second": round(n_new / max(seconds, 1e-9), 1),
    }  # fmt: skip
