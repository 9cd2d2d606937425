"""Scores: what a cell of a column of numbers stands for, and what is no number."""

from __future__ import annotations

import doctest
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.data import scores
from agile_classifier.data.scores import Decimal, is_share, read_score, suggest_decimal, suggest_readings, ungroup

READ: list[tuple[Any, float]] = [
    ("0.5", 0.5), (" 1e-3 ", 1e-3), ("-1", -1), ("\u22121", -1), ("+0.5", 0.5), ("007", 7), ("1000", 1000), (".5", 0.5),
    (3, 3), (0.1 + 0.2, 0.1 + 0.2), (True, 1), (np.float32(0.5), 0.5), (np.int64(7), 7), ("inf", math.inf),
    ("75%", 0.75), ("75 %", 0.75), ("75\u00a0%", 0.75), ("0%", 0), ("12.5%", 0.125), ("100%", 1),
    ("3/5", 0.6), ("0/3", 0), (" 2 / 3 ", 2 / 3), ("3 of 5", 0.6), ("1 out of 4", 0.25),
    ("★★★☆☆", 3), ("⭐⭐", 2), ("⭐️⭐️⭐️", 3), ("☆☆☆☆☆", 0), ("4 stars", 4), ("1 Star", 1), ("4★", 4), ("4/5 stars", 0.8),
]  # fmt: skip
WITH_COMMA: list[tuple[Any, float]] = [
    ("0,5", 0.5), ("75,5 %", 0.755), ("3", 3), (0.5, 0.5), ("-0,25", -0.25), ("1,5/3", 0.5), ("1e-3", 1e-3),
]  # fmt: skip
MISSING: list[Any] = ["", " ", "NA", "n/a", "#N/A", "NaN", "null", "None", "-", None, math.nan, pd.NA, "0/0", "0 of 0"]
NO_NUMBERS: list[tuple[Any, Decimal]] = [
    ("high", "."), ("0,5", "."), ("1,000", "."), ("1_000", "."), ("5/3", "."), ("-1/3", "."), ("3/5/2024", "."),
    ("12:30", "."), ("%", "."), ("/", "."), ("2024-01-02", "."), (["1"], "."), ({"a": 1}, "."), ("stars", "."),
    ("☆★", "."), ("0.5", ","), ("1.000,5", ","), ("4 - agree", "."), ("1 000", "."),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "number"), READ, ids=repr)
def test_a_number_is_read_as_people_write_it(cell: Any, number: float) -> None:
    assert read_score(cell) == number


@pytest.mark.parametrize(("cell", "number"), WITH_COMMA, ids=repr)
def test_a_decimal_comma_is_read_where_it_is_asked_for(cell: Any, number: float) -> None:
    assert read_score(cell, decimal=",") == number


@pytest.mark.parametrize("cell", MISSING, ids=repr)
def test_a_cell_in_which_nobody_gave_a_number_is_missing(cell: Any) -> None:
    assert math.isnan(read_score(cell) or 0)


@pytest.mark.parametrize(("cell", "decimal"), NO_NUMBERS, ids=repr)
def test_what_is_no_number_or_could_be_two_is_none(cell: Any, decimal: Decimal) -> None:
    assert read_score(cell, decimal=decimal) is None


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_read_to_its_last_digit_with_either_mark(number: float) -> None:
    written = repr(number)
    assert read_score(written) == number
    assert read_score(written.replace(".", ","), decimal=",") == number


@given(part=st.integers(0, 1000), whole=st.integers(1, 1000))
def test_votes_are_their_share_or_no_number(part: int, whole: int) -> None:
    assert read_score(f"{part}/{whole}") == (part / whole if part <= whole else None)
    assert is_share(f"{part}/{whole}")


@given(cell=st.text(max_size=12), decimal=st.sampled_from([".", ","]))
def test_any_text_is_a_number_missing_or_none(cell: str, decimal: Decimal) -> None:
    assert read_score(cell, decimal=decimal) is None or isinstance(read_score(cell, decimal=decimal), float)


def test_the_other_mark_is_suggested_only_where_it_reads_every_cell() -> None:
    assert suggest_decimal(["0,2", "1", ""]) == ","
    assert suggest_decimal(["0.2"], decimal=",") == "."
    assert suggest_decimal(["0.2", "0,2"]) is None
    assert suggest_decimal(["1", "2"]) is None


GROUPED = [
    ("1,037", "1037"), ("12,345,678", "12345678"), ("1.037,5", "1037.5"), ("1 037", "1037"), ("1\u202f037,25", "1037.25"),
    ("1'037", "1037"), ("-1,037", "-1037"), ("1_000", "1000"), ("1,00,000", "100000"), ("1,037.5", "1037.5"),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "number"), GROUPED)
def test_a_number_whose_digits_are_grouped_is_no_score_but_called_one(cell: str, number: str) -> None:
    assert read_score(cell) is None
    assert ungroup(cell) == number
    assert (
        suggest_readings([cell, "12"])[0]
        == f"digits are grouped, it seems: write {number}, without a sign between thousands"
    )


@pytest.mark.parametrize(
    "cell", ["1037", "1.037", "10,37", "1,0375", "1,037,5", "high", "1, 037", "2026-05-01", "", None, 5]
)
def test_what_is_not_grouped_by_thousands_is_no_such_number(cell: object) -> None:
    assert ungroup(cell) is None


def test_both_readings_of_a_comma_are_said() -> None:
    assert suggest_readings(["1,037", "12"])[1] == "with data.decimal: ',' all of them are numbers"
    assert suggest_readings(["1,037", "high"]) == []


def test_the_examples_hold() -> None:
    assert doctest.testmod(scores).failed == 0
