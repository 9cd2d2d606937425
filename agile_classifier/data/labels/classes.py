"""Given classes: how the values of a column become labels 0, 1, …, and what the classes are called."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from agile_classifier.config.data import LabelsConfig
from agile_classifier.data.labels.cells import (
    as_list,
    blank_marks,
    column_name,
    count,
    is_empty,
    map_cells,
    plain_number,
    refuse_objects,
    rows_of,
    shown,
    unwrap,
)
from agile_classifier.data.labels.class_labels import class_names_of, read_codes
from agile_classifier.data.scores import read_score
from agile_classifier.data.text import normalised
from agile_classifier.errors import InputError, one_line

SHOWN_CLASSES = 20
"""Largest number of classes that an error lists."""
BOOLEANS = {"true": "1", "false": "0"}
"""Numbers that truth stands for, in the types of a file."""
LONGEST_MAPPING = 200
"""Characters of a mapping that an error proposes."""

_WHOLE = re.compile(r"([+-]?\d+)[.,]0+")


def label_given(column: pd.Series, labels: LabelsConfig) -> tuple[pd.Series, tuple[str, ...]]:
    """Label rows by the classes in a column, numbered in the order of `labels.names` (default: natural order).

    A cell is a class as it is written: "None", "NA" and "null" are names like any others. A list of one is its element.

    Returns
    -------
    label : Series of shape (n,), int64
    names : tuple of shape (n_classes,)

    Raises
    ------
    InputError
        A row has no class or several, a value is not among the names, or two values differ in their writing alone.
    """
    values = read_classes(column, labels)
    _require_one_class(column, values)
    order = labels.class_names or _default_order(column, values, labels)
    name_of = _names_by_value(values, labels, order)
    _refuse_unknown(values, name_of, labels, order)
    number = {name: place for place, name in enumerate(order)}
    return values.map({value: number[name] for value, name in name_of.items()}).astype("int64").rename("label"), order


def read_classes(column: pd.Series, labels: LabelsConfig) -> pd.Series:
    """The class of each row as text, of shape (n,), "" where a row has none; not yet named or folded.

    Raises
    ------
    InputError
        A cell holds an object, or several classes.
    """
    refuse_objects(column, field="labels.columns")
    column = blank_marks(_codes_if_named(column, labels), labels.not_rated)
    _refuse_several(column)
    return pd.Series(map_cells(column, class_name), index=column.index, name=column.name, dtype="object")


def class_name(cell: Any) -> str:
    """A cell as the name of a class: a list of one is its element, a whole number has no decimals, nothing has no name.

    >>> [class_name(cell) for cell in (" hate ", 1.0, ["hate"], [])]
    ['hate', '1', 'hate', '']
    """
    held = plain_number(unwrap(cell))
    return "" if is_empty(held) else str(held).strip()


def natural_order(names: Sequence[str]) -> tuple[str, ...]:
    """Names in the order that a person would give them: numbers by value, and 2 before 10 within names.

    >>> natural_order(["intent 10", "intent 2"]), natural_order(["10", "-1", "2"])
    (('intent 2', 'intent 10'), ('-1', '2', '10'))
    """
    numbers = {name: read_score(name) for name in names}
    if not any(number is None or math.isnan(number) for number in numbers.values()):
        return tuple(sorted(names, key=lambda name: (numbers[name], name)))
    return tuple(sorted(names, key=_natural_key))


def spelling(name: str) -> str:
    """The form in which classes that differ by their writing alone are one.

    Case, space, decimals (`1.0` and `1`) and type (`true` and `1`, of which a file of JSON may hold both).

    >>> spelling(" Not  Toxic") == spelling("not toxic"), spelling("1.0"), spelling("True")
    (True, '1', '1')
    """
    plain = normalised(name)
    whole = _WHOLE.fullmatch(plain)
    return whole[1] if whole else BOOLEANS.get(plain, plain)


def _codes_if_named(column: pd.Series, labels: LabelsConfig) -> pd.Series:
    """A data set's own names of its codes as codes, where `labels.names` maps those."""
    if labels.codes is None or set(labels.codes) & set(class_names_of(column)):
        return column
    return read_codes(column)


