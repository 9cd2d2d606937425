"""Forecast: what `agile train` would say of a config, by doing all that a run does before it trains."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from agile_classifier.config.labels.many import MANY
from agile_classifier.config.run import RunConfig
from agile_classifier.config.split import SplitConfig
from agile_classifier.data.expectations.examples import check_examples
from agile_classifier.data.label_and_split import Labelled, label_and_split, label_examples
from agile_classifier.data.leakage import examine_parts, refuse_leakage
from agile_classifier.data.raters.facts import describe_raters, refuse_disagreement
from agile_classifier.data.splits import PART_OF, PARTS
from agile_classifier.data.tables import read_kept
from agile_classifier.data.text import is_blank
from agile_classifier.errors import GateRefused, InputError, one_line
from agile_classifier.label_sets import part_labels

HINDRANCE = "It cannot train yet: "
FEWEST_UNITS = 100
"""Fewest rows, or groups, that a draft divides by hash: with fewer the sizes of the parts are too much a matter of
luck."""
MOST_LEFT_OUT = 0.2
"""Largest share of the rows that a draft's split may lose as near copies of held-out texts."""
STABLE = (
    "A hash of {unit} says the part it is in (split.method stable), so that rows which come, go or are relabelled later"
    " move no other row, and test stays unseen."
)
INSTEAD = (
    "split.method {method}: {why}. Once the file has grown take split.method stable, before the first champion: another"
    " split deals all rows anew."
)


def choose_split(examples: pd.DataFrame, config: RunConfig) -> tuple[RunConfig, Labelled | None, str]:
    """Choose the split of a draft: `stable` where its random sizes serve, else the one that the draft has already.

    Returns
    -------
    The draft with the split, its examples so divided where that was tried, and the reason.
    """
    grouped = config.data.has_group
    n_units = examples["group"].nunique() if grouped else len(examples)
    if n_units < FEWEST_UNITS:
        few = f"{n_units} {'groups' if grouped else 'rows'} are too few for parts of random sizes"
        return config, None, INSTEAD.format(method=config.split.method, why=few)
    stable = config.model_copy(update={"split": SplitConfig(method="stable", seed=config.split.seed)})
    why_stable = STABLE.format(unit="each group" if grouped else "each text")
    if _missing(examples, config):
        return stable, None, why_stable
    found = _try_split(examples, stable)
    why_not = found if isinstance(found, str) else _lopsided(found, stable.split)
    if why_not is None:
        return stable, _divided(found), why_stable
    other = _try_split(examples, config)
    if isinstance(other, Labelled) and _lopsided(other, config.split) is None:
        return config, other, INSTEAD.format(method=config.split.method, why=why_not.removesuffix("."))
    doubt = "" if isinstance(found, str) else f" As yet {why_not}."
    return stable, _divided(found), f"{why_stable}{doubt}"


def forecast(examples: pd.DataFrame, config: RunConfig, *, suite: Path, labelled: Labelled | None = None) -> list[str]:
    """What would stop a run, each with what helps; or the parts that it would make.

    Parameters
    ----------
    examples : DataFrame of shape (n, n_columns)
        As the step `ingest` makes them.
    suite : Path
        The expectation suite that the step `validate` reads.
    labelled : Labelled, optional
        The examples, labelled and split as the config says, where that is done.
    """
    hindrances = _missing(examples, config)
    try:
        if not hindrances:
            hindrances = _too_few(examples, config)
        warnings = [] if hindrances else [*_validate(examples, config, suite=suite), *_rate(examples, config)]
        if hindrances:
            return [f"{HINDRANCE}{hindrance}." for hindrance in hindrances]
        return [*warnings, *_split(examples, config, labelled)]
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
    smallest = _smallest_class(examples, config)
    if smallest < limits.min_class_rows:
        return [
            f"the smallest class has {smallest} rows, and validation.min_class_rows asks for {limits.min_class_rows}"
        ]
    return []


def _smallest_class(examples: pd.DataFrame, config: RunConfig) -> int:
    """Rows of the rarest class; of several labels, of the label that stands in the fewest rows, or lacks in them."""
    label, names, _ = label_examples(examples, config.labels)
    if config.labels.rule != MANY:
        return int(label.value_counts().min())
    held = part_labels(label, len(names)).sum(axis=0)
    return int(min(held.min(), len(label) - held.max()))


def _validate(examples: pd.DataFrame, config: RunConfig, *, suite: Path) -> list[str]:
    bounds = {**config.validation.model_dump(exclude={"suite"}), "max_words": config.model.max_length}
    report = check_examples(examples, config.labels, suite=suite, bounds=bounds)
    return [f"The run will warn: {warning.sentence}." for warning in report.warnings]


def _try_split(examples: pd.DataFrame, config: RunConfig) -> Labelled | str:
    """Divide the examples as a config says; the error where that cannot be."""
    try:
        return label_and_split(examples, config.labels, config.split, config.data_quality)
    except (InputError, GateRefused) as error:
        return str(error)


def _divided(found: Labelled | str) -> Labelled | None:
    return found if isinstance(found, Labelled) else None


def _lopsided(labelled: Labelled, split: SplitConfig) -> str | None:
    """Clause that says which part comes out far too small, or how many rows are lost; None where all is well."""
    sizes = {part: len(frame) for part, frame in labelled.parts.items()}
    n_all, held_out = sum(sizes.values()), {"validation": split.validation, "test": split.test or 0.0}
    for part, share in {**held_out, "train": 1 - sum(held_out.values())}.items():
        if sizes[part] < share * n_all / 2:
            return f"{part} would come to {sizes[part]} of {n_all} rows, less than half of its share of {share:.0%}"
    n_left_out = (labelled.labelling.duplicates and labelled.labelling.duplicates.n_left_out) or 0
    if n_left_out > MOST_LEFT_OUT * n_all:
        return f"{n_left_out} of {n_all + n_left_out} rows would be left out, as near copies of held-out texts"
    return None


def _rate(examples: pd.DataFrame, config: RunConfig) -> list[str]:
    raters = describe_raters(examples)
    refuse_disagreement(raters, limit=config.data_quality.min_agreement)
    if raters is None:
        return []
    warnings = [f"The run will warn: {one_line(warning)}." for warning in raters.warnings]
    return [f"The labels rest on {raters.sentence}.", *warnings]


def _split(examples: pd.DataFrame, config: RunConfig, labelled: Labelled | None = None) -> list[str]:
    quality = config.data_quality
    labelled = labelled or label_and_split(examples, config.labels, config.split, quality)
    parts = labelled.parts
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
