"""Facts of a column that its role is judged by: kinds of cells, how many differ, how long they are, which numbers."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from agile_classifier.data.labels.cells import as_list, is_empty, unwrap
from agile_classifier.data.labels.classes import class_name
from agile_classifier.data.scores import Decimal, read_score, ungroup
from agile_classifier.data.splits import PART_OF
from agile_classifier.drafts.words import COUNTRIES, LANGUAGES
from agile_classifier.errors import one_line

MOST_CLASSES = 500
FEW_WORDS = 0.3
"""Largest share of rows in which a column of numbers may hold a word instead."""
FEWEST_RUNNING = 20
"""Rows from which numbers without a gap are no chance."""
LONGEST_EXAMPLE = 40
"""Characters of a cell that a sentence shows."""
LETTERS_PER_WORD = 2
"""Letters that count as a word in scripts that part no words."""

_DATE = re.compile(
    r"\d{4}[-/.年]\s?\d{1,2}([-/.月]\s?\d{1,2}日?)?([T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}([T ].*)?"
    r"|\d{1,2}:\d{2}(:\d{2})?.{0,3}|\d{1,2}\.? \w{3,9}\.?,? \d{4}.*|\w{3},? \w{3} \d{1,2} .*\d{4}"
)
_ADDRESS = re.compile(r"(https?://|www\.)\S+|[^@\s]+@[^@\s]+\.\w+|/\S*|[\w.-]+\.(png|jpe?g|txt|html?|wav|mp3)")
_DIGIT = re.compile(r"\d")
_UNPARTED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_CODE = re.compile(r"[0-9a-fA-F]{8}-?[0-9a-fA-F-]{8,}|[\w.:-]*\d[\w.:-]*", re.ASCII)
SENTINELS = frozenset({-1.0, -9.0, -99.0, -999.0, -9999.0, 9.0, 88.0, 98.0, 99.0, 888.0, 998.0, 999.0, 9999.0, 99999.0})
"""Numbers that by custom stand for "not rated", where they are far from every other."""


@dataclass(frozen=True)
class Column:
    """A column of a file and the facts that its role is judged by; none depends on the order of rows or columns."""

    name: str
    cells: Sequence[Any]
    decimal: Decimal = "."

    @cached_property
    def given(self) -> list[Any]:
        """The cells that hold something; a list of one stands for its element."""
        return [unwrap(cell) for cell in self.cells if not is_empty(cell)]

    @cached_property
    def share_given(self) -> float:
        """Share of the rows in which the column holds something."""
        return len(self.given) / len(self.cells) if len(self.cells) else 0.0

    @cached_property
    def counts(self) -> Counter[str]:
        """Rows of each value, as text; 1, 1.0 and `1` are the value `1` where a format has numbers."""
        return Counter(map(class_name, self.given))

    @property
    def n_distinct(self) -> int:
        """Number of values that differ."""
        return len(self.counts)

    @cached_property
    def is_distinct(self) -> bool:
        """Whether every row has a value, and no value stands twice."""
        return self.n_distinct == len(self.cells) > 0

    @cached_property
    def is_text(self) -> bool:
        """Whether every cell is a string: only such a column can hold texts."""
        return bool(self.given) and all(isinstance(cell, str) for cell in self.given) and not self.has_lists

    @cached_property
    def has_lists(self) -> bool:
        """Whether cells are lists, of one element too."""
        return any(as_list(cell) is not None for cell in self.cells)

    @cached_property
    def first_uneven_list(self) -> int | None:
        """Row, from 1, of the first list that holds several labels or none; None where there is no such list."""
        held = ((row, as_list(cell)) for row, cell in enumerate(self.cells, start=1))
        uneven = (row for row, values in held if values is not None and len(values) != 1)
        return next(uneven, None)

    @cached_property
    def is_simple(self) -> bool:
        """Whether every cell is a string, a number or a boolean."""
        return not any(isinstance(cell, list | tuple | np.ndarray | dict) for cell in self.given)

    @cached_property
    def numbers(self) -> list[float]:
        """Numbers of the cells, without those not given; empty if a cell is no finite number, or a boolean."""
        read = {value: number for value, number in self._read.items() if value not in self.words_among_numbers}
        if any(number is None or math.isinf(number) for number in read.values()) or _are_booleans(self.given):
            return []
        numbers = {value: number for value, number in read.items() if number is not None and number == number}
        return [number for value, number in numbers.items() for _ in range(self.counts[value])]

    @cached_property
    def is_whole(self) -> bool:
        """Whether it holds whole numbers alone."""
        return bool(self.numbers) and all(number.is_integer() for number in self.numbers)

    @cached_property
    def words_among_numbers(self) -> list[str]:
        """The one or two words without a digit, in few rows, of a column of numbers: "skipped"."""
        words = sorted(value for value, number in self._read.items() if number is None)
        if any(map(_DIGIT.search, words)):
            return []
        in_few_rows = sum(self.counts[word] for word in words) <= FEW_WORDS * len(self.given)
        n_numbers = sum(number is not None and number == number for number in self._read.values())
        return words if 1 <= len(words) <= 2 < n_numbers and in_few_rows else []

    @cached_property
    def grouped(self) -> tuple[str, str] | None:
        """The first cell whose digits are grouped, and its number, in a column of such cells and numbers; else None."""
        plain = {value: ungroup(value, decimal=self.decimal) for value, number in self._read.items() if number is None}
        return next(((value, number) for value, number in plain.items() if number and all(plain.values())), None)

    @cached_property
    def are_all_numbers(self) -> bool:
        """Whether every cell is a number, finite or not."""
        return bool(self._read) and None not in self._read.values()

    @cached_property
    def n_words(self) -> float:
        """Words of a cell on average; in scripts without spaces, every two letters count as a word."""
        return sum(map(_count_words, self.given)) / len(self.given) if self.given else 0.0

    @cached_property
    def length(self) -> float:
        """Characters of a cell on average."""
        return sum(len(str(cell)) for cell in self.given) / len(self.given) if self.given else 0.0

    @cached_property
    def is_dates(self) -> bool:
        """Whether every cell is a date or a time."""
        return _all_match(self, _DATE) or any(isinstance(cell, pd.Timestamp) for cell in self.given[:1])

    @cached_property
    def is_addresses(self) -> bool:
        """Whether every cell is an address or a file."""
        return _all_match(self, _ADDRESS)

    @cached_property
    def is_codes(self) -> bool:
        """Whether every cell is one word with digits, as keys and hashes are."""
        return _all_match(self, _CODE)

    @cached_property
    def is_languages(self) -> bool:
        """Whether every cell names a language, or every cell a country."""
        values = {value.lower() for value in self.counts}
        return len(values) > 1 and (values <= LANGUAGES or values <= COUNTRIES)

    @cached_property
    def is_parts(self) -> bool:
        """Whether every cell names a part of a split: train, validation, test."""
        return len(self.counts) > 1 and {value.casefold() for value in self.counts} <= set(PART_OF)

    @cached_property
    def is_running(self) -> bool:
        """Whether whole numbers count the rows, in whatever order, without a gap: a key under any name."""
        numbers = self.numbers if self.is_distinct and self.is_whole else []
        return len(numbers) > FEWEST_RUNNING and max(numbers) - min(numbers) + 1 == len(numbers)

    @cached_property
    def repeats(self) -> bool:
        """Whether few values stand in many rows, as classes do."""
        return 2 <= self.n_distinct <= min(MOST_CLASSES, len(self.given) / 2)

    @cached_property
    def _read(self) -> dict[str, float | None]:
        """The number that each value stands for."""
        return {value: read_score(value, decimal=self.decimal) for value in self.counts} if self.is_simple else {}

    @cached_property
    def example(self) -> str:
        """A cell that is long for the column, shortened, for a person."""
        longest = max(map(str, self.given), key=lambda cell: (len(cell), cell), default="")
        return repr(one_line(longest, longest=LONGEST_EXAMPLE))


def make_columns(frame: pd.DataFrame, *, decimal: Decimal = ".") -> list[Column]:
    """The columns of a table, each with its facts."""
    return [Column(str(name), list(frame[name]), decimal) for name in frame.columns]


def find_sentinels(numbers: Sequence[float]) -> tuple[list[float], list[float]]:
    """Numbers that stand for "not rated": those that surely do, and those that may.

    A customary number such as -99 does where it lies farther from every other number than these lie apart.
    """
    values = set(numbers)
    usual = sorted(value for value in values & SENTINELS)
    sure: list[float] = []
    maybe: list[float] = []
    for value in sorted(usual, key=abs, reverse=True):
        rest = [other for other in values if other not in {value, *sure}]
        if len(rest) < 2:
            continue
        low, high = min(rest), max(rest)
        gap = max(low - value, value - high)
        if gap > high - low and (abs(value) > 1 or (high <= 1 and not set(rest) <= {0.0, 1.0})):
            sure.append(value)
        elif (value == -1 and low >= 0 and high > 1) or (gap > 1 and (gap == high - low or _are_contiguous(rest))):
            maybe.append(value)
    return sorted(sure), sorted(maybe)


def _are_booleans(cells: Sequence[Any]) -> bool:
    return any(isinstance(cell, bool | np.bool_) for cell in cells)


def _count_words(cell: Any) -> float:
    text = str(cell)
    letters = len(_UNPARTED.findall(text))
    return len(text.split()) if letters < LETTERS_PER_WORD else max(len(text.split()), letters / LETTERS_PER_WORD)


def _all_match(column: Column, pattern: re.Pattern[str]) -> bool:
    return bool(column.given) and all(pattern.fullmatch(value) for value in column.counts)


def _are_contiguous(values: Sequence[float]) -> bool:
    """Whether values are whole and none is missing between them, as on a scale from 1 to 5."""
    return all(float(value).is_integer() for value in values) and max(values) - min(values) + 1 == len(values)