def _default_order(column: pd.Series, values: pd.Series, labels: LabelsConfig) -> tuple[str, ...]:
    if own := class_names_of(column):
        return own
    variants = _variants(list(values))
    written = {key: list(names) for key, names in variants.items() if len(names) > 1}
    if written and not labels.fold:
        _refuse_variants(column, next(iter(written.values())), n_more=len(written) - 1)
    return natural_order([_spelt(names) for names in variants.values()])


def _names_by_value(values: pd.Series, labels: LabelsConfig, order: Sequence[str]) -> dict[str, str]:
    """Value of the column → name of its class."""
    listed = dict(zip(labels.codes or order, labels.names if labels.codes and labels.names else order, strict=True))
    if not labels.fold:
        return {value: listed[value] for value in dict.fromkeys(values) if value in listed}
    by_spelling = {spelling(value): name for value, name in reversed(listed.items())}
    spelt = {value: listed.get(value, by_spelling.get(spelling(value))) for value in dict.fromkeys(values)}
    return {value: name for value, name in spelt.items() if name is not None}


def _variants(values: Sequence[str]) -> dict[str, Counter[str]]:
    """Spelling → the values that are so spelt, with their number of rows."""
    found = dict[str, Counter[str]]()
    for value, n in Counter(values).items():
        found.setdefault(spelling(value), Counter())[value] = n
    return found


def _spelt(names: Counter[str]) -> str:
    """The commonest of several spellings; of numbers, the one without decimals."""
    whole = [name for name in names if spelling(name) == name]
    return whole[0] if whole and _is_number(whole[0]) else names.most_common(1)[0][0]


def _is_number(name: str) -> bool:
    return read_score(name) is not None


def _natural_key(name: str) -> tuple[tuple[str, int], ...]:
    parts = re.split(r"([0-9]+)", name)
    return tuple((text, int(number or 0)) for text, number in zip(parts[::2], [*parts[1::2], ""], strict=True))


def _require_one_class(column: pd.Series, values: pd.Series) -> None:
    missing = [row for row, value in rows_of(values) if value == ""]
    if missing:
        raise InputError(
            f"column {column_name(column)}: {len(missing)} rows have no class, first at row {missing[0]};"
            " every row needs one: labels.unlabelled: leave_out leaves such rows out"
        )


def _refuse_several(column: pd.Series) -> None:
    n_held = map_cells(column, lambda cell: len(as_list(cell) or ()))
    several = [place for place, n in zip(rows_of(column), n_held, strict=True) if n > 1]
    if several:
        row, cell = several[0]
        raise InputError(
            f"column {column_name(column)}: row {row} has several labels, {shown(as_list(cell))}, as"
            f" {count(len(several))}; rule given needs one class a row: labels.rule any learns whether a row has any"
        )


def _refuse_variants(column: pd.Series, names: Sequence[str], *, n_more: int) -> None:
    spelt = " and ".join(map(repr, names))
    more = f" ({n_more} more such)" if n_more else ""
    raise InputError(
        f"column {column_name(column)}: the classes {spelt} differ by case, space, decimals or type alone{more};"
        " labels.fold: true makes them one, a mapping in labels.names names each"
    )


def _refuse_unknown(values: pd.Series, name_of: Mapping[str, str], labels: LabelsConfig, order: Sequence[str]) -> None:
    unknown = [(row, value) for row, value in rows_of(values) if value not in name_of]
    if unknown:
        row, value = unknown[0]
        allowed = list(labels.codes or order)
        more = f" and {len(allowed) - SHOWN_CLASSES} more" if len(allowed) > SHOWN_CLASSES else ""
        raise InputError(
            f"column {column_name(values)}: found class {value!r} in row {row}, as {count(len(unknown))};"
            f" labels.names allows {allowed[:SHOWN_CLASSES]}{more}{_way_out(value, values, labels, order)}"
        )


def _way_out(value: str, values: pd.Series, labels: LabelsConfig, order: Sequence[str]) -> str:
    """End of the line about a class without a name: the field that would help, where one would."""
    if spelling(value) in map(spelling, labels.codes or order):
        return "; labels.fold: true would take it for the one that it differs from by its writing alone"
    held = natural_order(list(dict.fromkeys(values)))
    if labels.codes is None and len(held) == len(order) and not set(held) & set(order):
        mapping = ", ".join(f'"{code}": {name}' for code, name in zip(held, order, strict=True))
        return f"; if they name its values, map them: labels.names: {{{one_line(mapping, longest=LONGEST_MAPPING)}}}"
    return ""
