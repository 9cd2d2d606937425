"""Guessing: a first config for a file nobody has described yet (`agile init FILE`), with a reason for every choice.

A guess is a starting point for a person to read, so each one is a sentence, and where a file gives nothing to learn
from the answer is an error that says what was looked for, never a config that would fail later.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from agile_classifier.data.dialects import ROWS_READ, detect_dialect, is_number
from agile_classifier.data.tables import read_table
from agile_classifier.errors import InputError

FEW_ROWS = 100
"""Below this many examples a score on the test part says little."""
MOST_CLASSES = 20
LARGEST_SCORE = 100.0
"""Scores are bounded; larger numbers are counts, years, keys."""
FEWEST_GROUPS = 10
"""With fewer, the default shares leave a part of the split without a group."""

QUEUED = ("probability", "reason")
"""What `agile queue` writes beside a text: a model's answer, and nothing to learn from."""

_ID = re.compile(r"(^|[_ ])(id|uuid|guid|key|index)$|[a-z]Id$|^#$|^$")
_SCORE = re.compile(r"score|rating|valence|sentiment|stars|toxic|hate|offens|severity|polarity|share", re.IGNORECASE)
_CLASS = re.compile(r"label|class|target|categor|spam|gold|^is|^y$", re.IGNORECASE)
_GROUP = re.compile(r"group|(^|_)doc(ument)?(_?id)?$|source|author|user|speaker|thread", re.IGNORECASE)
_PART = re.compile(r"^(split|part|fold|subset)$", re.IGNORECASE)
_PLACE = re.compile(r"(^|_)(id|index|idx|number|no|num|n|count|position|row|year|age|length|words?)$", re.IGNORECASE)
_TREEBANK_MARK = re.compile(r"-[lr]rb-|``")


@dataclass(frozen=True)
class Guess:
    """Sections of a config, as plain values, and a sentence for each choice made."""

    data: dict[str, object]
    """`source`, `columns`, and of `delimiter`, `encoding`, `column_names`, `quoting` what differs from the default."""
    labels: dict[str, object]
    """`rule`, and `columns` or `value` where the rule needs it."""
    split: dict[str, object]
    """`method`; sizes are left to the defaults."""
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class _Column:
    """What a guess needs to know of a column."""

    name: str
    cells: list[str]  # "" where missing

    @cached_property
    def given(self) -> list[str]:
        return [cell for cell in self.cells if cell.strip()]

    @cached_property
    def is_complete(self) -> bool:
        return len(self.given) == len(self.cells)

    @cached_property
    def n_distinct(self) -> int:
        return len(set(self.given))

    @cached_property
    def numbers(self) -> list[float]:
        """Numbers in the given cells; empty if one is no finite number."""
        try:
            numbers = [float(cell) for cell in self.given]
        except ValueError:
            return []
        return numbers if all(map(math.isfinite, numbers)) else []

    @cached_property
    def is_whole(self) -> bool:
        return bool(self.numbers) and all(number.is_integer() for number in self.numbers)

    @cached_property
    def mean_length(self) -> float:
        """Characters; 0 where most cells are one word, as names and classes are."""
        several_words = sum(" " in cell.strip() for cell in self.given)
        return sum(map(len, self.given)) / len(self.given) if several_words * 2 > len(self.given) else 0.0


def guess(path: Path) -> Guess:
    """Sniff a file's format and the roles of its columns.

    Raises
    ------
    InputError
        Not readable; no column that looks like text; neither a score nor classes to learn.
    """
    detected = detect_dialect(path)
    dialect, reasons = detected.dialect, list(detected.reasons)
    frame = read_table(path, dialect, limit=ROWS_READ)
    said = QUEUED if set(QUEUED) <= set(frame.columns) else ()
    columns = [
        _Column(str(name), [_as_text(cell) for cell in frame[name]]) for name in frame.columns if name not in said
    ]
    text = _find_text(columns, path)
    group = _find_group(columns, text, reasons)
    key = _find_id(columns, text, group, has_header=dialect.column_names is None, reasons=reasons)
    taken = [column.name for column in (text, group, key) if column is not None]
    learnt, labels = _find_labels([column for column in columns if column.name not in taken], path, reasons)
    reasons.append(f"Column {text.name!r} is the text: {text.mean_length:.0f} characters on average.")
    reasons.extend(_remarks(columns, text))
    score = None if "columns" in labels else learnt
    found = {"text": text, "score": score, "id": key, "group": group}
    roles = {role: column.name for role, column in found.items() if column is not None}
    split: dict[str, object] = {"method": "stratified" if group is None else "group"}
    reading = dialect.model_dump(mode="json", exclude_defaults=True)
    return Guess({"source": str(path), **reading, "columns": roles}, labels, split, tuple(reasons))


def _find_text(columns: Sequence[_Column], path: Path) -> _Column:
    text = max(columns, key=lambda column: column.mean_length)
    if not text.mean_length:
        names = ", ".join(repr(column.name) for column in columns)
        raise InputError(f"{path}: no column looks like text (most cells of several words); there are {names}")
    return text


