"""Groups: what an identity column may say, and what it must not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from agile_classifier.config.fairness.groups import GroupsConfig
from agile_classifier.data.tables import kept_column
from agile_classifier.errors import InputError
from agile_classifier.evaluation.bias.groups import add_groups, read_groups
from agile_classifier.evaluation.bias.terms import Terms

TERMS = Terms(groups={"women": ("women",), "men": ("men",)})


def groups_of(cells: list[Any], **settings: Any) -> dict[str, list[float]]:
    examples = pd.DataFrame({"text": ["text"] * len(cells), kept_column("who"): cells}, index=range(5, 5 + len(cells)))
    field = "categories" if settings.pop("categories", False) else "columns"
    found = add_groups(examples, GroupsConfig(**{field: "who"}, **settings), None)
    return {name: [None if np.isnan(each) else each for each in told] for name, told in read_groups(found).items()}


def test_shares_are_cut_answers_are_read_and_what_is_missing_counts_neither_way() -> None:
    assert groups_of([0.5, 0.49, None, 1]) == {"who": [1, 0, None, 1]}
    assert groups_of(["0.05", "0,2", "", " 1 "], cut=0.1) == {"who": [0, 1, None, 1]}
    assert groups_of(["yes", "No", "ja", None]) == {"who": [1, 0, 1, None]}
    assert groups_of([True, False]) == {"who": [1, 0]}


def test_each_word_of_a_column_is_a_group_the_commonest_first() -> None:
    assert groups_of(["Muslims", "women", "Muslims", None]) == {
        "who Muslims": [1, 0, 1, None], "who women": [0, 1, 0, None]
    }  # fmt: skip
    many = groups_of([f"g{number % 40}" for number in range(200)])
    assert len(many) == 24


def test_codes_are_groups_where_the_config_says_that_they_are_categories() -> None:
    assert groups_of([1, 2, 2.0], categories=True) == {"who 2": [0, 1, 1], "who 1": [1, 0, 0]}


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([0, 0, 0.2], "column 'who' holds no share on both sides of 0.5 in the 3 test rows"),
        ([1, 1], "column 'who' holds the one value 1 in the 2 test rows"),
        ([None, ""], "column 'who' holds nothing in the 2 test rows"),
        (["women", "women"], "column 'who' holds the one value 'women' in the 2 test rows"),
        ([1, 2, 0], "column 'who' holds 2; allowed are 0 and 1"),
        (["f", "m", "f"], "column 'who' holds 'm'; allowed are 0 and 1"),
        ([0.5, -0.1], "column 'who' holds -0.1"),
        ([0.5, float("inf")], "column 'who' holds inf"),
    ],
)
def test_a_column_that_says_nothing_or_what_cannot_be_read_is_refused_in_one_line(cells: list[Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        groups_of(cells)
    assert said in str(refused.value)
    assert str(refused.value).startswith("evaluation.groups.columns: ")
    assert "\n" not in str(refused.value)


def test_terms_that_no_text_holds_are_refused_and_groups_that_none_names_are_left_out() -> None:
    settings = GroupsConfig(terms="own.yaml")
    found = add_groups(pd.DataFrame({"text": ["Women vote", "they vote"]}), settings, TERMS)
    assert {name: list(told) for name, told in read_groups(found).items()} == {"women": [1, 0]}
    with pytest.raises(
        InputError, match=r"evaluation\.groups\.terms own\.yaml: none of its terms stands in the 1 test texts"
    ):
        add_groups(pd.DataFrame({"text": ["sie wählen"]}), settings, TERMS)


def test_a_column_and_a_term_may_name_the_same_group() -> None:
    examples = pd.DataFrame({"text": ["women", "they"], kept_column("women"): [0, 1]})
    found = read_groups(add_groups(examples, GroupsConfig(columns="women", terms="english"), TERMS))
    assert list(found) == ["women", "women (terms)"]


def test_without_groups_the_examples_are_as_they_were() -> None:
    examples = pd.DataFrame({"text": ["a"]})
    pd.testing.assert_frame_equal(add_groups(examples, GroupsConfig(), None), examples)
