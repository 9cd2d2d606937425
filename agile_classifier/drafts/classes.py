"""Classes: which of two is class 1, and which spellings are one class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from agile_classifier.data.labels.answers import DENYING, PRESENT
from agile_classifier.data.labels.classes import class_name, spelling
from agile_classifier.data.text import normalised
from agile_classifier.drafts.columns import Column
from agile_classifier.drafts.words import BAD, GOLD, LABEL, MAJORITY, is_named, words_of

DENYING_PREFIXES = ("non", "not", "no")
DENYING_LETTERS = "不无非"
LONGEST_SUBJECT = 40
"""Longest name of a column that classes are named by, in characters."""
SILENT = LABEL | GOLD | MAJORITY | frozenset({"is", "has", "was"})
"""Words of a column's name that do not say what its classes are."""


def name_by_column(column: str) -> tuple[str, str] | None:
    """Names of the classes 0 and 1 of a column that says yes or no by numbers; None where its name says nothing.

    >>> name_by_column("is_hate"), name_by_column("label_1")
    (('not hate', 'hate'), None)
    """
    subject = _subject_of(column)
    return (f"not {subject}", subject) if subject else None


def name_by_scale(column: str) -> tuple[str, str]:
    """Names of the low and the high end of a column of numbers.

    >>> name_by_scale("toxicity"), name_by_scale("label")
    (('low toxicity', 'high toxicity'), ('low score', 'high score'))
    """
    subject = _subject_of(column) or "score"
    return f"low {subject}", f"high {subject}"


def name_by_kinds(columns: Sequence[str]) -> tuple[str, str]:
    """Names of the classes of columns of which none is present, or any.

    >>> name_by_kinds(["insult", "threat"]), name_by_kinds(["rude"]), name_by_kinds(["label"])
    (('none of these', 'insult or threat'), ('not rude', 'rude'), ('absent', 'present'))
    """
    if len(columns) == 1:
        return name_by_column(columns[0]) or ("absent", "present")
    subjects = [_subject_of(column) for column in columns]
    joined = " or ".join(subjects)
    is_told = all(subjects) and len(joined) <= LONGEST_SUBJECT
    return "none of these", joined if is_told else f"any of {len(columns)} kinds"


def choose_class_1(counts: Mapping[str, int], names: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Which of two classes is class 1, and why: what somebody wants to find, else the rarer; never by the alphabet.

    Parameters
    ----------
    counts : mapping of two classes to their rows
    names : mapping of codes to names, optional
        What the classes are called, where they are codes.

    Examples
    --------
    >>> choose_class_1({"hate": 30, "normal": 70})[0], choose_class_1({"0": 5, "1": 9})[0]
    ('hate', '1')
    """
    one, other = sorted(counts)
    called = {value: (names or {}).get(value, value) for value in counts}
    for says, why in ((_is_bad, "by its name, it is what is looked for"), (_is_yes, "it says yes")):
        told = [value for value in (one, other) if says(called[value], called[other if value == one else one])]
        if len(told) == 1:
            return told[0], why
    denied = [value for value in (one, other) if _is_denial(called[value])]
    if len(denied) == 1:
        return (other if denied[0] == one else one), f"{called[denied[0]]!r} denies it"
    if counts[one] != counts[other]:
        return min(one, other, key=lambda value: counts[value]), "it is the rarer one"
    return _larger(one, other), "a choice without a reason, for both are as frequent"


def fold_variants(column: Column) -> str:
    """Values that differ by case, outer space, decimals or type alone, for a person; empty where there are none."""
    spellings: dict[str, set[str]] = {}
    for cell in column.given:
        spellings.setdefault(spelling(class_name(cell)), set()).add(
            str(cell) if isinstance(cell, str) else class_name(cell)
        )
    several = [sorted(each) for each in spellings.values() if len(each) > 1]
    return "; ".join(" = ".join(map(repr, each)) for each in sorted(several))


def folded_counts(column: Column) -> dict[str, int]:
    """Rows of each class after folding, under its most frequent spelling."""
    groups: dict[str, Counter[str]] = {}
    for cell in column.given:
        groups.setdefault(spelling(class_name(cell)), Counter())[class_name(cell)] += 1
    return {min(group, key=lambda value: (-group[value], value)): group.total() for group in groups.values()}


def _subject_of(column: str) -> str:
    """What a column is about, by the words of its name; empty where they do not say it, or are many."""
    subject = " ".join(word for word in words_of(column) if word not in SILENT and not word.isdigit())
    return subject if len(subject) <= LONGEST_SUBJECT else ""


def _is_bad(name: str, _other: str) -> bool:
    return is_named(name, BAD) and not _is_denial(name)


def _is_yes(name: str, other: str) -> bool:
    """`1` says yes only against 0 or -1."""
    if name.casefold() in {"1", "1.0"}:
        return other.casefold() in {"0", "0.0", "-1", "-1.0"}
    return normalised(name) in PRESENT


def _is_denial(name: str) -> bool:
    """Whether a name says that something is not there: `not toxic`, `nonhate`, `none`, 不好."""
    words = words_of(name)
    joined = any(
        word.startswith(prefix) and is_named(word.removeprefix(prefix), BAD)
        for word in words
        for prefix in DENYING_PREFIXES
    )
    return joined or any(word in DENYING for word in words) or any(letter in name for letter in DENYING_LETTERS)


def _larger(one: str, other: str) -> str:
    try:
        return max(one, other, key=float)
    except ValueError:
        return max(one, other)
