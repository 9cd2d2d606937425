"""Copies: groups of equal and nearly equal texts, held against comparing each text with each."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.data.duplicates.copies import CROWD, find_copies, join_groups
from agile_classifier.data.duplicates.shingles import SHINGLE, measure_likeness
from agile_classifier.data.text import normalised

LONG = "the quick brown fox jumps over the lazy dog and runs away from the angry bear"
SIMILARITIES = st.sampled_from([0.3, 0.5, 0.8, 0.9, 1.0])
FROM_A_TO_E = st.text(alphabet="abcde ü😀", max_size=40)


@st.composite
def edited(draw: st.DrawFn) -> list[str]:
    """Texts, and copies of them with a few letters changed."""
    texts = draw(st.lists(st.text(alphabet="abcdefgh \t é漢", min_size=30, max_size=80), min_size=1, max_size=6))
    for _ in range(draw(st.integers(0, 12))):
        text = draw(st.sampled_from(texts))
        place, new = draw(st.integers(0, len(text))), draw(st.text(alphabet="xyz", max_size=3))
        texts.append(text[:place] + new + text[place + draw(st.integers(0, 3)) :])
    return texts


def shingles(text: str) -> set[str]:
    return {text[start : start + SHINGLE] for start in range(max(1, len(text) - SHINGLE + 1))}


def pairs_by_comparing_all(texts: list[str], similarity: float) -> set[tuple[int, int]]:
    """Near copies among different texts."""
    held = [shingles(text) for text in texts]
    return {
        (one, other)
        for one, other in combinations(range(len(texts)), 2)
        if len(held[one] & held[other]) / len(held[one] | held[other]) >= similarity
    }


def different(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(map(normalised, texts)))


def test_texts_that_differ_by_case_width_and_space_are_one_and_others_need_most_of_their_letters() -> None:
    texts = [LONG, f"  {LONG.upper()} ", f"{LONG}!", "something else that nobody has said", LONG[:40]]
    copies = find_copies(texts, similarity=0.8)
    assert copies.text.tolist() == [0, 0, 1, 2, 3]
    assert copies.group.tolist() == [0, 0, 0, 1, 2]
    assert copies.pairs.tolist() == [[0, 1]]
    assert find_copies(texts, similarity=1.0).group.tolist() == [0, 0, 1, 2, 3]


def test_no_texts_and_empty_ones_have_groups_too() -> None:
    assert find_copies([], similarity=0.8).group.tolist() == []
    assert find_copies(["", " ", "a", "A", "\ud800"], similarity=0.8).group.tolist() == [0, 0, 1, 1, 2]


@given(texts=st.lists(FROM_A_TO_E, max_size=12), similarity=SIMILARITIES)
def test_no_pair_is_invented_and_equal_texts_are_always_joined(texts: list[str], similarity: float) -> None:
    copies = find_copies(texts, similarity=similarity)
    assert set(map(tuple, copies.pairs.tolist())) <= pairs_by_comparing_all(different(texts), similarity)
    assert (copies.likeness >= similarity).all()
    for one, other in combinations(range(len(texts)), 2):
        if normalised(texts[one]) == normalised(texts[other]):
            assert copies.text[one] == copies.text[other]
        if copies.text[one] == copies.text[other]:
            assert copies.group[one] == copies.group[other]
            assert normalised(texts[one]) == normalised(texts[other])


@given(texts=edited(), similarity=SIMILARITIES)
def test_edited_copies_are_found_as_by_comparing_all(texts: list[str], similarity: float) -> None:
    copies, unlike = find_copies(texts, similarity=similarity), different(texts)
    group = {int(text): int(group) for text, group in zip(copies.text, copies.group, strict=True)}
    missed = [pair for pair in pairs_by_comparing_all(unlike, similarity) if group[pair[0]] != group[pair[1]]]
    assert not missed, "one in a thousand of those at the very threshold may be, none of these"


@given(texts=st.lists(FROM_A_TO_E, min_size=2, max_size=6))
def test_likeness_is_the_jaccard_similarity_of_the_shingles(texts: list[str]) -> None:
    one, other = np.asarray(list(combinations(range(len(texts)), 2))).T
    expected = [
        len(shingles(texts[i]) & shingles(texts[j])) / len(shingles(texts[i]) | shingles(texts[j]))
        for i, j in zip(one, other, strict=True)
    ]
    assert measure_likeness(texts, one, other).tolist() == expected


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=10).map(
        lambda rows: np.asarray(rows, dtype=np.int64).reshape(-1, 2)
    )
)
def test_joined_groups_keep_together_what_either_keeps_together(rows: np.ndarray) -> None:
    joined = join_groups(rows[:, 0], rows[:, 1])
    linked = np.equal.outer(rows[:, 0], rows[:, 0]) | np.equal.outer(rows[:, 1], rows[:, 1])
    for _ in rows:
        linked = linked @ linked
    assert (np.equal.outer(joined, joined) == linked).all()
    assert list(dict.fromkeys(joined.tolist())) == list(range(len(set(joined.tolist()))))


@pytest.mark.parametrize(
    ("file", "column", "largest"),
    [
        ("ethos_file", "comment", 2),
        ("hatecheck_file", "test_case", 16),
        ("unfair_tos_file", "text", 4),
    ],
)
def test_of_real_texts_nearly_every_pair_is_found_and_chains_stay_short(
    file: str, column: str, largest: int, request: pytest.FixtureRequest
) -> None:
    frame = pd.read_csv(request.getfixturevalue(file), sep=None, engine="python")
    texts = list(frame[column])[:2500]
    copies, unlike = find_copies(texts, similarity=0.8), different(texts)
    pairs = pairs_by_comparing_all_sparsely(unlike)
    group = np.empty(len(unlike), dtype=np.int64)
    group[copies.text] = copies.group
    found = sum(group[one] == group[other] for one, other in pairs)
    assert found >= 0.995 * len(pairs)
    assert set(map(tuple, copies.pairs.tolist())) <= pairs
    assert np.bincount(copies.group).max() <= largest


def pairs_by_comparing_all_sparsely(texts: list[str]) -> set[tuple[int, int]]:
    from scipy.sparse import csr_array

    held, numbers = [shingles(text) for text in texts], dict[str, int]()
    columns = [numbers.setdefault(shingle, len(numbers)) for text in held for shingle in text]
    sizes = np.asarray([len(text) for text in held])
    table = csr_array((np.ones(len(columns), dtype=np.int64), columns, np.append(0, np.cumsum(sizes))))
    both = (table @ table.T).tocoo()
    one, other = both.coords
    near = (one < other) & (both.data / (sizes[one] + sizes[other] - both.data) >= 0.8)
    return set(zip(one[near].tolist(), other[near].tolist(), strict=True))


def test_of_a_small_group_every_pair_is_listed_and_of_a_crowd_what_holds_it_together() -> None:
    few = [f"{LONG} {letter}" for letter in "abcde"]
    assert len(find_copies(few, similarity=0.8).pairs) == 10
    many = [f"{LONG} {number}" for number in range(50 * CROWD)]
    copies = find_copies(many, similarity=0.8)
    assert copies.group.max() == 0
    assert len(many) - 1 <= len(copies.pairs) <= 5 * len(many)


def test_crowds_that_share_keys_and_are_no_copies_cost_a_few_comparisons_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts from one form, two thirds alike: each key is shared by many, and no pair is near."""
    drawn, compared = random.Random(0), []

    def counted(texts: list[str], one: np.ndarray, other: np.ndarray) -> np.ndarray:
        compared.append(len(one))
        return measure_likeness(texts, one, other)

    monkeypatch.setattr("agile_classifier.data.duplicates.copies.measure_likeness", counted)
    texts = [f"{LONG} {drawn.getrandbits(96):024x}" for _ in range(1000)]
    copies = find_copies(texts, similarity=0.8)
    assert copies.group.tolist() == list(range(1000))
    assert sum(compared) < 100 * len(texts), "all pairs would be 500 a text"


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not hold a process to a limit of memory")
def test_ten_thousand_equal_texts_among_as_many_others_fit_into_little_memory() -> None:
    """All pairs of them would be 50 million."""
    code = (
        "from agile_classifier.data.duplicates.copies import find_copies\n"
        "texts = [text for n in range(10000) for text in (f'{n * n} of {n} parcels', 'No comment.')]\n"
        "copies = find_copies(texts, similarity=0.8)\n"
        "print((copies.text == 1).sum(), (copies.group == 1).sum())\n"
    )
    limit = 2 * 1024**3
    said = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)),
    )  # fmt: skip
    assert said.stdout.split() == ["10000", "10000"]
