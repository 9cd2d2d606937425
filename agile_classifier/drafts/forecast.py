"""Forecast: what `agile train` would say of a config, by doing all that a run does before it trains."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from agile_classifier.config.run import RunConfig
from agile_classifier.config.split import SplitConfig
from agile_classifier.data.expectations.run import check_examples
from agile_classifier.data.label_and_split import label_and_split, label_examples
from agile_classifier.data.leakage import examine_parts, refuse_leakage
from agile_classifier.data.splits import PART_OF, PARTS
from agile_classifier.data.tables import read_kept
from agile_classifier.data.text import is_blank
from agile_classifier.errors import GateRefused, InputError

HINDRANCE = "It cannot train yet: "


def forecast(examples: pd.DataFrame, config: RunConfig, *, suite: Path) -> list[str]:
    """What would stop a run, each with what helps; or the parts that it would make.

    Parameters
    ----------
    examples : DataFrame of shape (n, n_columns)
        As the step `ingest` makes them.
    suite : Path
        The expectation suite that the step `validate` reads.
    """
    hindrances = _missing(examples, config)
    try:
        if not hindrances:
            hindrances = _too_few(examples, config)
        warnings = [] if hindrances else _validate(examples, config, suite=suite)
        if hindrances:
            return [f"{HINDRANCE}{hindrance}." for hindrance in hindrances]
        return [*warnings, *_split(examples, config)]
    except (InputError, GateRefused) as error:
        return [f"{HINDRANCE}{str(error).removesuffix('.')}."]


def forecast_parts(examples: pd.DataFrame, config: RunConfig, column: str) -> str:
    """What a split by a column that holds its parts would make, or why it would be refused.

    Parameters
    ----------
    examples : DataFrame of shape (n, n_columns)
        As `forecast`; the column is kept.
    """
    words = sorted({str(word).strip() for word in read_kept(examples, column)})
    synonyms = [word for word in words if word.lower() in set(PART_OF) - set(PARTS)]
    counted = ", ".join(f"{word!r} counts as {PART_OF[word.lower()]}" for word in synonyms)
    said = f"Column {column!r} holds the parts of a split{f' ({counted})' if counted else ''}: "
    fields = f"split.method columns with split.column {column!r}"
    split = SplitConfig(method="columns", column=column)
    try:
        return f"{said}{fields} would use it. {' '.join(_split(examples, config.model_copy(update={'split': split})))}"
    except (InputError, GateRefused) as error:
        return f"{said}{fields} would be refused: {str(error).removesuffix('.')}."


def _missing(examples: pd.DataFrame, config: RunConfig) -> list[str]:
    """Rows that lack what every row needs."""
    texts = examples["text"]
    blank = int(texts.map(lambda text: pd.isna(text) or is_blank(text)).sum())
    hindrances = []
    if blank:
        hindrances.append(f"{blank} rows have no text; remove them from the file, or fill them in")
    if "score" in examples and config.labels.unlabelled == "refuse" and examples["score"].isna().any():
        n = int(examples["score"].isna().sum())
        hindrances.append(f"{n} rows have no score; labels.unlabelled: leave_out leaves them out")
    return hindrances


def _too_few(examples: pd.DataFrame, config: RunConfig) -> list[str]:
    limits = config.validation
    if len(examples) < limits.min_rows:
        return [f"{len(examples)} rows, and validation.min_rows asks for {limits.min_rows}"]
    smallest = label_examples(examples, config.labels)[0].value_counts().min()
    if smallest < limits.min_class_rows:
        return [
            f"the smallest class has {smallest} rows, and validation.min_class_rows asks for {limits.min_class_rows}"
        ]
    return []


def _validate(examples: pd.DataFrame, config: RunConfig, *, suite: Path) -> list[str]:
    bounds = {**config.validation.model_dump(exclude={"suite"}), "max_words": config.model.max_length}
    report = check_examples(examples, config.labels, suite=suite, bounds=bounds)
    return [f"The run will warn: {warning.sentence}." for warning in report.warnings]


def _split(examples: pd.DataFrame, config: RunConfig) -> list[str]:
    quality = config.data_quality
    parts = label_and_split(examples, config.labels, config.split, quality).parts
    refuse_leakage(examine_parts(parts, similarity=quality.similarity, limits=quality.limits))
    return _expected_parts({part: len(frame) for part, frame in parts.items()}, fewest=config.promotion.min_rows)


def _expected_parts(sizes: Mapping[str, int], *, fewest: int) -> list[str]:
    expected = [f"That makes {', '.join(f'{size} {part}' for part, size in sizes.items())} rows."]
    if sizes["test"] < fewest:
        expected.append(
            f"{sizes['test']} test rows are too few for promotion (promotion.min_rows asks for {fewest}): the version "
            "will be registered as candidate, and no champion."
        )
    return expected
