"""Suite files that Great Expectations would accept in silence, dropping entries, are refused here."""

from __future__ import annotations

from pathlib import Path

import pytest

from agile_classifier.data.expectations.run import read_suite
from agile_classifier.errors import InputError

ID = "{type: expect_column_to_exist, kwargs: {column: id}, severity: critical, reason: why}"
PARAMETER = (
    "{type: expect_table_row_count_to_be_between, kwargs: {min_value: {%s: n}}, severity: critical, reason: why}"
)


def listed(*entries: str) -> str:
    return f"expectations: [{', '.join(entries)}]"


BROKEN: dict[str, tuple[str, str]] = {
    "unknown type": (listed(ID, ID.replace("column_to", "colum_to")), "expectation 2: type: .*expect_colum_to_exist"),
    "typo in an argument": (listed(ID.replace("column:", "colunm:")), "expectation 1 .*: col.*: "),
    "extra argument": (listed(ID.replace("column: id", "column: id, colour: 1")), "expectation 1 .*: colour: "),
    "missing argument": (listed(ID.replace("kwargs: {column: id}, ", "")), "expectation 1 .*: column: "),
    "typo in $PARAMETER": (listed(PARAMETER % "$PARAMTER"), r"expectation 1 .*min_value.*\$PARAMETER: name"),
    "bad severity": (
        listed(ID, ID.replace("critical", "fatal")),
        "expectation 2: severity: .*critical.*warning.*fatal",
    ),
    "no severity": (listed(ID.replace("severity: critical, ", "")), "expectation 1: severity: "),
    "no reason": (listed(ID.replace(", reason: why", "")), "expectation 1: reason: "),
    "a reason of two lines": (listed(ID.replace("why", r'"why\nwhy"')), "expectation 1: reason: "),
    "unknown field": (
        listed(ID.replace("reason", "need: score, reason")),
        "expectation 1: need: unknown field; allowed here: .*needs",
    ),
    "unknown need": (listed(ID.replace("reason", "needs: scores, reason")), "expectation 1: needs: .*'scores'"),
    "not an entry": (listed("expect_column_to_exist"), "expectation 1: .*dictionary.*; found 'expect_column_to_exist'"),
    "empty list": (listed(), "is empty"),
    "no list": ("expectations:", "found no list"),
    "another key": (f"expectation: [{ID}]", "found no list"),
    "not YAML": ("expectations: [", "not a YAML file"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_suite_is_refused_in_one_line_that_names_file_and_entry(case: str, tmp_path: Path) -> None:
    text, message = BROKEN[case]
    path = tmp_path / "suite.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        read_suite(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_suite_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such suite file"):
        read_suite(tmp_path / "none.yaml")


def test_a_sound_suite_keeps_its_order_and_knows_its_parameters(tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(listed(ID, PARAMETER % "$PARAMETER", ID.replace("critical", "warning")), encoding="utf-8")
    suite = read_suite(path)
    assert [entry.severity for entry in suite.entries] == ["critical", "critical", "warning"]
    assert suite.parameters == {"n"}
