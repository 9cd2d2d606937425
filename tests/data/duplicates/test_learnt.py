"""Learnt texts: copies of them are found by digests and keys alone, and left out of what measures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.data.duplicates.learnt import DIGESTS_FILE, SIMILARITY, SKETCH_FILE, LearntTexts
from agile_classifier.data.duplicates.shingles import measure_likeness
from agile_classifier.data.duplicates.start_copies import leave_out_learnt
from agile_classifier.data.splits import Split
from agile_classifier.data.text import normalised
from agile_classifier.errors import InputError

WORDS = [f"{first}{second}" for first in "bdfgklmnprstvz" for second in ("ando", "erin", "ilas", "opu", "uty", "yrak")]


def make_text(generator: np.random.Generator, n_words: int = 20) -> str:
    return " ".join(generator.choice(WORDS, n_words))


def likeness(one: str, other: str) -> float:
    both = [normalised(one), normalised(other)]
    return float(measure_likeness(both, np.asarray([0]), np.asarray([1]))[0])


@pytest.fixture(scope="module")
def learnt() -> tuple[list[str], LearntTexts]:
    generator = np.random.default_rng(0)
    texts = [make_text(generator) for _ in range(400)]
    return texts, LearntTexts.of(texts)


@given(st.data())
def test_a_learnt_text_is_found_whatever_its_case_and_spaces(data: st.DataObject) -> None:
    texts = data.draw(st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=8))
    known = LearntTexts.of(texts)
    assert known.find_copies([f"  {text.upper().lower()} " for text in texts if normalised(text)]).all()


def test_nearly_all_near_copies_are_found_and_unlike_texts_are_not(learnt: tuple[list[str], LearntTexts]) -> None:
    texts, known = learnt
    generator = np.random.default_rng(1)
    near = [f"{text} {generator.choice(WORDS)}" for text in texts]
    half = [f"{' '.join(text.split()[:11])} {make_text(generator, 9)}" for text in texts]
    assert min(map(likeness, texts, near)) >= SIMILARITY
    assert max(map(likeness, texts, half)) < 0.6
    assert known.find_copies(near).mean() >= 0.98
    assert known.find_copies(half).mean() <= 0.02
    assert not known.find_copies([make_text(generator) for _ in range(400)]).any()


def test_a_crowd_of_one_form_is_searched_like_anything_else() -> None:
    forms = [f"the parcel number {number} could not be delivered to you at the address given" for number in range(3000)]
    known = LearntTexts.of(forms)
    assert known.find_copies([forms[5].replace("you", "him"), "something else altogether"]).tolist() == [True, False]


def test_what_is_kept_holds_no_text_and_survives_saving(learnt: tuple[list[str], LearntTexts], tmp_path: Path) -> None:
    texts, known = learnt
    known.save(tmp_path)
    read = LearntTexts.load(tmp_path)
    assert read is not None
    assert read.digests == known.digests
    assert read.keys is not None
    assert known.keys is not None
    assert np.array_equal(read.keys, known.keys)
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not any(word.encode() in held for word in WORDS)
    assert {path.name for path in tmp_path.iterdir()} == {DIGESTS_FILE, SKETCH_FILE}
    assert LearntTexts.load(tmp_path / "nothing") is None
    assert len(texts) == len(read.digests)


def test_texts_learnt_one_after_the_other_are_all_known(learnt: tuple[list[str], LearntTexts]) -> None:
    texts, known = learnt
    later = LearntTexts.of(["a text that came later, and of which a copy is looked for"])
    both = later.joined(known)
    assert both.extent == "nearly"
    assert both.find_copies([texts[0], "A text that came later, and of which a copy is looked for!"]).all()
    assert later.joined(LearntTexts(known.digests, None)).extent == "equal"
    assert later.joined(None).extent == "equal"
    assert LearntTexts(frozenset(), None).extent == "nothing"


@pytest.mark.parametrize("damage", [b"{", b"[1, 2"])
def test_a_damaged_list_is_one_line(damage: bytes, tmp_path: Path) -> None:
    (tmp_path / DIGESTS_FILE).write_bytes(damage)
    with pytest.raises(InputError, match="is damaged"):
        LearntTexts.load(tmp_path)


def split_of(n: int) -> Split:
    return Split(*np.split(np.arange(n), [n // 2, 3 * n // 4]))


def test_copies_are_left_out_of_validation_and_test_and_counted_in_train(
    learnt: tuple[list[str], LearntTexts],
) -> None:
    texts, known = learnt
    generator = np.random.default_rng(2)
    rows = [make_text(generator) for _ in range(40)]
    for place in (0, 1, 2, 20, 30, 31):  # three of train, one of validation, two of test
        rows[place] = f"{texts[place]} {WORDS[0]}"
    kept, facts = leave_out_learnt(split_of(40), pd.Series(rows), known)
    assert (facts.n_train, facts.n_validation, facts.n_test, facts.checked) == (3, 1, 2, "nearly")
    assert (len(kept.train), len(kept.validation), len(kept.test)) == (20, 9, 8)
    assert not {20, 30, 31} & {*kept.validation, *kept.test}
    assert facts.sentence.startswith("1 validation and 2 test texts that it had learnt, word for word or nearly, left")


def test_a_start_that_keeps_no_keys_says_that_near_copies_cannot_be_checked(
    learnt: tuple[list[str], LearntTexts],
) -> None:
    texts, known = learnt
    rows = pd.Series([*texts[:39], "a text of its own"])
    old = LearntTexts(known.digests, None)
    with pytest.raises(InputError, match="all 10 texts of validation"):
        leave_out_learnt(split_of(40), rows, old)
    _, facts = leave_out_learnt(split_of(40), rows + " indeed", old)
    assert "near copies cannot be checked" in facts.sentence
    _, facts = leave_out_learnt(split_of(40), rows, LearntTexts(frozenset(), None))
    assert "cannot be checked: it keeps nothing" in facts.sentence
