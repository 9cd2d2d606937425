"""The scorer of roles: points for what a column's name and values say; a small margin between the best two is a doubt.

Points are rough and few, so that a person can check them: a telling name weighs about as much as all else together,
and nothing depends on the order of rows or columns. A question is asked rather than a narrow race decided.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from agile_classifier.data.labels.cells import is_empty
from agile_classifier.drafts.choices import Answer, Choices, OpenQuestion, Question
from agile_classifier.drafts.columns import Column
from agile_classifier.drafts.words import (
    GROUPS,
    IDENTITY,
    NOT_TEXT,
    PERHAPS_TEXT,
    PERSON,
    RATER,
    TEXT,
    TEXT_PAIRS,
    has_word,
    is_exactly,
    is_named,
    words_of,
)
from agile_classifier.errors import InputError, one_line

MARGIN = 1.5
"""Points by which the best candidate must lead the next; below it the person is asked."""
LEAST_POINTS = 1.0
"""Points below which a column is no candidate for the text."""
LONGEST_NAME = 4
"""Words from which a name is a sentence, in which a telling word tells less."""
SHOWN_COLUMNS = 20
SHOWN_CHARACTERS = 40
"""Columns that an error lists, and characters of a cell that it shows."""
FEWEST_GROUPS = 10
"""With fewer, the default shares leave a part of the split without a group."""


@dataclass(frozen=True)
class Candidate:
    """A column for a role, and how much speaks for it."""

    column: Column
    points: float
    reason: str


def find_text(columns: Sequence[Column], choices: Choices, where: str) -> tuple[Column, str]:
    """The column that holds the texts, and why.

    Raises
    ------
    OpenQuestion
        Two columns are about as likely.
    InputError
        No column can hold texts.
    """
    if choices.text is not None:
        column = next(each for each in columns if each.name == choices.text)
        if not column.is_text or column.are_all_numbers:
            raise InputError(
                f"{where}: --text {column.name}: needed are texts, found {column.example}{_first_other_cell(column)}"
            )
        return column, f"Column {column.name!r} is the text, as --text says."
    candidates = rank_texts(columns)
    if not candidates:
        raise InputError(
            f"{where}: no column looks like text (strings of several words that differ from row to row); "
            f"there are {_list_names(columns)}; --text names one"
        )
    best, *others = candidates
    if best.points < 0 or (others and best.points - others[0].points < MARGIN):
        answers = tuple(Answer({"text": each.column.name}, _describe_text(each.column)) for each in candidates)
        raise OpenQuestion(where, Question("which column holds the texts", answers))
    named = f" Not the text: {', '.join(repr(other.column.name) for other in others)}." if others else ""
    return best.column, f"Column {best.column.name!r} is the text: {best.reason}.{named}"


def rank_texts(columns: Sequence[Column]) -> list[Candidate]:
    """Columns that may hold the texts, the likeliest first."""
    scored = [_score_text(column) for column in columns if _can_be_text(column)]
    kept = [each for each in scored if each.points >= LEAST_POINTS or is_named(each.column.name, TEXT)]
    least = [each for each in scored if _length_points(each.column) >= LEAST_POINTS and each.column.n_words >= MARGIN]
    return sorted(kept or least, key=lambda each: (-each.points, each.column.name))


def find_id(columns: Sequence[Column], choices: Choices, *, has_header: bool) -> tuple[Column | None, str]:
    """The column that names the examples, and why; None where none does."""
    if choices.id is not None:
        return next(each for each in columns if each.name == choices.id), f"Column {choices.id!r} names the examples."
    named = [
        column
        for column in columns
        if column.is_distinct and column.is_simple and (_is_identity(column) if has_header else column.is_codes)
    ]
    if not named:
        return None, ""
    column = min(named, key=lambda each: (not words_of(each.name), len(words_of(each.name)), each.name))
    return column, f"Column {column.name!r} names the examples: no value stands twice."


def find_group(columns: Sequence[Column], choices: Choices) -> tuple[Column | None, list[str]]:
    """The column whose values must stay together in the split, and remarks on it and its rivals."""
    if choices.group is not None:
        column = next(each for each in columns if each.name == choices.group)
        return column, [f"Column {column.name!r} names {column.n_distinct} groups, as --group says."]
    ranked = sorted(
        (column for column in columns if _rank_group(column) is not None and 1 < column.n_distinct < len(column.given)),
        key=lambda column: (_rank_group(column), column.n_distinct, column.name),
    )
    group, remarks = None, []
    for column in ranked:
        if column.n_distinct < FEWEST_GROUPS:
            remarks.append(f"Column {column.name!r} may name groups, but {column.n_distinct} are too few to split by.")
        elif column.share_given < 1:
            remarks.append(f"Column {column.name!r} may name groups, but not every row has one.")
        elif group is None:
            group = column
            remarks.append(f"Column {column.name!r} names {column.n_distinct} groups; the split keeps each whole.")
        else:
            remarks.append(f"Column {column.name!r} may name groups too: --group {column.name}.")
    return group, remarks


def _list_names(columns: Sequence[Column]) -> str:
    """The columns, for a person, each that holds texts in part with its first cell that is none."""
    shown = [f"{column.name!r}{_first_other_cell(column)}" for column in columns[:SHOWN_COLUMNS]]
    more = f" and {len(columns) - SHOWN_COLUMNS} more" if len(columns) > SHOWN_COLUMNS else ""
    return f"{', '.join(shown)}{more}"


def _first_other_cell(column: Column) -> str:
    others = [row for row, cell in enumerate(column.cells, start=1) if not (is_empty(cell) or isinstance(cell, str))]
    if not 0 < len(others) < len(column.given):
        return ""
    return (
        f" (row {others[0]} holds no string: {one_line(repr(column.cells[others[0] - 1]), longest=SHOWN_CHARACTERS)})"
    )


def _can_be_text(column: Column) -> bool:
    plain = column.is_text and not (
        column.numbers or column.grouped or column.is_dates or column.is_addresses or column.is_codes or column.is_parts
    )
    return plain and column.share_given >= 0.5 and column.n_distinct > 1


def _score_text(column: Column) -> Candidate:
    named, points = _name_points(column.name)
    variety = column.n_distinct / len(column.given)
    total = points + _length_points(column) - (1 - variety) - 2 * (1 - column.share_given)
    length = f"{column.length:.0f} characters on average, {variety:.0%} of them different"
    return Candidate(column, total, f"{named}{length}")


def _length_points(column: Column) -> float:
    """1 for one word, 2 for three, 3 for seven and more: long texts are no more texts than short ones."""
    return min(3.0, math.log2(1 + column.n_words))


def _name_points(name: str) -> tuple[str, float]:
    """Points of a name for the text, with what it says."""
    words = words_of(name)
    raters_remark = has_word(name, RATER) and is_named(name, TEXT)
    if raters_remark or any(word in NOT_TEXT or word.removesuffix("s") in NOT_TEXT for word in words):
        return "", -4.0
    if any(not entry.isascii() and entry in name for entry in NOT_TEXT):
        return "", -4.0
    if is_exactly(name, {"text"}):
        return "its name says so, ", 5.0
    if is_exactly(name, TEXT) or words in TEXT_PAIRS:
        return "its name says so, ", 4.5
    if is_named(name, TEXT):
        return "its name says so, ", 3.0 if len(words) <= LONGEST_NAME else 2.0
    if is_named(name, PERHAPS_TEXT):
        return "its name may say so, ", 1.5
    return "", -2.0 if has_word(name, PERSON) else 0.0


def _describe_text(column: Column) -> str:
    return f"{column.name!r} ({column.length:.0f} characters on average, such as {column.example})"


def _is_identity(column: Column) -> bool:
    words = words_of(column.name)
    return not words or words[-1] in IDENTITY or column.name == "#"


def _rank_group(column: Column) -> int | None:
    """Smaller is likelier; None where the name does not speak of groups."""
    if not column.is_simple:
        return None
    return next((rank for rank, names in enumerate(GROUPS) if has_word(column.name, names)), None)
