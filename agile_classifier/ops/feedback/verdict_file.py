"""Verdict file: a table of verdicts, a row a prediction, as people fill it in beside a scored file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.config.reading import ReadingOptions
from agile_classifier.data.dialects.detection import detect_dialect
from agile_classifier.data.formats.row import Row
from agile_classifier.data.labels.cells import is_empty, plain_number, unwrap
from agile_classifier.data.rows import open_rows, refusal, require_rows
from agile_classifier.errors import InputError, did_you_mean, explain_validation
from agile_classifier.ops.feedback.settings import settings_by
from agile_classifier.ops.feedback.store import open_store
from agile_classifier.ops.feedback.verdicts import BadVerdict, UnknownPrediction, Verdict, VerdictTaker
from agile_classifier.ops.scoring.answer_columns import PREDICTION_ID
from agile_classifier.ops.scoring.reading import find_scored

VERDICT, PERSON, SAMPLING, TEXT = "verdict", "person", "sampling_probability", "text"


@dataclass(frozen=True)
class Taken:
    """What became of a file of verdicts."""

    n_stored: int
    n_without: int
    """Rows without a verdict, which were left out."""
    n_unweighted: int
    """Verdicts on predictions of which nobody knows with what chance they were shown."""

    def in_words(self, path: Path) -> str:
        """What became of it, in a line."""
        left_out = f"; {self.n_without:,} rows without one" if self.n_without else ""
        unweighted = (
            f"; {self.n_unweighted:,} tell no precision and recall, for nobody knows with what chance their predictions"
            " were shown (--sampling-probability)"
            if self.n_unweighted
            else ""
        )
        return f"{path}: {self.n_stored:,} verdicts stored{left_out}{unweighted}"


@dataclass(frozen=True)
class FileOptions:
    """How a file of verdicts is read."""

    reading: ReadingOptions = field(default_factory=ReadingOptions)
    """Its `column` is that of the texts, by default `text` where there is one."""
    verdict_column: str = VERDICT
    person: str = ""
    """Who gave the verdicts of rows that name nobody."""
    sampling_probability: float | None = None
    """Chance with which each prediction of the file was shown, where a row does not say it."""


def take_file(
    path: Path,
    options: FileOptions = FileOptions(),
    *,
    monitoring: MonitoringConfig | None = None,
) -> Taken:
    """Store the verdicts of a file, all or none.

    Parameters
    ----------
    monitoring : MonitoringConfig, optional
        Says whether texts are kept; without it the config of the run that made each version does.

    Raises
    ------
    InputError
        The file or a row of it cannot be read, a column is missing, an id is unknown, or a verdict is none of the
        version's classes; names the row.
    """
    rows = open_rows(path, _read_dialect(path, options.reading))
    names = rows.names()
    _require_columns(path, names, options)
    id_column = _find_id_column(names) or PREDICTION_ID
    found, n_without = list[tuple[Row, Verdict]](), 0
    for row in require_rows(rows):
        if is_empty(row.cells.get(options.verdict_column)):
            n_without += 1
        else:
            found.append((row, _read_verdict(path, row, options, id_column)))
    if not found:
        raise InputError(f"{path}: no row has a verdict in column {options.verdict_column!r} (--verdict-column)")
    settings_of = settings_by(monitoring)
    try:
        with closing(VerdictTaker(open_store(), keeps_texts=lambda *named: settings_of(*named).keep_texts)) as taker:
            stored = taker.take([verdict for _, verdict in found], places=[row.place for row, _ in found])
    except (UnknownPrediction, BadVerdict) as error:
        raise InputError(f"{path}: {error}; nothing was stored") from None
    return Taken(stored.n_stored, n_without, stored.n_unweighted)


def _read_dialect(path: Path, options: ReadingOptions) -> Dialect:
    scored = find_scored(path, options)
    return scored.dialect if scored else detect_dialect(path, said=options.said).dialect


def _find_id_column(names: Sequence[str]) -> str | None:
    """Column of the ids: the plain one, or the only one that `agile score --prefix` has named."""
    found = [name for name in names if name.endswith(PREDICTION_ID)]
    return PREDICTION_ID if PREDICTION_ID in found else found[0] if len(found) == 1 else None


def _require_columns(path: Path, names: Sequence[str], options: FileOptions) -> None:
    said = {PREDICTION_ID: _find_id_column(names) or PREDICTION_ID, "--verdict-column": options.verdict_column}
    if options.reading.column:
        said["--column"] = options.reading.column
    for option, wanted in said.items():
        if wanted not in names:
            named = f" ({option})" if option.startswith("--") else ""
            raise InputError(
                f"{path}: no column {wanted!r}{named}; there are {', '.join(map(repr, names))}"
                f"{did_you_mean(wanted, names)}"
            )


def _read_verdict(path: Path, row: Row, options: FileOptions, id_column: str) -> Verdict:
    cells = {
        "prediction_id": row.cells.get(id_column), "verdict": row.cells.get(options.verdict_column),
        PERSON: row.cells.get(PERSON), SAMPLING: row.cells.get(SAMPLING),
        TEXT: row.cells.get(options.reading.column or TEXT),
    }  # fmt: skip
    given = {name: cell if name == TEXT else _plain(cell) for name, cell in cells.items() if not is_empty(cell)}
    defaults = {PERSON: options.person, SAMPLING: options.sampling_probability}
    try:
        return Verdict.model_validate({**defaults, **given})
    except ValidationError as error:
        raise refusal(path, row, f"{explain_validation(error, Verdict)}; nothing was stored") from None


def _plain(cell: object) -> str:
    """A cell as the word that stands there: 1.0 of a spreadsheet is 1."""
    return str(plain_number(unwrap(cell))).strip()
