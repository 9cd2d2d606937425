"""Attacks: pure functions of text, strength and seed, which change what they say and leave the rest readable."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.config.moderation.evasion import AttackName
from agile_classifier.data.evasion.attacks import ATTACKS, attack
from agile_classifier.data.evasion.lookalikes import EMOJI, HOMOGLYPHS, LEET, MARKS, ZERO_WIDTH

TEXT = "You are such a nasty idiot, go away!"
NAMES = st.sampled_from(sorted(ATTACKS))
TEXTS = st.text(st.sampled_from("abcdeiost ABXY.,!1é привет字\n\u0301\ud800"), max_size=60)
STRENGTHS = st.floats(min_value=0.01, max_value=1)


def test_every_name_of_a_config_is_an_attack() -> None:
    assert set(ATTACKS) == set(get_args(AttackName))


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_changes_a_text_and_a_stronger_one_more_of_it(name: str) -> None:
    weak, strong = (attack(TEXT, name, strength=strength) for strength in (0.05, 1))
    assert TEXT != weak != strong
    assert sum(one != other for one, other in zip(TEXT, weak, strict=False)) <= sum(
        one != other for one, other in zip(TEXT, strong, strict=False)
    )


@given(TEXTS, NAMES, STRENGTHS, st.integers(0, 5))
def test_the_same_arguments_give_the_same_text(text: str, name: str, strength: float, seed: int) -> None:
    once = attack(text, name, strength=strength, seed=seed)
    assert attack(text, name, strength=strength, seed=seed) == once
    assert bool(once.strip()) == bool(text.strip())


def test_chance_is_the_same_on_every_machine_and_another_for_another_seed() -> None:
    assert attack(TEXT, "leetspeak", strength=1) == "Y0u 4r3 5uch 4 n@57y 1d!07, 90 @w@y!"
    written = {attack(TEXT, "leetspeak", strength=0.5, seed=seed) for seed in range(9)}
    assert len(written) > 5


@given(TEXTS, st.sampled_from(["leetspeak", "homoglyphs", "case"]), STRENGTHS, STRENGTHS)
def test_what_a_weaker_attack_changes_a_stronger_one_changes_too(
    text: str, name: str, one: float, other: float
) -> None:
    weak, strong = (attack(text, name, strength=strength) for strength in sorted((one, other)))
    assert all(new == changed for old, new, changed in zip(text, weak, strong, strict=True) if new != old)


@given(TEXTS, STRENGTHS)
def test_what_shows_nothing_and_marks_can_be_taken_out_again(text: str, strength: float) -> None:
    for name, added in {"zero_width": ZERO_WIDTH, "combining": MARKS}.items():
        written = attack(text, name, strength=strength)
        assert re.sub(f"[{added}]", "", written) == re.sub(f"[{added}]", "", text)


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("text", ["", " ", "42 + 1", "東京", "مرحبا"])
def test_a_text_without_a_letter_that_could_be_changed_stays(name: str, text: str) -> None:
    assert attack(text, name, strength=1) == text or name in ("zero_width", "spacing", "repeats", "typos")


def test_words_keep_their_place_and_their_number() -> None:
    for name in ("repeats", "typos", "leetspeak", "homoglyphs", "zero_width", "combining", "case", "emoji"):
        assert len(attack(TEXT, name, strength=1).split()) == len(TEXT.split())
    assert re.sub(r"[ .\-_*]", "", attack(TEXT, "spacing", strength=1)) == re.sub(r"[ .\-_*]", "", TEXT)


def test_a_lookalike_is_another_character_than_the_letter() -> None:
    for table in (LEET, HOMOGLYPHS, EMOJI):
        assert all(letter not in others and others for letter, others in table.items())
    assert all(not sign.isascii() for signs in HOMOGLYPHS.values() for sign in signs)