def _find_group(columns: Sequence[_Column], text: _Column, reasons: list[str]) -> _Column | None:
    for column in columns:
        repeats = column.is_complete and 1 < column.n_distinct <= len(column.cells) / 2
        if column is text or not repeats or not _GROUP.search(column.name):
            continue
        if column.n_distinct < FEWEST_GROUPS:
            reasons.append(f"Column {column.name!r} may name groups, but {column.n_distinct} are too few to split by.")
            continue
        reasons.append(f"Column {column.name!r} names {column.n_distinct} groups; the split keeps each whole.")
        return column
    return None


def _find_id(
    columns: Sequence[_Column], text: _Column, group: _Column | None, *, has_header: bool, reasons: list[str]
) -> _Column | None:
    for column in columns:
        named = _ID.search(column.name) if has_header else column.is_whole
        if column is not text and column is not group and named and column.n_distinct == len(column.cells):
            reasons.append(f"Column {column.name!r} names the examples: no value stands twice.")
            return column
    return None


def _find_labels(columns: Sequence[_Column], path: Path, reasons: list[str]) -> tuple[_Column, dict[str, object]]:
    ranked = sorted((column for column in columns if _rank(column) is not None), key=lambda column: _rank(column) or 0)
    if not ranked:
        raise InputError(
            f"{path}: nothing to learn from: needed beside the text is a score (numbers up to {LARGEST_SCORE:g}, "
            f"more than 2 values) or a column of 2 to {MOST_CLASSES} classes, given in every row"
        )
    chosen, *others = ranked
    if others:
        reasons.append(f"Could be learnt too: {', '.join(repr(column.name) for column in others)}.")
    return chosen, (_score_labels if _is_score(chosen) else _class_labels)(chosen, reasons)


def _rank(column: _Column) -> int | None:
    """Smaller is likelier; None for a column that can be neither score nor class."""
    score, classes = _is_score(column), _has_classes(column)
    if not (score or classes) or _PART.search(column.name) or _PLACE.search(column.name):
        return None
    if score and _SCORE.search(column.name):
        return 0
    if classes and (_CLASS.search(column.name) or _SCORE.search(column.name)):
        return 1
    return 2 if score else 3


def _is_score(column: _Column) -> bool:
    """Whole numbers are grades only where the name says so, and else classes."""
    bounded = bool(column.numbers) and max(map(abs, column.numbers)) <= LARGEST_SCORE
    graded = not column.is_whole or (_SCORE.search(column.name) and not _CLASS.search(column.name))
    return bounded and column.n_distinct > 2 and bool(graded)


def _has_classes(column: _Column) -> bool:
    numbers_are_codes = column.is_whole or not any(map(is_number, set(column.given)))
    enough = column.is_complete and 2 <= column.n_distinct <= min(MOST_CLASSES, len(column.cells) / 2)
    return enough and numbers_are_codes and not column.mean_length


def _score_labels(score: _Column, reasons: list[str]) -> dict[str, object]:
    low, high = min(score.numbers), max(score.numbers)
    reasons.append(f"Column {score.name!r} is the score: {score.n_distinct} values from {low:g} to {high:g}.")
    if low < 0 or high > 1:
        reasons.append(f"Scores leave 0 to 1: set validation.score_min {low:g} and validation.score_max {high:g}.")
    if pd.Series(score.numbers).median() > low:
        reasons.append("Scores at or above their median become class 1.")
        return {"rule": "median"}
    second = min(number for number in score.numbers if number > low)
    reasons.append(f"At least half of the scores are {low:g}, the median: so the larger ones are class 1.")
    return {"rule": "value", "value": second}


def _class_labels(column: _Column, reasons: list[str]) -> dict[str, object]:
    reasons.append(f"Column {column.name!r} holds the classes: {', '.join(sorted(set(column.given)))}.")
    return {"rule": "given", "columns": [column.name]}


def _remarks(columns: Sequence[_Column], text: _Column) -> list[str]:
    n_rows = len(text.cells)
    remarks = ["The sizes of train, validation and test are left to the defaults, as shares."]
    if n_rows < FEW_ROWS:
        remarks.append(f"Only {n_rows} rows: below {FEW_ROWS} no result can be trusted.")
    if n_rows == ROWS_READ:
        remarks.append(f"Only the first {ROWS_READ} rows were looked at.")
    remarks.extend(
        f"Column {column.name!r} may hold the parts of a split: split.method columns would use it."
        for column in columns
        if _PART.search(column.name)
    )
    if sum(bool(_TREEBANK_MARK.search(cell)) for cell in text.cells) > n_rows / 100:
        remarks.append("Texts hold Penn Treebank marks such as -lrb-: data.repair [treebank] would undo them.")
    return remarks


def _as_text(cell: Any) -> str:
    return "" if cell is None or (isinstance(cell, float) and math.isnan(cell)) else str(cell)
