"""Several labels: columns of yes and no, of shares, and one column of lists become sets; doubt is refused."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from agile_classifier.config.data import LabelsConfig
from agile_classifier.data.labels.many import label_many, read_many
from agile_classifier.data.labels.unlabelled import has_label
from agile_classifier.data.tables import kept_column
from agile_classifier.errors import InputError
from agile_classifier.label_sets import part_labels


def many(*columns: str, **fields: Any) -> LabelsConfig:
    return LabelsConfig(rule="many", columns=columns, **fields)


def present(table: dict[str, list[Any]], rule: LabelsConfig) -> list[list[int]]:
    sets, names = label_many(pd.DataFrame(table, dtype="object"), rule)
    return part_labels(sets, len(names)).tolist()


@pytest.mark.parametrize(
    ("yes", "no"), [(1, 0), ("1", "0"), ("yes", "no"), (True, False), ("x", ""), (1.0, 0.0), ("ja", "nein")]
)
def test_a_column_a_label_is_read_whatever_its_words_for_yes_and_no(yes: Any, no: Any) -> None:
    table = {"race": [yes, no, yes], "gender": [no, no, yes]}
    assert present(table, many("race", "gender")) == [[1, 0], [0, 0], [1, 1]]


def test_a_score_is_cut_at_the_label_threshold_and_a_column_may_have_its_own() -> None:
    table = {"race": ["0.5", "0.4", "0"], "gender": ["0.5", "0.9", "75%"]}
    assert present(table, many("race", "gender", value=0.5)) == [[1, 1], [0, 1], [0, 1]]
    assert present(table, many("race", "gender", value=0.5, label_thresholds={"gender": 0.8})) == [
        [1, 0],
        [0, 1],
        [0, 0],
    ]


def test_words_of_annotators_stand_beside_shares() -> None:
    table = {"race": ["0.2", "yes", "no"], "gender": ["1", "0", "yes"]}
    assert present(table, many("race", "gender", value=0.5)) == [[0, 1], [1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("cells", "joined_by"),
    [
        (["race|gender", "", "race"], "|"),
        (['["race", "gender"]', "[]", '["race"]'], None),
        ([["race", "gender"], [], "race"], None),
        (["race; gender", "none", "race"], ";"),
    ],
)
def test_one_column_of_lists_is_read_however_it_is_written(cells: list[Any], joined_by: str | None) -> None:
    sets, names = label_many(pd.DataFrame({"kinds": cells}), many("kinds", joined_by=joined_by))
    assert names == ("gender", "race")
    assert part_labels(sets, 2).tolist() == [[1, 1], [0, 0], [0, 1]]


def test_codes_are_named_by_a_mapping_in_its_order() -> None:
    rule = many("kinds", joined_by="|", names={"R": "race", "G": "gender"})
    sets, names = label_many(pd.DataFrame({"kinds": ["G", "R|G", ""]}), rule)
    assert names == ("race", "gender")
    assert part_labels(sets, 2).tolist() == [[0, 1], [1, 1], [0, 0]]


def test_a_mapping_may_name_some_columns_alone() -> None:
    assert many("a_b", "c", names={"a_b": "a b"}).class_names == ("a b", "c")


def test_an_empty_cell_is_no_answer_beside_an_explicit_no_and_an_absence_without() -> None:
    said = read_many(pd.DataFrame({"race": ["1", "0", ""], "gender": ["x", "", ""]}), many("race", "gender"))[0]
    assert said.isna().to_numpy().tolist() == [[False, False], [False, False], [True, False]]
    lists = read_many(pd.DataFrame({"kinds": ["a|b", "none", ""]}), many("kinds", joined_by="|"))[0]
    assert lists.isna().any(axis=1).tolist() == [False, False, True]


def test_rows_without_an_answer_are_refused_by_row_and_label_or_left_out() -> None:
    table = pd.DataFrame({"race": ["1", "0", ""], "gender": ["1", "0", "1"]})
    with pytest.raises(InputError, match=r"1 row without an answer .* first row 3, label race; labels.unlabelled"):
        label_many(table, many("race", "gender"))
    kept = table.rename(columns=kept_column)
    assert has_label(kept, many("race", "gender", unlabelled="leave_out")).tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("table", "fields", "words"),
    [
        ({"a": ["1", "0.4"], "b": ["1", "0"]}, {}, r"column a .*row 2 holds '0.4'.*neither yes"),
        ({"a": ["1", "high"], "b": ["1", "0"]}, {"value": 0.5}, r"column a .*row 2 holds 'high', which is no score"),
        ({"a": ["x|y", "x"]}, {}, r"'x\|y' seems to be several labels.*labels.joined_by"),
        ({"a": ["x|z", "y"]}, {"joined_by": "|", "names": ["x", "y"]}, r"found label 'z' in row 1"),
        ({"a": ["x", "x"]}, {}, r"found 1 label"),
        ({"a": [{"x": 1}, {"x": 0}], "b": [1, 0]}, {}, r"column a: row 1 holds the object"),
    ],
)
def test_what_is_in_doubt_is_refused_in_one_line(
    table: dict[str, list[Any]], fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words) as refused:
        present(table, many(*table, **fields))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"columns": ()}, "labels.columns"),
        ({"columns": ("a", "a")}, "must differ"),
        ({"columns": ("a",), "value": 0.5}, "one column"),
        ({"columns": ("a", "b"), "joined_by": "|"}, "found 2 columns"),
        ({"columns": ("a", "b"), "label_thresholds": {"c": 1.0}}, "'c' is none of labels.columns"),
        ({"columns": ("a", "b"), "names": ["x", "y", "z"]}, "a name for each of the 2 columns"),
        ({"columns": ("a", "b"), "names": {"c": "x"}}, "'c' is none"),
        ({"columns": ("a", "b"), "names": {"a": "b"}}, "must differ"),
        ({"columns": ("a", "b"), "target": "soft"}, "needs annotators' scores"),
        ({"columns": tuple(map(str, range(51)))}, "takes 50 labels at most"),
    ],
)
def test_fields_that_do_not_go_with_several_labels_are_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        LabelsConfig(rule="many", **fields)


@pytest.mark.parametrize("field", [{"joined_by": "|"}, {"label_thresholds": {"a": 0.5}}])
def test_fields_of_several_labels_belong_to_rule_many(field: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"belongs to labels.rule many"):
        LabelsConfig(rule="given", columns=("a",), **field)
