"""The label rule of what is learnt: which class is class 1, where a score is cut, which numbers stand for no score."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agile_classifier.data.labels.classes import class_name
from agile_classifier.data.scores import MISSING, is_share
from agile_classifier.drafts.choices import Answer, Choices, OpenQuestion, Question
from agile_classifier.drafts.classes import (
    choose_class_1,
    fold_variants,
    folded_counts,
    name_by_column,
    name_by_kinds,
    name_by_scale,
)
from agile_classifier.drafts.columns import Column, find_sentinels
from agile_classifier.drafts.families import Target
from agile_classifier.drafts.many import make_many
from agile_classifier.drafts.words import BAD, is_named
from agile_classifier.errors import InputError, did_you_mean

MAJORITY_SHARE = 0.5
"""Share of raters that say yes, from which on a text is of class 1."""
ENDS = ("low", "high")
"""Ends of a scale, as --class-1 names them."""

_JOINTS = re.compile(r"[;,|]")
_THOUSANDS = re.compile(r"\s*[+-]?[1-9]\d{0,2}\.\d{3}\s*")


@dataclass(frozen=True)
class Rule:
    """Sections of the config that say how labels are made, and why."""

    labels: dict[str, Any]
    """`rule` and what it needs; `names`, `not_rated`, `fold` where the file needs them."""
    columns: dict[str, Any]
    """`score`, `rater` or `raters` of `data.columns`."""
    reasons: tuple[str, ...]
    data: dict[str, Any] = field(default_factory=dict)
    """Other fields of `data`: `reverse_coded`."""


def make_rule(target: Target, choices: Choices, where: str) -> Rule:
    """The label rule of a target.

    Raises
    ------
    InputError
        --class-1 names no class of it, or the raters' words cannot be counted.
    """
    if target.kind == "score":
        return _score_rule(target.column, choices, where)
    if target.kind == "raters":
        return _raters_rule(target.columns, choices, where)
    if target.kind == "many":
        if choices.class_1 is not None:
            raise InputError(f"{where}: --class-1: with --many each label is present or absent, and has no class 1")
        labels, reasons = make_many(target.columns)
        return Rule(labels, {}, reasons)
    if target.kind == "any":
        return _any_rule(target.columns, choices, where)
    return _class_rule(target, choices, where)


def cut_scores(numbers: Sequence[float]) -> tuple[dict[str, Any], str]:
    """The rule that cuts scores in two, and why: at their median, or above their lowest where most are that."""
    low, median = min(numbers), statistics.median(numbers)
    if median > low:
        return {"rule": "median"}, (
            f"Scores at or above their median, here {median:g}, are class 1; labels.rule value and labels.value cut "
            "elsewhere."
        )
    second = min(number for number in numbers if number > low)
    return {"rule": "value", "value": second}, (
        f"At least half of the scores are {low:g}, the median: so those from {second:g} on are class 1."
    )


def _score_rule(column: Column, choices: Choices, where: str) -> Rule:
    sure, maybe = find_sentinels(column.numbers)
    numbers = [number for number in column.numbers if number not in sure]
    scale, direction = _direct(column, numbers, choices, where)
    rule, cut = cut_scores(numbers if scale is None else [sum(scale) - number for number in numbers])
    not_rated = [*sure, *column.words_among_numbers]
    reasons = [direction, cut, *_sentinel_reasons(column, sure, maybe), *_word_reasons(column), *_thousands(column)]
    if any(map(is_share, column.given)):
        reasons.append(f"Cells such as {column.given[0]!r} are read as shares: 3/5 is 0.6, 75 % is 0.75.")
    low, high = name_by_scale(column.name)
    names = [low, high] if scale is None else [high, low]
    return Rule(
        labels={**rule, "names": names, **({"not_rated": not_rated} if not_rated else {})},
        columns={"score": column.name},
        reasons=tuple(reasons),
        data={} if scale is None else {"reverse_coded": list(scale)},
    )


def _direct(
    column: Column, numbers: Sequence[float], choices: Choices, where: str
) -> tuple[tuple[float, float] | None, str]:
    """Ends of a scale that is turned round, None where its high end is class 1; and why."""
    if choices.class_1 not in (None, *ENDS):
        raise InputError(f"{where}: --class-1 {choices.class_1}: of a score it is high or low")
    low, high = min(numbers), max(numbers)
    speaks_of_harm = is_named(column.name, BAD) or is_named(column.name, {"severity"})
    if choices.class_1 is None and speaks_of_harm and low < 0 and -low > high:
        raise OpenQuestion(where, _ask_for_direction(column, low, high))
    if choices.class_1 == ENDS[0]:
        return (low, high), (
            f"Low scores of {column.name!r} are class 1: data.reverse_coded reads {low:g} as {high:g} and {high:g} as "
            f"{low:g}, so the label threshold is in the scale turned round."
        )
    return None, (
        f"High scores of {column.name!r} are class 1, whose precision and recall are measured. Is lower more severe? "
        "Then --class-1 low turns the scale round (data.reverse_coded)."
    )


def _ask_for_direction(column: Column, low: float, high: float) -> Question:
    answers = (
        Answer({"class_1": "low"}, f"the low one, down to {low:g}: lower is more severe"),
        Answer({"class_1": "high"}, f"the high one, up to {high:g}: higher is more severe"),
    )
    return Question(f"which end of {column.name!r} is what you look for", answers)


def _sentinel_reasons(column: Column, sure: Sequence[float], maybe: Sequence[float]) -> list[str]:
    said = [
        f"The number {value:g} ({column.numbers.count(value)} rows) stands far from the other scores: it counts as "
        "not rated (labels.not_rated); such rows have no label, which labels.unlabelled: leave_out leaves out."
        for value in sure
    ]
    return said + [
        f"Does {value:g} ({column.numbers.count(value)} rows) mean not rated? Then add it to labels.not_rated."
        for value in maybe
    ]


def _word_reasons(column: Column) -> list[str]:
    words = column.words_among_numbers
    said = ", ".join(f"{word!r} ({column.counts[word]} rows)" for word in words)
    return [f"No number, and so not rated (labels.not_rated): {said}."] if words else []


def _thousands(column: Column) -> list[str]:
    """A question about numbers that may have a point between thousands: 950 and 1.037, never 0.5 or 1.25."""
    parted = [str(cell) for cell in column.given if isinstance(cell, str) and "." in cell]
    if column.decimal != "." or not parted or not all(map(_THOUSANDS.fullmatch, parted)):
        return []
    return [
        f"{parted[0]!r} is read as {float(parted[0]):g}; is it {parted[0].replace('.', '')}? Then write numbers "
        "without a sign between thousands."
    ]


def _raters_rule(columns: Sequence[Column], choices: Choices, where: str) -> Rule:
    names = [column.name for column in columns]
    if all(column.numbers for column in columns):
        values = set().union(*(column.numbers for column in columns))
        shared = {"raters": names}
        if values <= {0.0, 1.0}:
            labels = {"rule": "value", "value": MAJORITY_SHARE, "names": ["most say 0", "most say 1"]}
            return Rule(labels, shared, (_of_raters(len(names), "1"),))
        means = [statistics.fmean(row) for row in _rows_of_numbers(columns) if row]
        rule, cut = cut_scores(means)
        said = f"The score is the mean of what {len(names)} raters gave. {cut}"
        return Rule({**rule, "names": ["low mean", "high mean"]}, shared, (said, "A high mean is class 1."))
    counts = Counter(value for column in columns for value in map(class_name, column.given))
    if len(counts) != 2:
        raise InputError(
            f"{where}: raters {', '.join(map(repr, names))} say {len(counts)} different words; a share needs two: "
            "learn a column of their majority (--label)"
        )
    one, reason = _named_class_1(counts, choices, where)
    absent = next(value for value in counts if value != one)
    labels = {"rule": "value", "value": MAJORITY_SHARE, "absent": [absent], "names": [absent, one]}
    return Rule(labels, {"raters": names}, (_of_raters(len(names), one), _turning(one, reason)))


def _of_raters(n: int, yes: str) -> str:
    return f"The score is the share of {n} raters that say {yes}; from {MAJORITY_SHARE} on a text is class 1."


def _rows_of_numbers(columns: Sequence[Column]) -> list[list[float]]:
    rows = zip(*(column.cells for column in columns), strict=True)
    singles = ([Column("", [cell], columns[0].decimal).numbers for cell in row] for row in rows)
    return [[number for numbers in row for number in numbers] for row in singles]


def _any_rule(columns: Sequence[Column], choices: Choices, where: str) -> Rule:
    if choices.class_1 is not None:
        raise InputError(f"{where}: --class-1: with several --label, class 1 is a text that has any of them")
    names = [column.name for column in columns]
    said = f"A text is class 1 if any of {', '.join(map(repr, names))} is present (labels.rule any)."
    return Rule({"rule": "any", "columns": names, "names": list(name_by_kinds(names))}, {}, (said,))


def _class_rule(target: Target, choices: Choices, where: str) -> Rule:
    column = target.column
    labels: dict[str, Any] = {"rule": "given", "columns": [column.name]}
    reasons = []
    folded = fold_variants(column)
    if folded:
        labels["fold"] = True
        reasons.append(f"Classes that differ by case, space, decimals or type alone are one (labels.fold): {folded}.")
    counts = folded_counts(column) if folded else column.counts
    reasons += [*_silent_reasons(counts), *_joined_reasons(counts)]
    if len(counts) != 2:
        _refuse_class_1(choices, where, n_classes=len(counts))
        if target.names:
            labels["names"] = dict(target.names)
        if len(counts) > 20:
            reasons.append(f"There are {len(counts)} classes: each needs examples enough; rare ones may be joined.")
        return Rule(labels, {}, tuple(reasons))
    one, reason = _named_class_1(counts, choices, where, target.names)
    zero = next(value for value in counts if value != one)
    order = [zero, one]
    called = dict(target.names) or _names_of_codes(column.name, order)
    labels["names"] = {code: called[code] for code in order} if called else order
    shown = called.get(one, one)
    return Rule(labels, {}, (*reasons, _turning(shown, reason)))


def _names_of_codes(column: str, order: Sequence[str]) -> dict[str, str]:
    """Names of the codes 0 and 1 by the column that they stand in; empty of any others, or where it says nothing."""
    names = name_by_column(column) if sorted(order) == ["0", "1"] else None
    return {} if names is None else dict(zip(("0", "1"), names, strict=True))


def _silent_reasons(counts: Mapping[str, int]) -> list[str]:
    """Questions about classes that may be how a program has written that there is none."""
    return [
        f"Does {value!r} ({n} rows) say that nobody gave a class? Then add it to labels.not_rated."
        for value, n in counts.items()
        if value.lower() in MISSING
    ]


def _joined_reasons(counts: Mapping[str, int]) -> list[str]:
    """A remark on classes that are several at once, as a form writes what was ticked: `rude;spam` beside `rude`."""
    parts = {value: [part.strip() for part in _JOINTS.split(value) if part.strip()] for value in counts}
    single = {each[0] for each in parts.values() if len(each) == 1}
    joined = [value for value, each in parts.items() if len(each) > 1 and single & set(each)]
    if not joined:
        return []
    return [
        f"{joined[0]!r} seems to be several classes at once: here it is one of its own, as each such combination is. A "
        "column a kind, named by several --label, learns whether any is there."
    ]


def _named_class_1(
    counts: Mapping[str, int], choices: Choices, where: str, names: Mapping[str, str] | None = None
) -> tuple[str, str]:
    if choices.class_1 is None:
        return choose_class_1(counts, names)
    by_word = {value.casefold(): value for value in counts}
    by_word |= {name.casefold(): value for value, name in (names or {}).items()}
    chosen = by_word.get(choices.class_1.strip().casefold())
    if chosen is None:
        there = ", ".join(map(repr, sorted(counts)))
        hint = did_you_mean(choices.class_1, by_word)
        raise InputError(f"{where}: --class-1: no class {choices.class_1!r}; there are {there}{hint}")
    return chosen, "as --class-1 says"


def _refuse_class_1(choices: Choices, where: str, *, n_classes: int) -> None:
    if choices.class_1 is not None:
        raise InputError(f"{where}: --class-1 {choices.class_1}: found {n_classes} classes; of two one is class 1")


def _turning(one: str, reason: str) -> str:
    return (
        f"Class 1, whose precision, recall and cost the threshold is about, is {one!r}: {reason}. The second of "
        "labels.names is class 1: turn their order round for the other."
    )
