"""Normalisation: attacks are undone, done twice it changes nothing, and a text in any script stays what it is."""

from __future__ import annotations

import sys
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.config.moderation.evasion import NormalName
from agile_classifier.data.evasion import normalize as normalizing
from agile_classifier.data.evasion.attacks import attack
from agile_classifier.data.evasion.normalize import NORMALS, normalize, normalize_texts
from agile_classifier.errors import InputError

ALL = tuple(NORMALS)
MIXED = st.text(
    st.sampled_from("abcopxy ABCKMT.-*_123éäß привет ХУЙсоре αβγομ ΑΒ 字かカ हिन्दी سلام \u200b\u200c\u200d\u00ad\ufe0f\u0301\u0336\u0323👩👧ｋ①ﬁ☭"),
    max_size=40,
)  # fmt: skip


def test_every_name_of_a_config_is_undone_in_its_order() -> None:
    assert tuple(NORMALS) == get_args(NormalName)


@given(MIXED, st.sets(st.sampled_from(ALL)))
def test_done_again_it_changes_nothing(text: str, names: set[str]) -> None:
    once = normalize(text, sorted(names))
    assert normalize(once, sorted(names)) == once


@given(st.text(max_size=40))
def test_it_ends_for_any_text(text: str) -> None:
    normalize(text, ALL)


UNTOUCHED = [
    "Привет, как дела? За́мок и замо́к, ёлка, й.",
    "SMSка пришла, IT-отдел, iPhone",
    "Ελληνικό κείμενο: ᾧ ὁ ἄνθρωπος",
    "μTorrent, β-Carotin, NF-κB, Δx",
    "naïve café, Việt Nam được đường, ọ̀rọ̀ Yorùbá",
    "می\u200cخواهم کتاب‌ها",
    "क्षत्रिय क्\u200dष हिन्दी में",
    "東京は日本の首都です。ｶﾅ".replace("ｶﾅ", "カナ"),
    "👩\u200d👩\u200d👧 🏳️\u200d🌈 👍🏽",
    "ภาษาไทย\u200bไม่มีวรรค",
    "good boots, www.example.org, Louis III, 1,000 km, a + b = c",
    "שלום עולם, مرحبا",
    "Հայերեն, ქართული, 한국어",
]


@pytest.mark.parametrize("text", UNTOUCHED)
def test_a_text_of_any_script_stays_what_it_is(text: str) -> None:
    assert normalize(text, ALL) == text


UNDONE = [
    ("zero_width", "k\u200bi\u2060l\u00adl", "kill"),
    ("zero_width", "\ufeffki\ufe0fll", "kill"),
    ("confusables", "yоu аrе аn idiоt", "you are an idiot"),
    ("confusables", "аsshоlе", "asshole"),
    ("confusables", "что за xyй", "что за хуй"),
    ("nfkc", "ｋｉｌｌ 𝐤𝐢𝐥𝐥 ⓚⓘⓛⓛ", "kill kill kill"),
    ("combining", "k̶i̶l̶l̶ the idiot̸", "kill the idiot"),
    ("combining", "ḱíĺĺ", "kill"),
    ("spacing", "k i l l and i-d-i-o-t", "kill and idiot"),
    ("repeats", "you idiooooot", "you idioot"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "written", "meant"), UNDONE)
def test_what_an_attack_wrote_is_read_as_it_was_meant(name: str, written: str, meant: str) -> None:
    assert normalize(written, [name]) == meant
    others = [other for other in ALL if other != name]
    assert normalize(written, others) != meant or name == "combining"


@pytest.mark.parametrize("strength", [0.1, 0.3, 1])
def test_characters_that_show_nothing_are_undone_whatever_the_strength(strength: float) -> None:
    text = "You are such a nasty idiot, go away!"
    assert normalize(attack(text, "zero_width", strength=strength), ["zero_width"]) == text


def test_without_names_texts_are_handed_on() -> None:
    assert normalize_texts(["k\u200bill"], []) == ["k\u200bill"]


def test_the_missing_package_is_named_where_it_is_needed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    normalizing._library.cache_clear()
    normalizing._script_of.cache_clear()
    monkeypatch.setitem(sys.modules, "confusable_homoglyphs", None)
    assert normalize("k\u200bill é", ["zero_width", "nfkc"]) == "kill é"
    with pytest.raises(
        InputError, match="confusables: the package confusable-homoglyphs is not installed; pip install"
    ):
        normalize("idiоt", ["confusables"])
    monkeypatch.undo()
    normalizing._library.cache_clear()
    assert normalize("idiоt", ["confusables"]) == "idiot"
