"""What is to be learnt from a file: a score, classes, or what several raters said; and the rivals of the choice."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence

from agile_classifier.drafts.choices import Answer, Choices, OpenQuestion, Question
from agile_classifier.drafts.columns import MOST_CLASSES, Column
from agile_classifier.drafts.families import FEW_CLASSES, FEWEST_RATERS, Target, find_raters, join_codes
from agile_classifier.drafts.many import offer_many
from agile_classifier.drafts.roles import LONGEST_NAME, MARGIN
from agile_classifier.drafts.words import (
    GOLD,
    GROUPS,
    IDENTITY,
    LABEL,
    MAJORITY,
    NOT_LABEL,
    NOT_TEXT,
    PART,
    PERSON,
    QUALITY,
    SCALE,
    TEXT,
    WEAK_LABEL,
    has_word,
    is_exactly,
    is_named,
    words_of,
)
from agile_classifier.errors import InputError

QUALITY_CLASSES = 3
"""Whole numbers up to this many are codes of classes as likely as a scale."""

_COMMA = re.compile(r"[+-]?\d{1,3},\d{3}")


def find_target(columns: Sequence[Column], choices: Choices, where: str) -> tuple[Target, list[str]]:
    """What is learnt from the columns that are left, and what is said about it and its rivals.

    Raises
    ------
    OpenQuestion
        Two targets are about as likely, or only an unlikely one is there.
    InputError
        Nothing can be learnt, or a column that was named cannot be.
    """
    chosen = _chosen(columns, choices, where)
    if chosen is not None:
        return chosen, [f"Learnt is {chosen.description}, as the options say."]
    ranked = rank_targets(columns)
    if not ranked:
        raise InputError(f"{where}: {_nothing_to_learn(columns)}")
    best, *others = ranked
    grouped = _refuse_grouped(columns, best, where)
    rivals = [other for other in others if other.columns != best.columns or best.points - other.points < MARGIN]
    if best.points < 0:
        asks = "nothing to learn from but what looks like something else; what is to be learnt"
        raise OpenQuestion(where, Question(asks, tuple(each.answer for each in ranked)))
    if rivals and best.points - rivals[0].points < MARGIN:
        close = [each for each in (best, *rivals) if each.points > best.points - 2 * MARGIN]
        answers = (*(each.answer for each in close), *_several(columns, close))
        raise OpenQuestion(where, Question("what is to be learnt", answers))
    return best, [*_remarks(best, others), *grouped]


def rank_targets(columns: Sequence[Column]) -> list[Target]:
    """Everything that could be learnt, the likeliest first."""
    raters = find_raters(columns)
    together = [column.name for each in raters for column in each.columns]
    single = [each for column in columns for each in _readings_of(column, is_rater=column.name in together)]
    targets = join_codes(single)
    return sorted([*targets, *raters], key=lambda each: (-each.points, each.column.name, each.kind))


def _chosen(columns: Sequence[Column], choices: Choices, where: str) -> Target | None:
    by_name = {column.name: column for column in columns}
    if choices.score is not None:
        column = by_name[choices.score]
        if len(set(column.numbers)) < 2:
            hint = f"; {_of_grouped(column)}" if column.grouped else ""
            raise InputError(
                f"{where}: --score {column.name}: needed are numbers that differ, found {column.example}{hint}"
            )
        return Target("score", (column,), 0, "")
    if choices.raters:
        if len(choices.raters) < FEWEST_RATERS:
            raise InputError(f"{where}: --rater names the column of one rater, and is repeated: found one; or --label")
        return Target("raters", tuple(by_name[name] for name in choices.raters), 0, "")
    if not choices.labels:
        return None
    chosen = tuple(by_name[name] for name in choices.labels)
    if choices.many:
        return Target("many", chosen, 0, "")
    if len(chosen) > 1 or (chosen[0].has_lists and chosen[0].first_uneven_list) or _is_ticked(chosen[0]):
        return Target("any", chosen, 0, "")
    if chosen[0].n_distinct < 2:
        raise InputError(f"{where}: --label {chosen[0].name}: needed are two classes, found {chosen[0].example}")
    return next((each for each in join_codes(_all_classes(columns)) if each.columns == chosen), None) or Target(
        "classes", chosen, 0, ""
    )


def _all_classes(columns: Sequence[Column]) -> list[Target]:
    return [Target("classes", (column,), 0, "") for column in columns if _has_classes(column)]


def _readings_of(column: Column, *, is_rater: bool) -> list[Target]:
    """A column as a score and as classes, as far as its values allow."""
    points, reason = _name_points(column)
    missing = 4 * (1 - column.share_given) + (2 if column.share_given < 0.5 else 0)
    base = points - missing - (3 if is_rater else 0)
    readings = []
    if _is_score(column):
        readings.append(Target("score", (column,), base + _score_points(column), reason))
    if _has_classes(column):
        readings.append(Target("classes", (column,), base + _class_points(column), reason))
    return readings


def _name_points(column: Column) -> tuple[float, str]:
    name, words = column.name, words_of(column.name)
    is_long = len(words) > LONGEST_NAME
    if has_word(name, NOT_LABEL) or any(not entry.isascii() and entry in name for entry in NOT_LABEL):
        return (-4.0, "") if not is_long else (0.0, "")
    if (
        column.is_languages
        or column.is_parts
        or _names_fields(column)
        or has_word(name, PART)
        or (len(words) == 1 and words[0] in NOT_TEXT)
    ):
        return -4.0, ""
    if has_word(name, GOLD):
        return 8.0, "its name says that it is the agreed one"
    if has_word(name, MAJORITY):
        return 6.0, "its name says that several annotators agreed on it"
    if is_exactly(name, LABEL | SCALE):
        return 4.0, "its name says so"
    if is_named(name, LABEL - {"target", "y", "code", "class"}) or is_named(name, QUALITY | SCALE):
        return (2.0 if is_long else 3.0), "its name says so"
    if has_word(name, PERSON) or any(has_word(name, group) for group in GROUPS) or has_word(name, IDENTITY):
        return -4.0, ""
    if has_word(name, WEAK_LABEL):
        return 1.5, "its name may say so"
    return 0.0, ""


def _names_fields(column: Column) -> bool:
    """Whether the values are names of columns, `text` and `label`: a table with a row a field, in place of a column."""
    return any(is_exactly(value, TEXT) for value in column.counts) and any(
        is_exactly(value, LABEL | SCALE) for value in column.counts
    )


def _is_score(column: Column) -> bool:
    """Whole numbers that all differ are keys, unless the name speaks of a scale and they do not count the rows."""
    numbers, name = column.numbers, column.name
    scaled = is_named(name, SCALE | QUALITY) or has_word(name, LABEL)
    enough = len(set(numbers)) > 2 or (len(set(numbers)) == 2 and not column.is_whole)
    is_key = column.is_whole and column.is_distinct
    return enough and not (column.is_running or (is_key and not scaled))


def _has_classes(column: Column) -> bool:
    codes = column.is_whole or not (column.are_all_numbers or column.words_among_numbers)
    is_other = column.is_dates or column.is_addresses or column.grouped is not None
    return column.is_simple and codes and column.repeats and not is_other


def _score_points(column: Column) -> float:
    """Numbers with fractions are scores; whole ones where the name speaks of a scale."""
    if not column.is_whole:
        return 0.5
    if is_named(column.name, SCALE) or (min(column.numbers) < 0 < max(column.numbers) and column.n_distinct > 2):
        return 0.5 if not is_exactly(column.name, LABEL) else -1.5
    if is_named(column.name, QUALITY):
        return 0.5
    return -2.0 if has_word(column.name, LABEL) else 0.0


def _class_points(column: Column) -> float:
    if column.n_distinct == 2:
        return 0.5
    if not column.is_whole:
        return 0.0 if column.n_distinct <= FEW_CLASSES else -1.0
    if is_named(column.name, SCALE):
        return -2.0
    if is_named(column.name, QUALITY) and not has_word(column.name, LABEL):
        return 0.0 if column.n_distinct <= QUALITY_CLASSES and min(column.numbers) >= 0 else -2.0
    return 0.0 if column.n_distinct <= FEW_CLASSES or has_word(column.name, LABEL) else -1.0


def _remarks(best: Target, others: Sequence[Target]) -> list[str]:
    reason = f": {best.reason}" if best.reason else ""
    remarks = [f"Learnt is {best.description}{reason}."]
    options = dict.fromkeys(other.answer.options for other in others if other.columns != best.columns)
    if options:
        remarks.append(f"Could be learnt too: {', '.join(options)}.")
    other_kind = [other for other in others if other.columns == best.columns]
    remarks.extend(f"It could also be read otherwise: {other.answer.options}." for other in other_kind)
    return remarks


def _several(columns: Sequence[Column], close: Sequence[Target]) -> tuple[Answer, ...]:
    """Answers that learn several columns at once: whether any is present, or each as a label of its own."""
    return (*_any_of(close), *offer_many(columns, [each.column.name for each in close]))


def _any_of(close: Sequence[Target]) -> tuple[Answer, ...]:
    """Offer to learn whether any of several kinds is present, where several columns hold two classes each."""
    kinds = sorted({each.column.name for each in close if each.kind == "classes" and each.column.n_distinct == 2})
    if len(kinds) < 2:
        return ()
    named = ", ".join(map(repr, kinds))
    return (Answer({"labels": tuple(kinds)}, f"whether any of {named} is present"),)


def _nothing_to_learn(columns: Sequence[Column]) -> str:
    needed = (
        "nothing to learn from: needed beside the text is a score (numbers, more than 2 of them different) or a column "
        f"of 2 to {MOST_CLASSES} classes that repeat"
    )
    if not columns:
        return f"{needed}; there is no other column: no usual delimiter parts the lines (--delimiter names another)"
    passed = list(_passed_over(columns))
    return f"{needed}; passed over: {'; '.join(passed)}" if passed else needed


def _refuse_grouped(columns: Sequence[Column], best: Target, where: str) -> list[str]:
    """Remarks on numbers whose digits are grouped; refused where their column is the likelier one by its name."""
    found = [column for column in columns if column.grouped]
    for column in found:
        if _name_points(column)[0] > max(0.0, best.points):
            raise InputError(
                f"{where}: column {column.name!r}: {_of_grouped(column)}; to learn another: {best.answer.options}"
            )
    return [f"Column {column.name!r} is passed over: {_of_grouped(column)}." for column in found]


def _of_grouped(column: Column) -> str:
    """What a cell with grouped digits may mean, and what to do."""
    cell, number = column.grouped or ("", "")
    decimal = f"; if it is {cell.replace(',', '.')}: --decimal ," if _COMMA.fullmatch(cell) else ""
    return f"the digits of {cell!r} are grouped, it seems: write {number}, without a sign between thousands{decimal}"


def _is_ticked(column: Column) -> bool:
    """Whether it holds one value or nothing, as an option of a form that was ticked or not."""
    return column.n_distinct == 1 and 0 < column.share_given < 1


def _passed_over(columns: Iterable[Column]) -> Iterable[str]:
    for column in columns:
        if column.first_uneven_list is not None and column.has_lists:
            yield (
                f"{column.name!r} holds several labels or none in row {column.first_uneven_list} "
                f"(--label {column.name} learns whether there is any)"
            )
        elif not column.given:
            yield f"{column.name!r} is empty"
        elif not column.is_simple:
            yield f"{column.name!r} holds objects"
        elif column.grouped:
            yield f"{column.name!r}: {_of_grouped(column)}"
        elif _is_ticked(column):
            yield f"{column.name!r} holds {column.example} or nothing (--label {shlex.quote(column.name)} learns which)"
        elif column.n_distinct < 2:
            yield f"{column.name!r} always holds {column.example}"
        else:
            yield f"{column.name!r} has {column.n_distinct} values in {len(column.given)} rows"
