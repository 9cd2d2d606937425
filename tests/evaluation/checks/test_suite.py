"""Suites of functional tests: what their texts are, and the one line about each mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from agile_classifier.errors import InputError
from agile_classifier.evaluation.checks.cases import SuiteCases, list_cases
from agile_classifier.evaluation.checks.suite import read_suite
from agile_classifier.ops import project

TEST = {"name": "praise", "texts": ["I love it"], "expected": "Positive"}


def read(folder: Path, suite: Any) -> SuiteCases:
    file = folder / "suite.yaml"
    file.write_text(suite if isinstance(suite, str) else yaml.safe_dump(suite, sort_keys=False), encoding="utf-8")
    return list_cases(read_suite(file))


def test_templates_stand_for_every_combination_of_their_terms(tmp_path: Path) -> None:
    suite = {
        "terms": {"thing": ["film", "song"]},
        "tests": [
            {
                "name": "praise",
                "texts": "I love it",
                "template": ["a {mood} {thing}", "{thing}, {{{thing}}}"],
                "terms": {"mood": ["good", "great"]},
                "expected": "Positive",
            }
        ],
    }
    found = read(tmp_path, suite)
    assert [case.text for case in found.cases] == [
        "I love it", "a good film", "a good song", "a great film", "a great song", "film, {film}", "song, {song}"
    ]  # fmt: skip
    assert found.suite.name == "suite"


def test_a_test_has_its_own_least_rate_or_that_of_the_suite(tmp_path: Path) -> None:
    tests = [TEST, {**TEST, "name": "strict", "least": 1.0}]
    found = read(tmp_path, {"name": "Mood", "least": 0.5, "tests": tests})
    assert [found.least(name) for name in ("praise", "strict")] == [0.5, 1.0]
    assert read(tmp_path, {"tests": tests}).least("praise") is None


def test_expected_classes_are_names_places_or_words_that_the_suite_maps(tmp_path: Path) -> None:
    tests = [{**TEST, "name": str(number), "expected": word} for number, word in enumerate(["Positive", 0, "good"])]
    found = read(tmp_path, {"classes": {"good": 1}, "tests": tests})
    assert found.expected(("Negative", "Positive")) == [1, 0, 1]
    with pytest.raises(InputError) as refused:
        found.expected(("Negative", "Positve"))
    assert str(refused.value).startswith(
        "test 0: expected class 'Positive' is none of the version's: Negative, Positve"
    )
    assert "did you mean Positve?" in str(refused.value)
    with pytest.raises(InputError, match="expected class 7 is none of the version's"):
        read(tmp_path, {"tests": [{**TEST, "expected": 7}]}).expected(("Negative", "Positive"))


@pytest.mark.parametrize(
    ("suite", "said"),
    [
        (
            {"tests": [TEST, {**TEST, "name": "b", "expectd": "x"}]},
            "test 2 (b): expectd: unknown field; allowed here: expected",
        ),
        (
            {"tests": [TEST], "tset": 1},
            "tset: unknown field; allowed here: about, cases, classes, least, name, terms, tests",
        ),
        ({"name": "empty"}, "holds no test"),
        ({"tests": []}, "holds no test"),
        ({"tests": [{**TEST, "texts": []}]}, "test 1 (praise): holds no text"),
        ({"tests": [TEST, TEST]}, "test 2 (praise): the name stands twice, as that of test 1"),
        ({"tests": [{**TEST, "template": "I {verb} it"}]}, "unknown placeholder {verb}; terms are: none"),
        (
            {"terms": {"thing": ["a"]}, "tests": [{**TEST, "template": "{thin}"}]},
            "unknown placeholder {thin}; terms are: thing; did you mean thing?",
        ),
        ({"tests": [{**TEST, "template": "no word"}]}, "template 'no word' has no placeholder"),
        ({"tests": [{**TEST, "template": "half {open"}]}, "a placeholder is {word}, and another brace is doubled"),
        ({"tests": [{**TEST, "template": "{0}"}]}, "{0} is no placeholder"),
        ({"tests": [{**TEST, "template": "{a!r}", "terms": {"a": ["b"]}}]}, "{a} is no placeholder"),
        ({"tests": [{**TEST, "template": "{a.b}", "terms": {"a": ["b"]}}]}, "{a.b} is no placeholder"),
        ({"terms": {"thing": ["a"]}, "tests": [TEST]}, "terms.thing: no template has the placeholder {thing}"),
        ({"tests": [{**TEST, "least": 1.5}]}, "test 1 (praise): least: Input should be less than or equal to 1"),
        ({"tests": [{"name": "x", "texts": ["a"]}]}, "test 1 (x): expected: Field required"),
        ({"tests": [{**TEST, "expected": True}]}, "test 1 (praise): expected: YAML reads this as the boolean True"),
        ({"tests": "praise"}, "tests: Input should be a valid tuple"),
        ("- praise\n", "a suite has the keys name, about, classes"),
        ("", "found nothing"),
        ("tests: [", "not a YAML file"),
        ({"cases": {}}, "cases.source: the file of cases is missing"),
        ({"cases": {"source": "absent.csv"}}, "absent.csv"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line_that_names_the_file(tmp_path: Path, suite: Any, said: str) -> None:
    with pytest.raises(InputError) as refused:
        read(tmp_path, suite)
    assert said in str(refused.value)
    assert str(tmp_path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_blank_text_is_refused_with_its_test_and_number(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"suite suite: test praise, text 2: the text is ' '"):
        read(tmp_path, {"tests": [{**TEST, "texts": ["fine", " "]}]})


def test_a_csv_of_cases_is_a_suite_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text("functionality,text,label\nslurs,you x,Rude\nslurs,a y,Rude\npraise,nice,Fine\n", encoding="utf-8")
    found = list_cases(read_suite(file))
    assert [(case.test, case.text) for case in found.cases] == [
        ("slurs", "you x"),
        ("slurs", "a y"),
        ("praise", "nice"),
    ]
    assert found.expected(("Fine", "Rude")) == [1, 1, 0]


def test_rows_of_cases_that_cannot_be_used_are_refused_with_their_line(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text("functionality,text,gold\na,b,c\n", encoding="utf-8")
    with pytest.raises(
        InputError, match=r"own\.csv: no column 'label' \(cases\.columns\.expected\); there are 'functionality'"
    ):
        list_cases(read_suite(file))
    file.write_text("functionality,text,label\na,b,c\n,b,c\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"own\.csv: row 2 \(line 3\): the name of its test or its class is missing"):
        list_cases(read_suite(file))


def test_rates_of_cases_must_name_a_test_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("functionality,text,label\nslurs,you x,Rude\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"cases\.least\.slur: no such test; did you mean slurs\?"):
        read(tmp_path, {"cases": {"source": "own.csv", "least": {"slur": 0.5}}})
    assert read(tmp_path, {"cases": {"source": "own.csv", "least": {"slurs": 0.5}}}).least("slurs") == 0.5
    with pytest.raises(InputError, match=r"row 1 .*test 'slurs' stands under tests already"):
        read(tmp_path, {"tests": [{**TEST, "name": "slurs"}], "cases": {"source": "own.csv"}})


def test_a_suite_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.yaml: no such suite of functional tests"):
        read_suite(tmp_path / "absent.yaml")


def test_hatecheck_has_29_tests_of_two_classes(hatecheck_file: Path) -> None:
    found = list_cases(read_suite(project.configs() / "checks" / "hatecheck.yaml"))
    assert (len(found.cases), len({case.test for case in found.cases})) == (3728, 29)
    assert sum(found.expected(("Not hateful", "Hateful"))) == 2563
    assert found.least("slur_h") == 0.5


def test_every_shipped_suite_reads(hatecheck_file: Path) -> None:
    for file in sorted((project.configs() / "checks").iterdir()):
        assert list_cases(read_suite(file)).cases
