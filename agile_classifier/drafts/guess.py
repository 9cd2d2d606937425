"""Guessing: how a file that nobody has described is read, and what its columns are, with a reason for every choice.

A guess is a starting point for a person to read, so each one is a sentence. What the file leaves open is an
`OpenQuestion`, which names its answers; where a file gives nothing to learn from, an error says what was looked for.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.data.dialects.detection import ROWS_READ, Detected, detect_dialect
from agile_classifier.data.dialects.encodings import Doubt
from agile_classifier.data.formats.several import QUEUED
from agile_classifier.data.scores import MISSING
from agile_classifier.data.splits import split_columns
from agile_classifier.data.tables import read_table
from agile_classifier.data.text import is_missing
from agile_classifier.drafts.choices import Answer, Choices, OpenQuestion, Question
from agile_classifier.drafts.columns import Column, make_columns
from agile_classifier.drafts.labels import make_rule
from agile_classifier.drafts.raters.rows import find_rated_rows, make_rated_rule
from agile_classifier.drafts.roles import find_group, find_id, find_text
from agile_classifier.drafts.targets import find_target
from agile_classifier.errors import InputError, one_line

FEW_ROWS = 100
"""Below this many examples a score on the test part says little."""
SHOWN_ROWS = 3
SHOWN_CHARACTERS = 60
"""Rows and characters of a cell that a question shows."""

LEARNT = ("score", "labels", "raters")
"""Choices that say what is learnt."""

SCRIPTS = ("LATIN", "GREEK", "CYRILLIC", "HEBREW", "ARABIC", "THAI")
"""Scripts whose letters do not stand in one word: where they do, the code page is another."""

_TREEBANK_MARK = re.compile(r"-[lr]rb-|``")


@dataclass(frozen=True)
class Guess:
    """Sections of a config, as plain values, and a sentence for each choice made."""

    data: dict[str, object]
    """`source`, `columns`, and of the fields of `Dialect` those that differ from the default."""
    labels: dict[str, object]
    """`rule`, and of the other fields those that it or the file needs."""
    split: dict[str, object]
    """`method`; sizes are left to the defaults."""
    reasons: tuple[str, ...]
    of_parts: tuple[str, ...] = ()
    """Columns that hold the parts of a split, as far as they were read."""


def guess(paths: Sequence[Path], choices: Choices = Choices()) -> Guess:
    """Detect the format of files that are read as one table, and the roles of their columns.

    Parameters
    ----------
    paths : sequence of Path
        One file, or several with the same columns.
    choices : Choices
        What a person has settled; the rest is guessed.

    Raises
    ------
    OpenQuestion
        Two readings are about as likely.
    InputError
        Not readable; no column that looks like text; neither a score nor classes to learn; a choice that cannot be.
    """
    dialect, reasons = read_dialect(paths, choices)
    frame = read_table(paths, dialect, limit=ROWS_READ)
    try:
        return _guess_roles(paths, frame, dialect, choices, reasons)
    except OpenQuestion as open_question:
        raise OpenQuestion(open_question.where, replace(open_question.question, rows=_first_rows(frame))) from None


def _guess_roles(
    paths: Sequence[Path], frame: pd.DataFrame, dialect: Dialect, choices: Choices, reasons: list[str]
) -> Guess:
    where = ", ".join(map(str, paths))
    queued = QUEUED if set(QUEUED) <= set(frame.columns) else ()
    columns = make_columns(frame.drop(columns=list(queued)), decimal=dialect.decimal)
    choices.require_columns([column.name for column in columns])
    text, why_text = find_text(_without(columns, _named(choices, "text")), choices, where)
    key, why_key = find_id(
        _without(columns, {text.name, *_named(choices, "id")}), choices, has_header=dialect.column_names is None
    )
    taken = {column.name for column in (text, key) if column is not None}
    target, why_target = find_target(_without(columns, {*taken, *_named(choices, *LEARNT)}), choices, where)
    taken |= {column.name for column in target.columns}
    rated = find_rated_rows(_without(columns, taken), text, target, choices, where)
    others = _without(columns, taken)
    if rated is None:
        rule = make_rule(target, choices, where)
    else:
        rule = make_rated_rule(rated, target, choices, where)
        key, why_key = (key, why_key) if choices.id is not None else (None, "")
        others = [column for column in others if column is not rated.rater and rated.is_of_text(column)]
    group, why_group = find_group(others, choices)
    reasons = [*reasons, why_text, *why_target, *rule.reasons, why_key, *why_group]
    roles = {"text": text.name, **rule.columns, **_roles(id=key, group=group)}
    reading = dialect.model_dump(mode="json", exclude_defaults=True)
    return Guess(
        data={"source": where if len(paths) == 1 else list(map(str, paths)), **reading, **rule.data, "columns": roles},
        labels=rule.labels,
        split={"method": "stratified" if group is None else "group"},
        reasons=tuple(reason for reason in (*reasons, *_remarks(text)) if reason),
        of_parts=tuple(column.name for column in others if holds_parts(column)),
    )


def _named(choices: Choices, *roles: str) -> set[str]:
    """Columns that the choices give to other roles than these."""
    others = {"text", "score", "labels", "raters", "rater", "group", "id"} - set(roles)
    values = (getattr(choices, role) for role in others)
    return {name for value in values if value for name in (value if isinstance(value, tuple) else (value,))}


def _without(columns: Iterable[Column], names: set[str]) -> list[Column]:
    return [column for column in columns if column.name not in names]


def _roles(**columns: Column | None) -> dict[str, str]:
    return {role: column.name for role, column in columns.items() if column is not None}


def _remarks(text: Column) -> list[str]:
    n_rows = len(text.cells)
    remarks = ["The sizes of train, validation and test are left to the defaults, as shares."]
    if n_rows < FEW_ROWS:
        remarks.append(f"Only {n_rows} rows: below {FEW_ROWS} no result can be trusted.")
    if n_rows == ROWS_READ:
        remarks.append(f"Roles were judged by the first {ROWS_READ} rows.")
    silent = Counter(cell for cell in text.given if cell.strip().lower() in MISSING)
    remarks.extend(
        f"The text is {cell!r} in {n} rows: if that says that nobody wrote one, name it in data.empty (--empty)."
        for cell, n in silent.items()
    )
    if sum(bool(_TREEBANK_MARK.search(cell)) for cell in text.given) > n_rows / 100:
        remarks.append("Texts hold Penn Treebank marks such as -lrb-: data.repair [treebank] would undo them.")
    return remarks


def holds_parts(column: Column) -> bool:
    """Whether a split could follow the column: every row is of train, validation or test."""
    if not column.is_parts or column.share_given < 1:
        return False
    try:
        split_columns(pd.Series(column.cells, name=column.name))
    except InputError:
        return False
    return True


def _first_rows(frame: pd.DataFrame) -> tuple[dict[str, str], ...]:
    rows = frame.head(SHOWN_ROWS).to_dict("records")
    return tuple(
        {str(name): one_line("" if is_missing(cell) else cell, longest=SHOWN_CHARACTERS) for name, cell in row.items()}
        for row in rows
    )


def read_dialect(paths: Sequence[Path], choices: Choices) -> tuple[Dialect, list[str]]:
    """How the files are read, with a reason for what is not the default; what the choices say is not detected.

    Raises
    ------
    OpenQuestion
        The bytes could be of several code pages.
    InputError
        A file cannot be read, or not in the way in which another is written.
    """
    detected = detect_dialect(paths, said=choices.dialect)
    _refuse_doubt(", ".join(map(str, paths)), detected)
    return detected.dialect, list(detected.reasons)


def _refuse_doubt(where: str, detected: Detected) -> None:
    """Ask which code page it is, where another one gives words as well."""
    for doubt in detected.doubts:
        others = [(value, shown) for value, shown in doubt.others if not mixes_scripts(shown)]
        if others:
            raise OpenQuestion(where, _question(doubt, others))


def _question(doubt: Doubt, others: Sequence[tuple[str, str]]) -> Question:
    readings = [(doubt.chosen, doubt.shown), *others]
    return Question(
        "the bytes are not UTF-8; which encoding gives the words that are meant",
        tuple(Answer({doubt.field: value}, f"{value}: {shown!r}") for value, shown in readings),
    )


def mixes_scripts(text: str) -> bool:
    """Whether a word holds letters of two scripts.

    >>> mixes_scripts("café"), mixes_scripts("cafй")
    (False, True)
    """
    return any(len(_scripts(word)) > 1 for word in text.split())


def _scripts(word: str) -> set[str]:
    names = (unicodedata.name(letter, "") for letter in word if letter.isalpha())
    return {script for name in names for script in SCRIPTS if name.startswith(script)}
