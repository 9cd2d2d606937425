"""Scoring: texts of a person, and the champion that answers. The model is a toy that scores a text by its length, registered for real."""

from __future__ import annotations

from typing import Any

import pytest

from agile_classifier.errors import InputError


def test_texts_are_shown_one_a_line_with_label_probabilities_and_version(registry: Any) -> None:
    from agile_classifier.ops.scoring import champion as scoring

    texts = ["short", "a text of\nsome length" + "!" * 100]
    shown = scoring.as_table(texts, scoring.score_texts(texts, model_name="toy")).splitlines()
    assert shown[0].split() == ["label", "probability_short", "probability_long", "model_version", "text"]
    assert shown[1].split() == ["short", "0.750", "0.250", "1", "short"]
    assert shown[2].split()[:4] == ["long", "0.000", "1.000", "1"]
    assert "a text of some length!!!" in shown[2]
    assert len(shown) == 3


def test_a_text_that_is_not_utf_8_is_refused() -> None:
    from agile_classifier.ops.scoring import champion as scoring

    with pytest.raises(InputError, match=r"text 2: .* is not UTF-8"):
        scoring.score_texts(["fine", "bad \udcff"], model_name=None)


def test_the_champion_is_found_without_a_name_only_where_there_is_one(registry: Any) -> None:
    from agile_classifier.ops.registry.versions import Champion, find_champion

    assert find_champion(None) == Champion("toy", "1")
    with pytest.raises(InputError, match="--model other: has no champion; models with one: toy"):
        find_champion("other")
    registry.set_registered_model_alias("other", "champion", "1")
    with pytest.raises(InputError, match="name one with --model: other, toy"):
        find_champion(None)
    assert find_champion("other") == Champion("other", "1")
    for name in ("other", "toy"):
        registry.delete_registered_model_alias(name, "champion")
    with pytest.raises(
        InputError, match=r"no registered model has a champion among .*toy.*--version candidate` scores by a candidate"
    ):
        find_champion("toy")
    registry.set_registered_model_alias("toy", "champion", "1")
