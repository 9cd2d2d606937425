"""Given classes: names as people write them, and one line for whatever could be read in two ways."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.config.data import LabelsConfig
from agile_classifier.data.labels.classes import label_given, natural_order, spelling
from agile_classifier.errors import InputError


def rule(**fields: Any) -> LabelsConfig:
    return LabelsConfig.model_validate({"rule": "given", "columns": "kind", **fields})


def column(*cells: Any) -> pd.Series:
    return pd.Series(cells, dtype="object", name="kind")


def refusal(cells: pd.Series, **fields: Any) -> str:
    with pytest.raises(InputError) as refused:
        label_given(cells, rule(**fields))
    return str(refused.value)


def test_given_classes_are_numbered_in_natural_order_or_in_the_order_of_their_names() -> None:
    cells = column("spam", "ham", " ham", "eggs")
    label, names = label_given(cells, rule())
    assert (label.tolist(), label.name, names) == ([2, 1, 1, 0], "label", ("eggs", "ham", "spam"))
    label, names = label_given(cells, rule(names=["spam", "ham", "eggs"]))
    assert (label.tolist(), names) == ([0, 1, 1, 2], ("spam", "ham", "eggs"))


@pytest.mark.parametrize("cells", [[1, 0, 1], [1.0, 0.0, 1.0], ["1", "0", "1"], np.array([1, 0, 1], dtype="int32")])
def test_a_class_that_is_a_number_has_one_name_whatever_its_type(cells: Any) -> None:
    label, names = label_given(pd.Series(cells, name="kind"), rule())
    assert (label.tolist(), label.dtype, names) == ([1, 0, 1], "int64", ("0", "1"))


@pytest.mark.parametrize("missing", [None, float("nan"), "", " ", pd.NA, [], "[]"])
def test_a_row_without_a_class_is_refused_by_its_number_and_the_field_that_leaves_it_out(missing: Any) -> None:
    assert refusal(column("a", "b", missing, missing)) == (
        "column kind: 2 rows have no class, first at row 3; every row needs one: labels.unlabelled: leave_out leaves such"
        " rows out"
    )


def test_none_na_and_null_are_classes_like_any_other() -> None:
    label, names = label_given(column("None", "NA", "null", "nan"), rule())
    assert (sorted(label), names) == ([0, 1, 2, 3], ("NA", "None", "nan", "null"))


def test_a_class_without_a_name_is_refused_with_its_row_its_number_and_the_names_there_are() -> None:
    assert refusal(column("a", "c", "d"), names=["a", "b"]) == (
        "column kind: found class 'c' in row 2, as 2 rows; labels.names allows ['a', 'b']"
    )


def test_names_in_place_of_codes_are_refused_with_the_mapping_that_was_meant() -> None:
    assert refusal(column("0", "10", "2"), names=["World", "Sports", "Business"]).endswith(
        '; if they name its values, map them: labels.names: {"0": World, "2": Sports, "10": Business}'
    )


def test_a_named_class_that_no_row_has_keeps_its_number() -> None:
    label, names = label_given(column("a", "c"), rule(names=["a", "b", "c"]))
    assert (label.tolist(), names) == ([0, 2], ("a", "b", "c"))


@pytest.mark.parametrize("cells", [("0", "1", "2"), (0, 1, 2), (0.0, 1.0, 2.0)])
def test_codes_are_called_by_their_names_in_the_order_of_the_mapping(cells: tuple[Any, ...]) -> None:
    label, names = label_given(column(*cells), rule(names={1: "Sports", 0: "World", 2: "Tech"}))
    assert (label.tolist(), names) == ([1, 0, 2], ("Sports", "World", "Tech"))


def test_codes_of_one_name_are_one_class() -> None:
    label, names = label_given(column("N", "n", "Y"), rule(names={"N": "no", "n": "no", "Y": "yes"}))
    assert (label.tolist(), names) == ([0, 0, 1], ("no", "yes"))


def test_a_list_of_one_is_its_element_whether_a_list_or_written_as_one() -> None:
    label, names = label_given(column(["neg"], np.array(["pos"]), "['neg']", '["pos"]', ("neg",)), rule())
    assert (label.tolist(), names) == ([0, 1, 0, 1, 0], ("neg", "pos"))


def test_several_labels_are_refused_with_the_rule_that_takes_them() -> None:
    assert refusal(column(["pos"], ["pos", "neg"], ["neg", "pos"])) == (
        'column kind: row 2 has several labels, ["pos", "neg"], as 2 rows; rule given needs one class a row:'
        " labels.rule any learns whether a row has any"
    )


def test_objects_are_refused_with_the_dotted_paths_that_read_one_field() -> None:
    assert refusal(column({"toxic": 1, "rude": 0}, {"toxic": 0})) == (
        'column kind: row 1 holds the object {"toxic": 1, "rude": 0}, as 2 rows; name one field of it by its dotted path'
        " in labels.columns: kind.toxic or kind.rude"
    )


VARIANTS = [
    ("Yes", "yes"),
    ("Not toxic", "not  toxic"),
    ("1", "1.0"),
    ("é", "e\u0301"),
    ("no", "no\u200b"),
    ("1", "True"),
    ("0", "false"),
]


@pytest.mark.parametrize(("one", "other"), VARIANTS)
def test_classes_that_differ_by_their_writing_alone_are_refused_or_folded(one: str, other: str) -> None:
    cells = column(one, other, "else", one)
    assert refusal(cells) == (
        f"column kind: the classes {one!r} and {other!r} differ by case, space, decimals or type alone; labels.fold: true makes"
        " them one, a mapping in labels.names names each"
    )
    label, names = label_given(cells, rule(fold=True))
    assert (label[0] == label[1] == label[3], len(names)) == (True, 2)
    assert one in names


def test_folded_classes_find_the_names_that_are_given_and_others_say_what_would_fold_them() -> None:
    cells = column("YES", "no", "yes")
    assert refusal(cells, names=["no", "yes"]) == (
        "column kind: found class 'YES' in row 1, as 1 row; labels.names allows ['no', 'yes']; labels.fold: true would"
        " take it for the one that it differs from by its writing alone"
    )
    assert label_given(cells, rule(names=["no", "yes"], fold=True))[0].tolist() == [1, 0, 1]
    assert label_given(column("1.0", "0"), rule(names={"0": "fine", "1": "bad"}, fold=True))[0].tolist() == [1, 0]


def test_cells_that_are_no_answer_count_as_empty() -> None:
    assert "2 rows have no class, first at row 2" in refusal(column("a", "skipped", -1, "b"), not_rated=["Skipped", -1])


ORDERS = [
    (["10", "2", "1"], ("1", "2", "10")),
    (["1", "-1", "0"], ("-1", "0", "1")),
    (["0.5", "10", "0"], ("0", "0.5", "10")),
    (["intent_10", "intent_2", "intent_01"], ("intent_01", "intent_2", "intent_10")),
    (["b", "A", "a"], ("A", "a", "b")),
    (["2 stars", "1 star", "10"], ("1 star", "2 stars", "10")),
    (["NA", "1"], ("1", "NA")),
]


@pytest.mark.parametrize(("names", "order"), ORDERS, ids=str)
def test_classes_stand_in_the_order_that_a_person_would_give_them(names: list[str], order: tuple[str, ...]) -> None:
    assert natural_order(names) == order


@pytest.mark.parametrize("n_classes", [2, 20, 21, 200, 500])
def test_any_number_of_classes_is_numbered_in_natural_order(n_classes: int) -> None:
    cells = column(*(f"class {number}" for number in reversed(range(n_classes))))
    label, names = label_given(cells, rule())
    assert names == tuple(f"class {number}" for number in range(n_classes))
    assert label.tolist() == list(reversed(range(n_classes)))


@given(names=st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=8, unique_by=spelling))
def test_every_class_is_called_as_it_was_written_and_the_order_of_the_rows_does_not_count(names: list[str]) -> None:
    written = [name for name in names if name.strip() and not name.strip().startswith("[")]
    if written:
        label, order = label_given(column(*written), rule())
        assert [order[number] for number in label] == [name.strip() for name in written]
        assert label_given(column(*reversed(written)), rule())[1] == order
        assert math.isclose(label.sum(), sum(range(len(written))))
