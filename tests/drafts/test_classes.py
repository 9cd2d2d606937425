"""Class 1 is what somebody looks for, or the rarer class; numbers that stand for no score are told from the scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.drafts.choices import Choices
from agile_classifier.drafts.classes import choose_class_1, fold_variants
from agile_classifier.drafts.columns import Column, find_sentinels
from agile_classifier.drafts.guess import guess
from agile_classifier.errors import InputError


@pytest.mark.parametrize(
    ("classes", "one"),
    [
        (("hate", "normal"), "hate"), (("Toxic", "Not toxic"), "Toxic"), (("not sexist", "sexist"), "sexist"),
        (("nonhate", "hate"), "hate"), (("none", "insult"), "insult"), (("spam", "ham"), "spam"), (("0", "1"), "1"),
        (("-1", "1"), "1"), (("no", "yes"), "yes"), (("True", "False"), "True"), (("nein", "ja"), "ja"),
        (("нет", "да"), "да"), (("好", "坏"), "坏"), (("no violation found", "hate speech"), "hate speech"),
        (("fair", "unfair"), "unfair"), (("approve", "remove"), "remove"), (("odio", "nada"), "odio"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("rows", [(50, 50), (90, 10), (10, 90)])
def test_what_somebody_looks_for_is_class_1_however_frequent(
    classes: tuple[str, str], one: str, rows: tuple[int, int]
) -> None:
    assert choose_class_1(dict(zip(classes, rows, strict=True)))[0] == one


def test_of_words_that_say_nothing_the_rarer_is_class_1() -> None:
    assert choose_class_1({"alpha": 10, "beta": 90})[0] == "alpha"
    assert choose_class_1({"alpha": 90, "beta": 10})[0] == "beta"
    assert choose_class_1({"0": 50, "4": 50})[0] == "4"


@pytest.mark.parametrize(
    ("numbers", "sure", "maybe"),
    [
        ([0.1, 0.4, 0.7, -99], [-99], []), ([1, 2, 3, 4, 5, 99], [99], []), ([1, 2, 3, 4, 5, 9], [], [9]),
        ([1, 2, 3, 4, 5, -1], [], [-1]), ([0.1, 0.5, 0.9, -1], [-1], []), ([-1, 0, 1], [], []), ([0, 1, -1], [], []),
        ([-1, -0.5, 0, 0.5, 1], [], []), ([0, 25, 50, 75, 99], [], []), ([1, 2, 3, 999, -999], [-999, 999], []),
        ([0, 100, 500, 999], [], []),
    ],
)  # fmt: skip
def test_customary_numbers_far_from_the_others_stand_for_no_score(
    numbers: list[float], sure: list[float], maybe: list[float]
) -> None:
    assert find_sentinels(numbers * 10) == (sure, maybe)


@given(st.lists(st.floats(0, 1), min_size=3), st.sampled_from([-99, 99, 999]))
def test_a_sentinel_beyond_a_share_is_always_noticed(scores: list[float], sentinel: float) -> None:
    if len(set(scores)) > 1:
        assert find_sentinels([*scores, sentinel])[0] == [sentinel]


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        (["Yes", "yes", "No", "no "], "'No' = 'no '; 'Yes' = 'yes'"),
        (["0", "0.0", "1"], "'0' = '0.0'"),
        (["a", "b"], ""),
        ([1, 1.0], ""),
    ],
)
def test_spellings_of_one_class_are_named(cells: list[Any], shown: str) -> None:
    assert fold_variants(Column("label", cells)) == shown


def test_classes_that_are_several_at_once_and_words_for_none_are_remarked_on(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"text": [f"so it is said here {n}" for n in range(80)], "tags": ["rude;", "rude;spam;", "nan", "spam"] * 20}
    )
    frame.to_csv(tmp_path / "x.csv", index=False)
    reasons = " ".join(guess([tmp_path / "x.csv"]).reasons)
    assert "'rude;spam;' seems to be several classes at once" in reasons
    assert "Does 'nan' (20 rows) say that nobody gave a class?" in reasons


def test_options_of_a_form_that_are_ticked_or_empty_are_learnt_as_any(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "Your message": [f"so it is said here {n}" for n in range(80)],
            "Rude": ["Rude", "", "", ""] * 20,
            "Sent (UTC)": [f"2026-05-01 10:00:{n % 60:02}" for n in range(80)],
        }
    )
    frame.to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(InputError, match=r"'Rude' holds 'Rude' or nothing \(--label Rude learns which\)"):
        guess([tmp_path / "x.csv"])
    assert guess([tmp_path / "x.csv"], Choices(labels=("Rude",))).labels == {
        "rule": "any",
        "columns": ["Rude"],
        "names": ["not rude", "rude"],
    }


@pytest.mark.parametrize(
    ("cells", "remark"), [(["950", "1.037"], "'1.037' is read as 1.037; is it 1037?"), (["0.5", "1.037"], None)]
)
def test_points_that_may_part_thousands_are_asked_about(tmp_path: Path, cells: list[str], remark: str | None) -> None:
    frame = pd.DataFrame({"text": [f"so it is said here {n}" for n in range(80)], "score": [*cells, "12", "30"] * 20})
    frame.to_csv(tmp_path / "x.csv", index=False)
    reasons = " ".join(guess([tmp_path / "x.csv"]).reasons)
    assert ("is it" in reasons) == (remark is not None)
    assert (remark or "") in reasons


def test_a_grouped_number_among_plain_ones_is_no_word_for_not_rated(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "text": [f"so it is said here {n}" for n in range(80)],
            "score": ["1,037", *map(str, range(79))],
            "kind": ["a", "b"] * 40,
        }
    )
    frame.to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(
        InputError, match=r"column 'score': the digits of '1,037' are grouped.* to learn another: --label kind"
    ):
        guess([tmp_path / "x.csv"])
