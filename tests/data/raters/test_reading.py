"""Answers of raters: a column for each or a row for each answer, what counts as one, and what is refused in one line."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.config.addresses.columns import Columns
from agile_classifier.data.raters.answers import make_answers, read_ratings, write_ratings
from agile_classifier.data.raters.reading import read_columns
from agile_classifier.data.raters.scoring import score_answers
from agile_classifier.data.score_cells import ScoreReading
from agile_classifier.data.tables import read_kept, to_examples
from agile_classifier.errors import InputError

RATED: list[tuple[dict[str, list[Any]], dict[str, Any], list[float]]] = [
    ({"a": ["0", "1"], "b": ["1", "1"], "c": ["0", "1"]}, {}, [1 / 3, 1]),
    ({"a": [1, 5], "b": [2, 4]}, {}, [1.5, 4.5]),
    ({"a": ["yes", "no"], "b": ["no", "no"]}, {}, [0.5, 0]),
    ({"a": [True, False], "b": [True, True]}, {}, [1, 0.5]),
    ({"a": ["toxic", "ok"], "b": ["ok", "ok"]}, {"absent": ("ok",)}, [0.5, 0]),
    ({"a": ["toxic", "none"], "b": ["toxic", "toxic"]}, {}, [1, 0.5]),
    ({"a": ["3", ""], "b": ["", "4"]}, {}, [3, 4]),
    ({"a": ["3", "99"], "b": ["-1", "4"]}, {"not_rated": (99.0, -1.0)}, [3, 4]),
    ({"a": ["", None, 1], "b": ["skipped", "2", 1]}, {"not_rated": ("skipped",)}, [math.nan, 2, 1]),
    ({"a": ["0,5", "1"], "b": ["1,5", "2,0"]}, {"decimal": ","}, [1, 1.5]),
    ({"a": [["1"], [0]], "b": ["1", "1"]}, {}, [1, 0.5]),
]


@pytest.mark.parametrize(("raters", "fields", "scores"), RATED, ids=str)
def test_raters_make_the_mean_of_their_numbers_or_the_share_that_says_yes(
    raters: dict[str, list[Any]], fields: dict[str, Any], scores: list[float]
) -> None:
    columns = pd.DataFrame({name: pd.Series(cells, dtype="object") for name, cells in raters.items()})
    np.testing.assert_allclose(score_answers(read_columns(columns, ScoreReading(**fields)), "mean"), scores)


def test_raters_whose_words_could_mean_either_are_refused() -> None:
    columns = pd.DataFrame({"ann1": ["toxic", "ok"], "ann2": ["ok", "ok"]})
    with pytest.raises(
        InputError, match=r"^column ann1 \(data\.columns\.raters\): row 1 holds 'toxic', as 1 row: it is"
    ):
        read_columns(columns, ScoreReading())


def folded(table: dict[str, list[Any]], reading: ScoreReading = ScoreReading(), **columns: Any) -> pd.DataFrame:
    roles = Columns(**{"text": "text", "score": "answer", "rater": "who", **columns})
    return to_examples(
        pd.DataFrame(table), roles, path_name="votes.csv", keep=("topic",) if "topic" in table else (), reading=reading
    )


VOTES: dict[str, list[Any]] = {
    "text": ["good", "bad", "good", "bad", "odd"],
    "answer": ["no", "yes", "no", "no", ""],
    "who": ["ann", "ann", "bob", "cyd", "ann"],
}


def test_the_rows_of_one_text_become_one_example_in_the_order_in_which_texts_are_met() -> None:
    examples = folded({**VOTES, "topic": ["a", "b", "a", "b", "c"]})
    assert examples["text"].tolist() == ["good", "bad", "odd"]
    assert examples["id"].tolist() == ["1", "2", "5"]
    assert read_kept(examples, "topic").tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(examples["score"], [0, 0.5, math.nan])
    assert examples["ratings"].tolist() == ['["ann", 0.0, "bob", 0.0]', '["ann", 1.0, "cyd", 0.0]', "[]"]


def test_an_id_keeps_equal_texts_apart_and_holds_one_text_together() -> None:
    table = {"text": ["hm", "hm", "hm"], "answer": [1, 0, 1], "who": ["ann", "ann", "bob"], "key": [7, 8, 7.0]}
    examples = folded(table, id="key")
    assert (examples["id"].tolist(), examples["score"].tolist()) == (["7", "8"], [1, 0])


@given(data=st.data())
def test_neither_the_order_of_rows_nor_the_layout_changes_a_score(data: st.DataObject) -> None:
    n_texts = data.draw(st.integers(1, 5))
    cell = st.sampled_from([None, 0.1, 0.2, 0.3, 0.7])
    wide = pd.DataFrame(
        {name: data.draw(st.lists(cell, min_size=n_texts, max_size=n_texts)) for name in "abcd"}, dtype="object"
    )
    wide.iloc[0] = [0.1, 0.2, 0.3, 0.7]
    rows = wide.assign(text=[f"text {row}" for row in range(n_texts)]).melt("text", var_name="who", value_name="answer")
    shuffled = rows.sample(frac=1, random_state=data.draw(st.integers(0, 99)))
    scores = folded(shuffled.to_dict("list")).set_index("text")["score"].sort_index().tolist()
    for order in ("abcd", "dbca"):
        expected = score_answers(read_columns(wide[list(order)], ScoreReading()), "mean")
        np.testing.assert_array_equal(expected, scores)


def test_a_cell_that_lists_answers_holds_those_of_raters_without_names() -> None:
    frame = pd.DataFrame({"text": ["a", "b"], "votes": ["[1, 0, 0]", "[1]"]})
    examples = to_examples(frame, Columns(raters=("votes",)), path_name="x")
    np.testing.assert_allclose(examples["score"], [1 / 3, 1])
    assert examples["ratings"][0] == "[null, 1.0, null, 0.0, null, 0.0]"


def test_lists_of_raters_stand_beside_lists_of_their_answers() -> None:
    examples = folded({"text": ["a", "b"], "answer": [[1, 0], [1, 1]], "who": [["ann", "bob"], ["bob", "cyd"]]})
    assert examples["ratings"].tolist() == ['["ann", 1.0, "bob", 0.0]', '["bob", 1.0, "cyd", 1.0]']


def test_a_scale_that_is_turned_round_turns_the_answers_too() -> None:
    examples = folded({**VOTES, "answer": [1, 5, 2, 4, ""]}, ScoreReading(reverse_coded=(1, 5)))
    np.testing.assert_array_equal(examples["score"], [4.5, 1.5, math.nan])
    assert examples["ratings"][0] == '["ann", 5.0, "bob", 4.0]'


def test_the_same_answer_twice_counts_once_and_the_last_of_two_counts_where_the_config_says_so() -> None:
    same = {"text": ["a"] * 3, "answer": [1, 1, 0], "who": ["ann", "ann", "bob"]}
    assert folded(same)["ratings"].tolist() == ['["ann", 1.0, "bob", 0.0]']
    changed = {"text": ["a"] * 3, "answer": [1, 0, 0], "who": ["ann", "bob", "ann"]}
    assert folded(changed, ScoreReading(repeated="last"))["score"].tolist() == [0]


REFUSED: list[tuple[dict[str, list[Any]], dict[str, Any], str]] = [
    ({"who": [""] * 5}, {}, r"column who \(data\.columns\.rater\) is empty: it names who gave each answer"),
    ({"who": ["ann", "", "bob", "cyd", "ann"]}, {}, r"column who \(data\.columns\.rater\): row 2 names nobody, as 1 row: "),
    (
        {"who": ["ann", "bob", "ann", "bob", "ann"], "answer": [1, 1, 0, 1, 1]}, {},
        r"column who \(data\.columns\.rater\): ann answered 1 in row 1 and 0 in row 3, of one text, as 1 text with such"
        r" answers: labels\.repeated: last takes the later answer; data\.columns\.id keeps texts apart",
    ),
    ({"answer": ["no", "maybe", "no", "no", ""]}, {}, r"column answer \(data\.columns\.score\): row 2 holds 'maybe'"),
    ({"answer": [[1, 0], 1, 0, 1, 1]}, {}, r"column who .*: row 1 lists 1 rater and 2 answers: each answer needs one rater"),
    ({"answer": ["inf", 1, 0, 1, 1]}, {}, r"column answer \(data\.columns\.score\): row 1 holds 'inf', as 1 row: an answer is a finite"),
    ({"key": [1, 1, 2, 2, 3]}, {"id": "key"}, r"column text says 'good' in row 1 and 'bad' in row 2, which have one key and so are"),
    ({"key": [1, None, 1, 2, 3]}, {"id": "key"}, r"column key \(data\.columns\.id\): row 2 has no id, as 1 row: it says which"),
    ({"thread": list("xyxzy")}, {"group": "thread"}, r"column thread says 'y' in row 2 and 'z' in row 4, which have one text"),
    ({"topic": list("xyzyy")}, {}, r"column topic says 'x' in row 1 and 'z' in row 3, which have one text"),
    ({}, {"rater": "worker"}, r"no column 'worker' \(data\.columns\.rater\); there are 'text'"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "columns", "line"), REFUSED, ids=[line[:40] for _, _, line in REFUSED])
def test_what_cannot_be_folded_is_refused_in_one_line(
    changed: dict[str, list[Any]], columns: dict[str, Any], line: str
) -> None:
    with pytest.raises(InputError, match=rf"^votes\.csv: {line}") as refused:
        folded({**VOTES, **changed}, **columns)
    assert len(str(refused.value).splitlines()) == 1


def test_an_empty_column_of_a_rater_is_refused() -> None:
    frame = pd.DataFrame({"text": ["a", "b"], "ann": [1, 0], "bob": ["", None]})
    with pytest.raises(
        InputError, match=r"^x: column bob \(data\.columns\.raters\) is empty: it holds no answer in 2 rows"
    ):
        to_examples(frame, Columns(raters=("ann", "bob")), path_name="x")


@given(
    said=st.lists(
        st.tuples(st.integers(0, 3), st.none() | st.text(max_size=4), st.floats(-1e6, 1e6, allow_subnormal=False))
    )
)
def test_answers_outlive_the_column_that_carries_them(said: list[tuple[int, str | None, float]]) -> None:
    text, names, value = zip(*said, strict=True) if said else ((), (), ())
    answers = make_answers(np.array(text, dtype="int64"), list(names), np.array(value, dtype="float64"), n_texts=4)
    read = read_ratings(pd.DataFrame({"ratings": write_ratings(answers)}))
    assert read is not None
    assert (read.n_texts, read.raters) == (answers.n_texts, answers.raters)
    for field in ("text", "rater", "value"):
        np.testing.assert_array_equal(getattr(read, field), getattr(answers, field))


def test_hatecheck_is_the_same_in_columns_and_in_rows(hatecheck_annotations_file: Path) -> None:
    frame = pd.read_csv(hatecheck_annotations_file, dtype="str")
    names = tuple(f"label_{number}" for number in range(1, 11))
    reading = ScoreReading(absent=("non-hateful",))
    wide = to_examples(frame, Columns(text="test_case", id="case_id", raters=names), path_name="x", reading=reading)
    rows = frame.melt(["case_id", "test_case"], names, var_name="who", value_name="said").dropna()
    long = Columns(text="test_case", id="case_id", score="said", rater="who")
    found = to_examples(rows.sample(frac=1, random_state=0), long, path_name="x", reading=reading)
    found = found.set_index("id").loc[wide["id"]].reset_index()
    assert (found["score"] == wide["score"]).all()
    np.testing.assert_array_equal(wide["score"], frame["count_label_h"].astype(float) / 5)
