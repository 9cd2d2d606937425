"""Kinds: what says yes, what says no, and that nothing else counts as either."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.config.data import LabelsConfig
from agile_classifier.data.labels.answers import ABSENT, PRESENT, UNCLEAR
from agile_classifier.data.labels.kinds import label_any
from agile_classifier.drafts.classes import choose_class_1
from agile_classifier.errors import InputError


def rule(**fields: Any) -> LabelsConfig:
    return LabelsConfig.model_validate({"rule": "any", "columns": "insult", **fields})


def kinds(*cells: Any, name: str = "insult") -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(cells, dtype="object")})


def refusal(cells: pd.DataFrame, **fields: Any) -> str:
    with pytest.raises(InputError) as refused:
        label_any(cells, rule(**fields))
    return str(refused.value)


SAYS: list[tuple[Any, int]] = [
    (" 1 ", 1), (1, 1), (True, 1), ("Yes", 1), ("x", 1), ("TRUE", 1), (1.0, 1), ("y", 1), ("1.0", 1), (["LTD"], 1),
    (np.array(["LTD"]), 1), (["LTD", "CH"], 1), ('["LTD", "CH"]', 1),
    ("", 0), (" ", 0), ("0", 0), ("0.0", 0), ("No", 0), ("FALSE", 0), ("[]", 0), (0, 0), (0.0, 0), (False, 0), ([], 0),
    ((), 0), (np.array([]), 0), (None, 0), (float("nan"), 0), (pd.NA, 0), ("none", 0), ("n", 0), ("F", 0), ("-", 0),
    (["none"], 0), ("Ja", 1), ("sí", 1), ("SI\u0301", 1), ("是", 1), ("да", 1), ("nein", 0), ("Não", 0), ("нет", 0), ("否", 0),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "label"), SAYS, ids=repr)
def test_a_cell_of_yes_or_no_says_whether_the_kind_is_present(cell: Any, label: int) -> None:
    assert label_any(kinds(cell, ""), rule()).tolist() == [label, 0]


@pytest.mark.parametrize("word", sorted(PRESENT))
def test_what_a_draft_takes_for_a_yes_the_label_rule_does_too(word: str) -> None:
    assert choose_class_1({word: 9, "0": 2})[0] == word
    assert label_any(kinds(word, ""), rule()).tolist() == [1, 0]
    assert not PRESENT & (ABSENT | UNCLEAR)


@pytest.mark.parametrize("dtype", ["int64", "float32", "Int64", "bool", "object"])
def test_any_of_several_kinds_makes_class_1_whatever_their_type(dtype: str) -> None:
    frame = pd.DataFrame({"a": [0, 1, 0, 1], "b": [0, 0, 1, 1]}, index=[4, 3, 2, 1]).astype(dtype)
    label = label_any(frame, rule(columns=["a", "b"]))
    assert label.tolist() == [0, 1, 1, 1]
    assert (label.name, label.dtype, label.index.tolist()) == ("label", "int64", [4, 3, 2, 1])


def test_names_of_kinds_are_present_beside_cells_that_say_no() -> None:
    assert label_any(kinds("LTD|CH", "", "A", None), rule()).tolist() == [1, 0, 1, 0]
    assert label_any(kinds("insult", "none", "n", "F", ""), rule()).tolist() == [1, 0, 0, 0, 0]
    assert label_any(kinds("Insult", "insult"), rule()).tolist() == [1, 1]  # the column's own name


def test_none_is_never_a_kind() -> None:
    both = pd.concat([kinds("none", "insult", "none"), kinds("none", "none", "none", name="threat")], axis=1)
    assert label_any(both, rule(columns=["insult", "threat"])).tolist() == [0, 1, 0]


@pytest.mark.parametrize("word", ["ok", "not toxic", "non-toxic", "NA", "?", "neutral", "no insult", "0.3", 0.3, 2, -1])
def test_what_is_neither_yes_nor_no_is_refused_with_its_row_its_number_and_a_field(word: Any) -> None:
    said = refusal(kinds("", "insult", word, word))
    assert said.startswith(f"column insult (labels.columns): row 3 holds {word!r}, as 2 rows: it is neither yes ")
    assert f"labels.not_rated those that say nothing, of {word!r}" in said or "labels.not_rated: [" in said


def test_a_column_of_words_in_which_no_cell_says_no_is_refused() -> None:
    assert "row 1 holds 'toxic', as 2 rows" in refusal(kinds("toxic", "polite", "toxic"))
    assert "row 2 holds 'threat'" in refusal(kinds("yes", "threat", "no"))


def test_words_that_say_no_may_be_listed_and_then_every_other_says_yes() -> None:
    assert label_any(kinds("ok", "toxic", "OK ", "", "?"), rule(absent=["ok"])).tolist() == [0, 1, 0, 0, 1]
    assert label_any(kinds("toxic", "polite"), rule(absent=[""])).tolist() == [1, 1]


def test_lists_of_codes_and_flags_are_told_apart() -> None:
    assert label_any(kinds([0, 3], [27], [0], []), rule()).tolist() == [1, 1, 1, 0]
    assert label_any(kinds([0, 0, 1], [0, 0, 0], [1, 1, 0]), rule()).tolist() == [1, 0, 1]
    assert label_any(kinds([0], [1], [0]), rule()).tolist() == [0, 1, 0]
    assert "row 2 holds 'neutral'" in refusal(kinds(["joy", "anger"], ["neutral"], []))


def test_a_row_without_an_answer_is_refused_unless_another_kind_is_present() -> None:
    columns = pd.DataFrame({"a": [-1, 0, 1, -1], "b": [-1, 0, 0, 1]})
    assert label_any(columns.iloc[1:], rule(columns=["a", "b"], not_rated=[-1])).tolist() == [0, 1, 1]
    assert refusal(columns, columns=["a", "b"], not_rated=[-1]) == (
        "columns a, b: 1 row without an answer (labels.not_rated), first row 1; labels.unlabelled: leave_out leaves such"
        " rows out"
    )
    assert "labels.not_rated: [-1]" in refusal(columns, columns=["a", "b"])


@given(word=st.text(min_size=1, max_size=8), unclear=st.sampled_from(sorted(UNCLEAR)))
def test_no_word_is_taken_for_a_yes_in_silence_where_no_cell_says_no(word: str, unclear: str) -> None:
    says_no = word.strip().lower() in ABSENT or not word.strip()
    if says_no:
        assert label_any(kinds(word, "other word"), rule()).tolist() == [0, 1]
    elif not word.strip().startswith("["):
        assert len(refusal(kinds(word, "other word")).splitlines()) == 1
    assert unclear in refusal(kinds(unclear, "", "insult"))
