"""The labelling interface: what is written is read back, whatever classes are called, and no entity is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.data.label_studio.interface import Control, prelabel, read_interface, write_interface
from agile_classifier.errors import InputError

WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=20).filter(
    lambda word: word.strip() == word
)


@given(st.dictionaries(WORDS, WORDS, min_size=2, max_size=6), WORDS, WORDS)
def test_an_interface_that_was_written_is_read_back(choices: dict[str, str], name: str, column: str) -> None:
    control = Control(name, "Choices", column, choices=choices)
    assert read_interface(write_interface((control,))) == (control,)


def test_a_scale_is_a_number_between_its_ends() -> None:
    xml = write_interface((Control("toxicity", "Number", "text", ends=(-4.0, 4.0)),))
    assert 'min="-4" max="4"' in xml
    assert "toxicity (-4 to 4)" in xml
    (found,) = read_interface(xml)
    assert (found.name, found.kind, found.choices) == ("toxicity", "Number", {})
    assert prelabel((found,), "yes") == []


def test_a_prediction_names_what_is_stored_for_a_class() -> None:
    control = Control("topic", "Choices", "body", to_name="shown", choices={"0": "World", "1": "Sports"})
    result = {"from_name": "topic", "to_name": "shown", "type": "choices", "value": {"choices": ["1"]}}
    assert prelabel((control,), "Sports") == prelabel((control,), "1") == [result]
    assert prelabel((control,), "Business") == []
    assert prelabel((control, control), "Sports") == []


def test_controls_of_parts_of_a_text_and_of_other_things_are_no_question_about_it() -> None:
    xml = """<View><Text name="t" value="$comment"/><Labels name="spans" toName="t"><Label value="PER"/></Labels>
    <Choices name="free" toName="t" value="$options"/><Choices name="lost" toName="nowhere"><Choice value="a"/></Choices>
    <Rating name="stars" toName="t" maxRating="5"/></View>"""
    found = read_interface(xml)
    assert [(control.name, control.kind, control.column) for control in found] == [
        ("free", "Choices", "comment"), ("stars", "Rating", "comment"),
    ]  # fmt: skip


@pytest.mark.parametrize("xml", ["<View>", "", '<!DOCTYPE v [<!ENTITY a "b">]><View>&a;</View>', "<! ENTITY x><View/>"])
def test_what_is_no_interface_is_refused_in_a_line(xml: str) -> None:
    with pytest.raises(InputError, match="the labelling interface"):
        read_interface(xml)
