"""The shipped suite against hostile examples, evaluated by Great Expectations itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from agile_classifier.data.expectations.run import Failure, Suite, ValidationReport, evaluate_expectations, read_suite
from agile_classifier.errors import InputError

ROOT = Path(__file__).parents[3]
SUITES = sorted((ROOT / "configs" / "expectations").rglob("*.yaml"))
PARAMETERS = {"min_rows": 40, "min_class_rows": 10, "score_min": 0.0, "score_max": 1.0, "max_words": 12}
N_EXAMPLES = 60


@pytest.fixture(scope="module")
def suite() -> Suite:
    return read_suite(ROOT / "configs" / "expectations" / "examples.yaml")


def clean_examples() -> pd.DataFrame:
    number = np.arange(1, N_EXAMPLES + 1)
    return pd.DataFrame(
        {
            "id": [f"c{each}" for each in number],
            "text": [f"Comment number {each} says naïve things, café style." for each in number],
            "score": number / N_EXAMPLES,
            "group": "forum",
        }
    )


def provisional_label(examples: pd.DataFrame) -> pd.Series:
    """1 where the score is at or above the median, as the label rule `median` has it."""
    score = pd.to_numeric(examples["score"], errors="coerce")
    return (score >= score.median()).astype("int64")


def evaluate(examples: pd.DataFrame, *, suite: Suite) -> ValidationReport:
    label = provisional_label(examples) if "score" in examples else pd.Series(np.arange(len(examples)) % 2)
    return evaluate_expectations(examples, suite=suite, parameters=PARAMETERS, provisional_label=label)


def with_values(column: str, **values: object) -> pd.DataFrame:
    """Clean examples in which the named ones hold another value."""
    examples = clean_examples()
    examples[column] = examples[column].astype("object")
    for name, value in values.items():
        examples.loc[examples["id"] == name, column] = value
    return examples


def with_column(column: str, values: object) -> pd.DataFrame:
    return clean_examples().assign(**{column: values})


def with_two_text_columns() -> pd.DataFrame:
    examples = clean_examples()
    examples.columns = pd.Index(["id", "text", "score", "text"])
    return examples


def types(failures: tuple[Failure, ...]) -> set[tuple[str, str | None]]:
    return {(failure.expectation, failure.column) for failure in failures}


EXIST = "expect_column_to_exist"
ROWS = "expect_table_row_count_to_be_between"
NOT_NULL = "expect_column_values_to_not_be_null"
OF_TYPE = "expect_column_values_to_be_of_type"
VISIBLE = "expect_column_values_to_hold_visible_text"
BETWEEN = "expect_column_values_to_be_between"
CLASSES = "expect_column_smallest_class_to_hold_rows"

CRITICAL: dict[str, tuple[Callable[[], pd.DataFrame], str, str | None]] = {
    "no id column": (lambda: clean_examples().drop(columns="id"), EXIST, "id"),
    "no text column": (lambda: clean_examples().drop(columns="text"), EXIST, "text"),
    "no score column": (lambda: clean_examples().drop(columns="score"), EXIST, "score"),
    "two columns of one name": (with_two_text_columns, "expect_column_names_to_be_unique", None),
    "no rows": (lambda: clean_examples().iloc[:0], ROWS, None),
    "too few rows": (lambda: clean_examples().iloc[10:49], ROWS, None),
    "a null id": (lambda: with_values("id", c3=None), NOT_NULL, "id"),
    "two equal ids": (lambda: with_values("id", c3="c4"), "expect_column_values_to_be_unique", "id"),
    "a null text": (lambda: with_values("text", c3=None), NOT_NULL, "text"),
    "only null texts": (lambda: with_column("text", None), NOT_NULL, "text"),
    "an empty text": (lambda: with_values("text", c3=""), VISIBLE, "text"),
    "a text of spaces": (lambda: with_values("text", c3=" \t\n"), VISIBLE, "text"),
    "a zero-width text": (lambda: with_values("text", c3="\u200b\ufeff"), VISIBLE, "text"),
    "only zero-width texts": (lambda: with_column("text", "\u200b"), VISIBLE, "text"),
    "a number among texts": (lambda: with_values("text", c3=12345), OF_TYPE, "text"),
    "only numbers as texts": (lambda: with_column("text", range(N_EXAMPLES)), OF_TYPE, "text"),
    "a missing score": (lambda: with_values("score", c3=np.nan), NOT_NULL, "score"),
    "only missing scores": (lambda: with_column("score", np.nan), NOT_NULL, "score"),
    "an infinite score": (lambda: with_values("score", c3=np.inf), BETWEEN, "score"),
    "a minus infinite score": (lambda: with_values("score", c3=-np.inf), BETWEEN, "score"),
    "scores of another scale": (lambda: with_column("score", np.linspace(0, 100, N_EXAMPLES)), BETWEEN, "score"),
    "scores as text": (lambda: with_column("score", ["0.1", "0.9"] * 30), BETWEEN, "score"),
    "all scores equal": (lambda: with_column("score", 0.5), CLASSES, "provisional_label"),
    "a class of nine": (lambda: with_column("score", [0.0] * 9 + [1.0] * 51), CLASSES, "provisional_label"),
}

UNIQUE = "expect_column_values_to_be_unique_after_normalisation"
ONE_LABEL = "expect_column_pair_texts_to_hold_one_label"
CONTROL = "expect_column_values_to_hold_no_control_characters"
MOJIBAKE = "expect_column_values_to_hold_no_mojibake"
WORDS = "expect_column_values_to_hold_at_most_words"

WARNINGS: dict[str, tuple[Callable[[], pd.DataFrame], str, int]] = {
    "the same text twice": (lambda: with_values("text", c3="Good day", c4="Good day"), UNIQUE, 2),
    "the same text up to case and spaces": (lambda: with_values("text", c3="Good day", c4=" good  DAY"), UNIQUE, 2),
    "the same text up to zero width": (lambda: with_values("text", c3="Good day", c4="Good\u200b day"), UNIQUE, 2),
    "one text with a low and a high score": (lambda: with_values("text", c3="Day", c58="day "), ONE_LABEL, 2),
    "a control character": (lambda: with_values("text", c3="null\x00byte"), CONTROL, 1),
    "UTF-8 read as Windows-1252": (lambda: with_values("text", c3="I donâ€™t like the cafÃ©"), MOJIBAKE, 1),
    "thirteen words where twelve fit": (lambda: with_values("text", c3="word " * 13, c4="other " * 12), WORDS, 1),
}


def test_suites_are_found_and_every_listed_expectation_is_loaded() -> None:
    assert SUITES
    for path in SUITES:
        listed = yaml.safe_load(path.read_text(encoding="utf-8"))["expectations"]
        assert len(read_suite(path).entries) == len(listed) > 0


def test_the_shipped_suite_takes_only_parameters_that_a_run_gives(suite: Suite) -> None:
    assert suite.parameters == set(PARAMETERS)


def test_clean_examples_fail_nothing_and_are_not_changed(suite: Suite) -> None:
    examples = clean_examples()
    report = evaluate(examples, suite=suite)
    assert (report.critical, report.warnings) == ((), ())
    assert report.n_expectations == len(suite.entries)
    pd.testing.assert_frame_equal(examples, clean_examples())


@pytest.mark.parametrize("case", CRITICAL)
def test_what_cannot_be_learnt_from_is_refused(case: str, suite: Suite) -> None:
    build, expectation, column = CRITICAL[case]
    report = evaluate(build(), suite=suite)
    assert (expectation, column) in types(report.critical)


@pytest.mark.parametrize("case", WARNINGS)
def test_what_is_only_odd_is_told_and_does_not_refuse(case: str, suite: Suite) -> None:
    build, expectation, n_failed = WARNINGS[case]
    report = evaluate(build(), suite=suite)
    assert report.critical == ()
    [failure] = [each for each in report.warnings if each.expectation == expectation]
    assert failure.n_failed == n_failed


def test_a_number_where_text_is_expected_does_not_stop_the_other_expectations(suite: Suite) -> None:
    report = evaluate(with_values("text", c3=12345, c5="\x07", c7="  "), suite=suite)
    assert {OF_TYPE, VISIBLE} == {each.expectation for each in report.critical}
    assert {CONTROL} == {each.expectation for each in report.warnings}


def test_an_expectation_that_cannot_be_evaluated_fails_with_its_own_severity(suite: Suite) -> None:
    report = evaluate(clean_examples().drop(columns="text"), suite=suite)
    assert (VISIBLE, "text") in types(report.critical)
    assert (MOJIBAKE, "text") in types(report.warnings)
    assert any("could not be evaluated" in failure.sentence for failure in report.critical)


def test_a_failure_names_the_failing_examples_and_what_they_hold(suite: Suite) -> None:
    report = evaluate(with_values("text", c3="\u200b", c5=" "), suite=suite)
    [failure] = report.critical
    assert failure.rows == (("c3", r"'\u200b'"), ("c5", "' '"))
    assert failure.n_failed == 2
    assert failure.sentence.endswith(r"2 of 60 examples fail: c3 ('\u200b'), c5 (' ')")
    assert failure.reason in failure.sentence


def test_a_failure_shows_twenty_rows_counts_all_and_shortens_long_values(suite: Suite) -> None:
    report = evaluate(with_column("text", [f"{number}\n" + "long " * 30 for number in range(N_EXAMPLES)]), suite=suite)
    [failure] = report.warnings
    assert (len(failure.rows), failure.n_failed) == (20, 60)
    assert all(len(value) < 80 for _, value in failure.rows)
    assert failure.sentence.endswith("and 57 more")
    assert "\n" not in failure.sentence


def test_an_example_without_id_is_named_by_its_row_counted_from_one(suite: Suite) -> None:
    report = evaluate(with_values("id", c3=None), suite=suite)
    assert [failure.rows for failure in report.critical] == [(("row 3", "null"),)]


def test_a_sentence_holds_the_limits_of_the_run(suite: Suite) -> None:
    report = evaluate(clean_examples().iloc[10:49], suite=suite)
    [failure] = [each for each in report.critical if each.column is None]
    assert failure.sentence.endswith("(min_rows 40): found 39")


def test_examples_without_scores_pass_when_the_score_is_left_out(suite: Suite) -> None:
    examples = clean_examples().drop(columns="score")
    report = evaluate(examples, suite=suite.without("score"))
    assert report.critical == ()
    assert 0 < report.n_expectations < len(suite.entries)


def test_a_given_label_of_one_class_is_refused_without_scores(suite: Suite) -> None:
    examples = clean_examples().drop(columns="score")
    label = pd.Series(1, index=examples.index)
    report = evaluate_expectations(
        examples, suite=suite.without("score"), parameters=PARAMETERS, provisional_label=label
    )
    assert types(report.critical) == {(CLASSES, "provisional_label")}


def test_missing_labels_are_refused_unless_left_out(suite: Suite) -> None:
    examples = clean_examples()
    refused = evaluate_expectations(examples, suite=suite, parameters=PARAMETERS, provisional_label=None)
    assert (EXIST, "provisional_label") in types(refused.critical)
    accepted = evaluate_expectations(
        examples, suite=suite.without("label"), parameters=PARAMETERS, provisional_label=None
    )
    assert accepted.critical == ()


def test_labels_are_matched_by_position_whatever_the_index(suite: Suite) -> None:
    examples = clean_examples()
    label = provisional_label(examples)
    shuffled = examples.set_index(pd.Index(np.arange(N_EXAMPLES)[::-1]))
    report = evaluate_expectations(shuffled, suite=suite, parameters=PARAMETERS, provisional_label=label)
    assert report.critical == ()
    with pytest.raises(ValueError, match=r"[Ll]ength"):
        evaluate_expectations(examples, suite=suite, parameters=PARAMETERS, provisional_label=label.iloc[1:])


def test_a_parameter_that_the_run_does_not_give_is_an_error(suite: Suite) -> None:
    with pytest.raises(InputError, match="unknown parameter min_rows; a run gives max_words"):
        evaluate_expectations(
            clean_examples(),
            suite=suite,
            parameters={"max_words": 3, "score_min": 0, "score_max": 1, "min_class_rows": 1},
            provisional_label=None,
        )


def test_a_fresh_process_says_nothing_and_opens_no_connection() -> None:
    program = """
import logging, socket
logging.basicConfig(level=logging.INFO)
def refuse(*_): raise AssertionError("a connection was opened")
socket.socket.connect = refuse
import numpy as np, pandas as pd
from pathlib import Path
from agile_classifier.data.expectations.run import evaluate_expectations, read_suite
suite = read_suite(Path("configs/expectations/examples.yaml"))
examples = pd.DataFrame({"id": ["1", "2"], "text": ["a", None], "score": [0.0, 1.0]})
parameters = dict(min_rows=50, min_class_rows=1, score_min=0, score_max=1, max_words=9)
assert evaluate_expectations(examples, suite=suite, parameters=parameters, provisional_label=pd.Series([0, 1])).critical
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
