"""Monitoring: a scored batch, or what was served, against the reference of its version, and that version's training."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from zenml.client import Client

from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.config.files import parse_config
from agile_classifier.config.reading import ReadingOptions
from agile_classifier.config.run import RunConfig
from agile_classifier.data.formats.row import Row, RowFile
from agile_classifier.data.rows import open_rows, refusal, require_rows
from agile_classifier.errors import InputError
from agile_classifier.evaluation.drift import Drift, compare
from agile_classifier.evaluation.drift_sample import REFERENCE_FILE, DriftSample, sample_scores
from agile_classifier.evaluation.quality import Answered, measure_figures
from agile_classifier.evaluation.reference import EMBEDDED_TEXTS, embedded
from agile_classifier.evaluation.reports.drift import DriftPage, render, sentence_of
from agile_classifier.label_sets import part_labels, read_labels
from agile_classifier.models.gguf import fetch_base_of
from agile_classifier.models.spec import PROBABILITY, ClassifierSpec
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.registry.contents import version_files
from agile_classifier.ops.registry.versions import find_champion
from agile_classifier.ops.scoring.answer_columns import LABEL, MODEL_VERSION, column_of
from agile_classifier.ops.scoring.reading import DEFAULT_COLUMN, Remembered, Scored, find_scored
from agile_classifier.ops.state.home import scratch

ZENML_RUN = "zenml.run"


@dataclass(frozen=True)
class Batch:
    """A scored file as monitoring needs it, read once through."""

    version: str
    sample: DriftSample
    texts: tuple[str, ...]
    """An even spread over the file, at most `EMBEDDED_TEXTS`."""
    answered: Answered
    """Predicted classes and probabilities of every row."""


def place_for_scores(source: Path, options: ReadingOptions) -> Path | None:
    """Path that an unscored file is scored to first; None for a file that `agile score` wrote."""
    if find_scored(source, options) is not None:
        return None
    return scratch() / f"{source.stem}.parquet"


def measure(
    source: Path,
    *,
    named: Path | None = None,
    options: ReadingOptions = ReadingOptions(),
    model_name: str | None,
    settings: MonitoringConfig,
) -> tuple[Drift, str]:
    """Measure the drift of a scored file against its version's reference; returns it with its page.

    Parameters
    ----------
    named : Path, optional
        The file of texts that was scored into `source`, where that is a passing one.
    options : ReadingOptions
        How `source` is read, where that does not show; the version's config names the column of the texts.

    Raises
    ------
    InputError
        No scored file, scored by several versions, a version that is gone or holds no reference, or fewer rows than
        `monitoring.min_rows`.
    """
    name = model_name or find_champion(None).model_name
    version = scored_version(source, options)
    registry.find_version(name, version, is_alias=False)
    files = version_files.read_files(name, version)
    reference = read_reference(files.adapter, name, version)
    remembered = Remembered.of_config(version_files.read_config(name, version), whose=f"{name} version {version}")
    column = options.column or remembered.column or DEFAULT_COLUMN
    batch = read_batch(
        source,
        require_scored(source, options),
        column=column,
        class_names=reference.class_names,
        several=reference.several,
    )
    if batch.sample.n < settings.min_rows:
        raise InputError(
            f"{named or source}: {batch.sample.n} rows; fewer than monitoring.min_rows ({settings.min_rows}) tell "
            "nothing"
        )
    return compare_batch(
        batch, reference, files, name=name, settings=settings, title=(named or source).name, source=str(named or source)
    )


def compare_batch(
    batch: Batch, reference: DriftSample, files: version_files.VersionFiles, *, name: str, settings: MonitoringConfig,
    title: str, source: str,
) -> tuple[Drift, str]:  # fmt: skip
    """Compare a batch with the reference of its version; returns the drift with its page.

    Parameters
    ----------
    name : str
        Name of the model.
    title, source : str
        What the page calls the batch, and where that came from.
    """
    sample = batch.sample
    if batch.texts:  # without any, what only they tell is not measured
        base = files.base or fetch_base_of(ClassifierSpec.load(files.adapter))
        sample = embedded(sample, files.adapter, base=base, texts=batch.texts)
    findings = compare(reference, sample, limits=settings.limits)
    page = DriftPage(f"{name} version {batch.version}: {title}", reference, sample, findings, source)
    found = Drift(
        drift=any(finding.level == "drift" for finding in findings),
        sentence=sentence_of(page),
        model_name=name,
        model_version=batch.version,
        source=source,
        n_rows=sample.n,
        n_reference=reference.n,
        findings=tuple(findings),
        expected=()
        if reference.several
        else measure_figures(reference.class_names, judged=None, answered=batch.answered, test={}),
    )
    return found, render(page)


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


def as_answered(predicted: ArrayLike, y_score: NDArray[np.float64], *, several: bool) -> Answered:
    """Answers from the numbers of predicted classes, or of the sets of several labels, and the probabilities."""
    y_pred = np.asarray(predicted, dtype=np.int64)
    return Answered(part_labels(y_pred, y_score.shape[1]) if several else y_pred, y_score)


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


def require_one_version(versions: Iterable[str], source: str) -> None:
    """Raise InputError where rows of a batch were scored by several versions."""
    if len(found := list(versions)) != 1:
        raise InputError(f"{source}: rows of versions {', '.join(found)}; a batch is scored by one")


def _labels_of(cell: str) -> list[str] | None:
    """Labels in a cell that scoring wrote; None where it is no list of them."""
    try:
        return read_labels(cell)
    except (ValueError, TypeError):
        return None


def training_config(model_name: str, version: str) -> RunConfig:
    """Config of the run that made a version, from ZenML or, without its run, from the version.

    Raises
    ------
    InputError
        The version records no config, or one that an older or another pipeline wrote.
    """
    given = _run_parameters(model_name, version)
    recorded = given or version_files.read_config(model_name, version)
    if not recorded:
        raise InputError(f"model {model_name}: version {version} records no config that could be trained again")
    return parse_config(
        {"registry": {"model_name": model_name}, **recorded}, name=f"model {model_name}: config of version {version}"
    )


def settings_of(
    model_name: str | None, version: str | None, *, on_drift: str | None, on_decay: str | None = None,
    config: RunConfig | None = None,
) -> MonitoringConfig:  # fmt: skip
    """Section `monitoring` of the config or, without one, of the version's run; what is given overrides its fields.

    Where that run is gone, the defaults.
    """
    recorded = config.monitoring.model_dump() if config else _recorded_settings(model_name, version)
    given = {name: word for name, word in (("on_drift", on_drift), ("on_decay", on_decay)) if word is not None}
    for name, word in given.items():
        allowed = get_args(MonitoringConfig.model_fields[name].annotation)
        if word not in allowed:
            raise InputError(f"--{name.replace('_', '-')} {word}: allowed are {', '.join(allowed)}")
    return MonitoringConfig.model_validate({**recorded, **given})


def _recorded_settings(model_name: str | None, version: str | None) -> dict[str, Any]:
    name = model_name or find_champion(None).model_name
    number = version or find_champion(name).version
    return _run_parameters(name, number).get("monitoring") or {}


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


def require_scored(source: Path, options: ReadingOptions) -> Scored:
    """How a file is read that `agile score` wrote; raises InputError for any other file."""
    if (scored := find_scored(source, options)) is not None:
        return scored
    columns = f"{LABEL}, {PROBABILITY}… and {MODEL_VERSION}"
    raise InputError(f"{source}: has no columns {columns}; expected a file that `agile score` wrote")


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


def read_reference(adapter: Path, name: str, version: str) -> DriftSample:
    """The sample of the test rows that a version holds; raises InputError where it holds none."""
    file = adapter / REFERENCE_FILE
    if not file.is_file():
        raise InputError(
            f"model {name}: version {version} holds no reference to compare with, for it was registered before "
            "references were kept; train it again"
        )
    return DriftSample.load(file)


def _run_parameters(model_name: str, version: str) -> dict[str, Any]:
    run_id = registry.read_tags(model_name, version).get(ZENML_RUN)
    if not run_id:
        return {}
    try:
        run = Client().get_pipeline_run(run_id, allow_name_prefix_match=False)
    except (KeyError, ValueError):
        return {}
    return dict(run.config.parameters or {})
