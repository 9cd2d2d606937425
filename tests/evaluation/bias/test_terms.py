"""Terms: what finds a group in a text, in any script, and what is wrong with a list."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.errors import InputError
from agile_classifier.evaluation.bias.terms import ENGLISH, SHIPPED, Terms, read_terms


def named(text: str, *terms: str, plurals: str = "none") -> bool:
    return Terms(plurals=plurals, groups={"group": terms}).find([text])["group"] == [True]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Women deserve better", ("women",)),
        ("the WOMEN's march", ("women",)),
        ("#women", ("women",)),
        ("an African-American voice", ("african american",)),
        ("an african   american", ("african-american",)),
        ("African‑American (U+2011)", ("african american",)),
        ("people with down’s syndrome", ("down's syndrome",)),
        ("w\u200bomen", ("women",)),
        ("ＷＯＭＥＮ in full width", ("women",)),
        ("Les élèves CAFÉ", ("cafe\u0301",)),
        ("Die STRASSE", ("straße",)),
        ("die Musliminnen sagen", ("muslim*",)),
        ("여성은 말한다", ("여성*",)),
        ("这些女性很好", ("女性",)),
        ("ผู้หญิงไทย", ("ผู้หญิง",)),
        ("ЖЕНЩИНЫ говорят", ("женщины",)),
        ("المسلمون هنا", ("المسلمون",)),
    ],
)
def test_a_term_is_found_whatever_its_case_width_hyphen_or_script(text: str, terms: tuple[str, ...]) -> None:
    assert named(text, *terms)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Manhattan", ("man",)),
        ("humane", ("human",)),
        ("muslims", ("muslim",)),  # without plurals
        ("women1", ("women",)),
        ("हिन्दी", ("हिन्द",)),  # a vowel sign goes on with the word
        ("africa n american", ("african american",)),
        ("the old man", ("old woman",)),
        ("", ("women",)),
    ],
)
def test_a_part_of_a_word_is_no_term(text: str, terms: tuple[str, ...]) -> None:
    assert not named(text, *terms)


@pytest.mark.parametrize("text", ["Jews", "two ladies", "the churches", "Muslims!", "boys", "asylum seekers"])
def test_simple_english_plurals_are_found_where_they_are_asked_for(text: str) -> None:
    terms = ("jew", "lady", "church", "muslim", "boy", "asylum seeker")
    assert named(text, *terms, plurals="english")
    assert not named(text, *terms)


def test_the_longest_and_the_shortest_of_two_terms_are_both_found() -> None:
    assert named("gay men are here", "gay", "gay men")
    assert named("gay menu", "gay", "gay men")


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_may_stand_around_a_term(before: str, after: str) -> None:
    assert named(f"{before} women {after}", "women")


def test_the_shipped_list_reads_and_finds_its_own_terms() -> None:
    terms = read_terms(SHIPPED[ENGLISH])
    for group, listed in terms.groups.items():
        assert all(terms.find(listed)[group]), group
    assert not any(told[0] for told in terms.find(["what a lovely day by the sea"]).values())


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("groups: {women: [woman]}\nplural: english\n", "plural: unknown field; allowed here: groups, plurals"),
        ("groups: {women: []}\n", "groups.women: Tuple should have at least 1 item"),
        ("groups: {}\n", "groups: Dictionary should have at least 1 item"),
        ("plurals: german\ngroups: {women: [a]}\n", "plurals: Input should be 'none' or 'english'"),
        ("- woman\n", "a list of terms has the keys plurals and groups; found list"),
        ("groups: {women: ['...']}\n", "groups.women: found the term '...'; needed is a word"),
        ("groups: {women: ['wo*men']}\n", "groups.women: found the term 'wo*men'"),
        ("groups: {black: [african-american, African American]}\n", "'African American' stands twice"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_in_one_line(tmp_path: Path, written: str, said: str) -> None:
    file = tmp_path / "terms.yaml"
    file.write_text(written, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        read_terms(file)
    assert str(refused.value).startswith(str(file))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
