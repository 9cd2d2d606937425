"""Prediction ids: they tell what was written into them, to who signed them alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.ops.feedback.prediction_ids import (
    N_CHARACTERS,
    Predicted,
    Signer,
    derive_number,
    draw_number,
    is_drawn,
    read_id,
    read_signer,
    write_id,
)

SIGNER = Signer(7, b"k" * 32)
SHARES = st.floats(0, 1, width=32)
PREDICTIONS = st.builds(
    Predicted, number=st.integers(-(2**63), 2**63 - 1), made=st.integers(0, 2**32 - 1), predicted=st.integers(0, 2**16 - 1),
    probability=SHARES, sampling=st.none() | SHARES,
)  # fmt: skip


@given(PREDICTIONS, st.integers(0, 2**55 - 1), st.binary(min_size=32, max_size=32))
def test_an_id_tells_what_was_written_into_it(prediction: Predicted, number: int, secret: bytes) -> None:
    signer = Signer(number, secret)
    written = write_id(signer, prediction)
    assert len(written) == N_CHARACTERS
    assert written[0].isalpha()
    assert written.replace("-", "").replace("_", "").isalnum()
    assert read_signer(written) == number
    assert read_id(written, signer) == prediction


@given(PREDICTIONS, st.integers(0, N_CHARACTERS - 1), st.sampled_from("Aa0-_zZ9"))
def test_a_changed_id_is_unknown(prediction: Predicted, place: int, other: str) -> None:
    written = write_id(SIGNER, prediction)
    changed = written[:place] + other + written[place + 1 :]
    assert (read_id(changed, SIGNER) is None) == (changed != written)


@given(PREDICTIONS)
def test_another_key_signs_another_id(prediction: Predicted) -> None:
    written = write_id(SIGNER, prediction)
    assert read_id(written, Signer(SIGNER.number, b"x" * 32)) is None
    assert read_id(written, Signer(8, SIGNER.secret)) is None


@given(st.text(max_size=70) | st.text("Aa0-_é\0=", min_size=60, max_size=60))
def test_what_is_no_id_is_none(text: str) -> None:
    assert read_id(text, SIGNER) is None
    assert read_signer(text) is None or len(text) == N_CHARACTERS


def test_numbers_are_unique_by_chance_and_the_same_by_name() -> None:
    drawn = {draw_number() for _ in range(10_000)}
    assert len(drawn) == 10_000
    derived = {derive_number(SIGNER, f"run {row}") for row in range(10_000)}
    assert len(derived) == 10_000
    assert derive_number(SIGNER, "run 3") == derive_number(SIGNER, "run 3")


@pytest.mark.parametrize("share", [0.02, 0.5, 1.0])
def test_a_share_of_predictions_is_drawn_and_the_same_ones_again(share: float) -> None:
    numbers = [draw_number() for _ in range(20_000)]
    drawn = [is_drawn(SIGNER, number, share) for number in numbers]
    assert abs(np.mean(drawn) - share) <= 5 * math.sqrt(share * (1 - share) / 20_000)
    assert drawn == [is_drawn(SIGNER, number, share) for number in numbers]
