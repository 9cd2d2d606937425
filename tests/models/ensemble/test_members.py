"""Joining members: the mean of log odds, of classes and of labels; and where a member's files and base model lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, logit

from agile_classifier.models.ensemble.bases import Pin, list_bases, place_bases
from agile_classifier.models.ensemble.members import join_members, list_member_folders
from agile_classifier.models.spec import MEMBER_FOLDER, MEMBERS_FOLDER

MINILM, MPNET = Pin("minilm", ("0" * 64,), None), Pin("mpnet", None, "main")
probabilities = arrays(np.float64, (5, 3), elements=st.floats(1e-5, 1 - 1e-5))


@given(st.lists(probabilities, min_size=2, max_size=4))
def test_of_several_labels_each_is_the_mean_of_its_own_log_odds(scores: list[np.ndarray]) -> None:
    expected = expit(np.mean([logit(score) for score in scores], axis=0))
    assert join_members(scores, several=True) == pytest.approx(expected)


@given(st.lists(probabilities, min_size=2, max_size=4))
def test_of_classes_the_order_of_the_members_is_nothing_and_rows_sum_to_one(scores: list[np.ndarray]) -> None:
    rows = [score / score.sum(axis=1, keepdims=True) for score in scores]
    together = join_members(rows, several=False)
    assert together.sum(axis=1) == pytest.approx(1)
    assert join_members(rows[::-1], several=False) == pytest.approx(together)
    assert join_members([rows[0], rows[0]], several=False) == pytest.approx(rows[0])


@pytest.mark.parametrize("several", [True, False])
def test_a_single_network_is_left_bit_for_bit(several: bool) -> None:
    alone = np.array([[0.1, 0.9], [1e-9, 1 - 1e-9]])
    assert join_members([alone], several=several) is alone


def test_members_are_numbered_from_two_and_an_old_version_has_one(tmp_path: Path) -> None:
    assert list_member_folders(tmp_path) == {}
    for number in (3, 2):
        (tmp_path / "new" / MEMBERS_FOLDER / str(number)).mkdir(parents=True)
    assert list(list_member_folders(tmp_path / "new")) == [2, 3]
    old = tmp_path / "old" / MEMBER_FOLDER
    old.mkdir(parents=True)
    assert list_member_folders(tmp_path / "old") == {2: old}


def test_equal_base_models_lie_once_and_others_in_folders_of_their_own() -> None:
    base, folders = Path("base"), (Path("a"), Path("b"))
    assert list_bases([MINILM, MPNET, MINILM]) == (MINILM, MPNET)
    assert place_bases(base, [MINILM, MINILM]) == (base, base)
    assert place_bases(base, [MINILM, MPNET, MINILM]) == (base / "1", base / "2", base / "1")
    assert place_bases(folders, [MINILM, MPNET, MINILM]) == (folders[0], folders[1], folders[0])
