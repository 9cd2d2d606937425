"""Texts: what the repairs undo, and which texts count as the same."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from agile_classifier.data.text import (
    REPAIRS,
    has_control_characters,
    is_blank,
    looks_like_mojibake,
    normalised,
    text_digest,
    undo_treebank,
)

UNFAIR_TOS = Path("shared/data/unfair_tos/unfair_tos_claudette.csv")


@pytest.mark.parametrize(
    ("tokenised", "written"),
    [
        ("com -lrb- the `` site '' -rrb- , owned by 9gag , inc , is .", 'com (the "site"), owned by 9gag, inc, is.'),
        ("call -lrb-800-rrb- 952-5210 -LSB- A -RSB- -lcb- b -rcb- !", "call (800) 952-5210 [A] {b}!"),
        ("attorneys ' fees , the subscriber 's own", "attorneys' fees, the subscriber's own"),
        ("we wo n't , ca n't and do not ; you 'll see", "we won't, can't and do not; you'll see"),
        ("the list of dos and do n'ts .", "the list of dos and don'ts."),
        ("referred to as ` user agreement ' -rrb-", "referred to as 'user agreement')"),
        ("we can not and are not gon na", "we cannot and are not gonna"),
        ("costs $ 10,000.00 or 5 % ... or so ?", "costs $10,000.00 or 5%... or so?"),
        ("see avc/h .264 and www.adr.org", "see avc/h .264 and www.adr.org"),
        ("", ""),
    ],
)
def test_treebank_marks_are_undone(tokenised: str, written: str) -> None:
    assert undo_treebank(tokenised) == written


def test_plain_prose_passes_the_treebank_repair_unchanged() -> None:
    prose = "He said: \"It's 5 o'clock (or so), isn't it?\" - 'twas 90% of $5; e.g. the users' e-mails... :-)"
    assert undo_treebank(prose) == prose


def test_every_real_sentence_is_repaired_once_and_for_all() -> None:
    source = next((folder / UNFAIR_TOS for folder in Path(__file__).parents if (folder / UNFAIR_TOS).exists()), None)
    if source is None:
        pytest.skip(f"{UNFAIR_TOS} is not at hand")
    with source.open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)][:1500]
    repaired = [undo_treebank(text) for text in texts]
    assert not [text for text in repaired if any(mark in text for mark in ("-lrb-", "-rrb-", "``", "''", " ,", " n't"))]
    assert [undo_treebank(text) for text in repaired] == repaired
    assert sum(a != b for a, b in zip(texts, repaired, strict=True)) > 1000


def test_repairs_have_the_names_that_a_config_may_give() -> None:
    assert set(REPAIRS) == {"treebank", "mojibake", "whitespace"}
    assert REPAIRS["mojibake"]("schÃ¶n") == "schön"
    assert REPAIRS["whitespace"]("  a \t\n b\u2003c ") == "a b c"


@pytest.mark.parametrize(
    "variant",
    [
        "straße\u200b  eins",
        "STRASSE EINS",
        "\ufeffStraße\u00a0Eins ",
        "Ｓｔｒａｓｓｅ\teins",
        "stra\u00adsse ei\u2060ns",
    ],
)
def test_texts_that_look_alike_are_one_text(variant: str) -> None:
    assert normalised(variant) == "strasse eins"
    assert text_digest(variant) == text_digest("strasse eins")


def test_the_digest_of_a_text_is_the_first_16_hex_digits_of_the_sha256_of_its_normal_form() -> None:
    assert text_digest("ABC ") == "ba7816bf8f01cfea"  # FIPS 180-2, appendix B.1: the digest of "abc"
    assert text_digest("abc") != text_digest("abd")
    assert len(text_digest("\ud800")) == 16


@pytest.mark.parametrize("text", ["ﬁ ϔ ǆ", "İI\u0307", "a\u0345\u0301", "ΐ\u200d", "ᾳ\ufe0f\u3000x"])
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@pytest.mark.parametrize(
    "text", ["", " \t\r\n", "\u200b\u200d\ufeff", "\u00a0\u3000", "\x00\x1f", "\u2800\u3164\ufe0f"]
)
def test_a_text_that_shows_nothing_is_blank(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", " . ", "\u200b0", "🙂"])
def test_a_text_that_shows_something_is_not_blank(text: str) -> None:
    assert not is_blank(text)


def test_control_characters_and_mojibake_are_noticed() -> None:
    assert has_control_characters("a\x07b")
    assert has_control_characters("a\x92b")
    assert not has_control_characters("a\tb\r\nc é\u200b")
    assert looks_like_mojibake("lâ€™humanitÃ©")
    assert not looks_like_mojibake("l’humanité – ça va ?")
