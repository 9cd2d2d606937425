"""Data leakage: near duplicates are found, counted where they mislead, and refused past a limit."""

from __future__ import annotations

import random
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.data.duplicates import find_near_duplicates
from agile_classifier.data.leakage import Finding, examine_parts, refuse_leakage
from agile_classifier.errors import GateRefused

LONG = "the quick brown fox jumps over the lazy dog and runs away from the angry bear"
NO_LIMITS = dict.fromkeys(("duplicates", "leaks", "conflicts"))


def frame(*rows: tuple[str, int]) -> pd.DataFrame:
    return pd.DataFrame(
        [{"id": f"r{number}", "text": text, "label": label} for number, (text, label) in enumerate(rows)]
    )


def found(parts: dict[str, pd.DataFrame], **limits: float) -> dict[str, Finding]:
    empty = frame(("x", 0)).iloc[:0]
    findings = examine_parts({"validation": empty, **parts}, similarity=0.8, limits={**NO_LIMITS, **limits})
    return {finding.name: finding for finding in findings}


def test_texts_that_differ_by_case_width_and_space_are_one_and_others_need_most_of_their_letters() -> None:
    texts = [LONG, f"  {LONG.upper()} ", f"{LONG}!", "something else that nobody has said", LONG[:40]]
    pairs = find_near_duplicates(texts, similarity=0.8)
    assert [(one, other) for one, other, _ in pairs] == [(0, 1), (0, 2), (1, 2)]
    assert next(likeness for *_, likeness in pairs) == 1.0
    assert [(one, other) for one, other, _ in find_near_duplicates(texts, similarity=1.0)] == [(0, 1)]


@given(st.lists(st.text(alphabet="abc ", max_size=30), max_size=12))
def test_equal_texts_are_always_found_and_pairs_are_ordered(texts: list[str]) -> None:
    pairs = find_near_duplicates(texts, similarity=1.0)
    assert all(one < other for one, other, _ in pairs)
    assert len({(one, other) for one, other, _ in pairs}) == len(pairs)
    assert {(0, place) for place, text in enumerate(texts) if place and text == texts[0]} <= {
        pair[:2] for pair in pairs
    }


def test_hashing_misses_few_of_the_pairs_that_comparing_all_would_find() -> None:
    drawn = random.Random(0)
    words = [f"{drawn.getrandbits(24):06x}" for _ in range(400)]
    originals = [" ".join(drawn.sample(words, 20)) for _ in range(150)]
    changed = [" ".join([*text.split()[:-1], drawn.choice(words)]) for text in originals]
    pairs = {(one, other) for one, other, _ in find_near_duplicates([*originals, *changed], similarity=0.8)}
    assert len(pairs & {(place, place + 150) for place in range(150)}) >= 148


def test_each_finding_counts_the_texts_it_misleads_about() -> None:
    train = frame((LONG, 0), (LONG.upper(), 0), ("one of its kind", 1))
    test = frame((f"{LONG}!", 1), ("another of another kind", 0))
    findings = found({"train": train, "test": test})
    assert (findings["duplicates"].n, findings["duplicates"].of) == (2, 3)
    assert (findings["leaks"].n, findings["leaks"].of) == (1, 2)
    assert (findings["conflicts"].n, findings["conflicts"].of) == (3, 5)
    pair = findings["leaks"].pairs[0]
    assert (pair["parts"], pair["labels"]) == (["train", "test"], [0, 1])


def test_test_texts_that_chose_the_model_as_validation_leak_too() -> None:
    train, held = frame(("one of its kind", 1)), frame((LONG, 0), ("another of another kind", 0))
    findings = found({"train": train, "validation": held, "test": held[:1]})
    assert (findings["leaks"].n, findings["leaks"].of) == (2, 3)


def test_past_a_limit_the_run_is_refused_with_the_share_the_limit_and_a_pair() -> None:
    parts = {"train": frame((LONG, 0), ("one of its kind", 1)), "test": frame((LONG, 0), ("another text", 1))}
    refuse_leakage(list(found(parts, leaks=0.5).values()))
    with pytest.raises(
        GateRefused,
        match=r"1 of 2 texts of validation and test stand in another part too.*50\.0% \(leakage\.leaks_limit allows 10\.0%\); first: rows r0 \(train\) and r0 \(test\)",
    ):
        refuse_leakage(list(found(parts, leaks=0.1).values()))


def test_what_ethos_repeats_is_found(ethos_file: Path) -> None:
    comments = list(pd.read_csv(ethos_file, sep=";")["comment"])
    pairs = find_near_duplicates(comments, similarity=0.8)
    assert len(pairs) == 2
    assert {likeness == 1.0 for *_, likeness in pairs} == {True, False}
