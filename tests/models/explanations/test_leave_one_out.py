"""Leave-one-out: beside an oracle whose words add up, and a real classifier that is asked one text at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.config.training import FineTuneConfig, ModelConfig
from agile_classifier.errors import InputError
from agile_classifier.models.explanations.leave_one_out import (
    NOTHING,
    Explanation,
    explain_texts,
    find_words,
    in_words,
    leave_each_out,
    leave_out,
)
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.spec import ClassifierSpec
from agile_classifier.training.fine_tuning import fine_tune

NAMES = ("kind", "rude")
WEIGHTS = {"idiot": 2.0, "nasty": 1.0, "please": -1.5}
TEXT = "please go away you nasty idiot"


def score(texts: Sequence[str]) -> np.ndarray:
    """Log odds of class 1 that are the sum of its words' weights."""
    odds = np.array([sum(WEIGHTS.get(word, 0.0) for word in text.split()) for text in texts])
    rude = 1 / (1 + np.exp(-odds))
    return np.column_stack([1 - rude, rude])


def explain(texts: Sequence[str], *, explained: int = 1, most_words: int = 100) -> list[Explanation]:
    return explain_texts(texts, score, class_names=NAMES, explained=[explained] * len(texts), most_words=most_words)


def test_a_word_adds_what_it_weighs_and_has_its_share_of_all_change() -> None:
    (found,) = explain([TEXT])
    assert {word.text: word.change for word in found.words} == pytest.approx(
        {word: WEIGHTS.get(word, 0.0) for word in TEXT.split()}
    )
    assert found.probability == pytest.approx(score([TEXT])[0, 1])
    assert {word.text: word.share for word in found.words if word.share} == pytest.approx(
        {"please": 1.5 / 4.5, "nasty": 1 / 4.5, "idiot": 2 / 4.5}
    )
    assert [word.text for word in found.telling()] == ["idiot", "please", "nasty"]
    assert found.told_share == pytest.approx(1)
    assert found.without_told == pytest.approx(0.5)
    assert in_words(found) == "idiot +2.00; please -1.50; nasty +1.00"


def test_the_other_class_is_explained_by_the_contrary() -> None:
    one, other = explain([TEXT])[0], explain([TEXT], explained=0)[0]
    assert (one.class_name, other.class_name) == ("rude", "kind")
    assert [word.change for word in other.words] == pytest.approx([-word.change for word in one.words])


def test_of_a_long_text_the_first_words_are_weighed_and_it_says_so() -> None:
    (found,) = explain([TEXT], most_words=2)
    assert ([word.text for word in found.words], found.n_words, found.is_truncated) == (["please", "go"], 6, True)
    assert in_words(found).endswith("(of its first 2 words)")
    assert not explain([TEXT])[0].is_truncated


def test_words_are_where_the_text_has_them() -> None:
    text = "  a-b, \u200b 東京 c"
    assert [text[start:end] for start, end in find_words(text)] == ["a-b,", "東", "京", "c"]
    assert leave_each_out("go  away", [(0, 2), (4, 8)]) == ["  away", "go  "]


def test_without_its_only_word_a_text_says_nothing() -> None:
    (found,) = explain(["idiot"])
    assert found.words[0].change == pytest.approx(2.0)
    assert leave_out("idiot", found.words) == NOTHING


@pytest.mark.parametrize("text", ["", " \u200b\n"])
def test_a_text_without_a_word_is_refused_by_its_number(text: str) -> None:
    with pytest.raises(InputError, match=r"text 2: .* holds no word that could be left out"):
        explain([TEXT, text])


def test_a_text_that_no_word_changes_has_no_telling_word() -> None:
    (found,) = explain(["go away"])
    assert {word.share for word in found.words} == {0.0}
    assert found.told_share == 0


def test_certainty_has_an_end() -> None:
    (found,) = explain_texts(
        ["a b"], lambda texts: np.array([[0.0, 1.0]] * len(texts)), class_names=NAMES, explained=[1]
    )
    assert all(np.isfinite(word.change) for word in found.words)


@given(st.text(st.sampled_from("ab \n\t東,\u200b"), min_size=1, max_size=30))
def test_a_word_that_is_left_out_leaves_every_other_one(text: str) -> None:
    words = find_words(text)
    for number, left in enumerate(leave_each_out(text, words)):
        rest = [text[start:end] for place, (start, end) in enumerate(words) if place != number]
        assert "".join(rest).replace("\u200b", "") in "".join(left.replace("\u200b", "").split()) or left == NOTHING


@pytest.fixture(scope="module")
def predictor(tiny_model: Path, tiny_examples: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    folder = tmp_path_factory.mktemp("explained")
    labelled = tiny_examples.assign(label=(tiny_examples["score"] >= 0.5).astype(int))[:40]
    spec = ClassifierSpec.describe(
        ModelConfig(source="toy", quantization="none", max_length=32, compute_dtype="float32"),
        class_names=NAMES, base_digest="",
    )  # fmt: skip
    fine_tune(
        {"train": labelled, "validation": labelled[:0]}, spec, FineTuneConfig(epochs=1, rank=2, learning_rate=0.01),
        base=tiny_model, checkpoints=folder / "checkpoints", output=folder / "adapter",
    )  # fmt: skip
    return Predictor.load(folder / "adapter", base=tiny_model)


def test_scores_of_an_explanation_are_those_of_its_texts_one_by_one(
    predictor: Predictor, tiny_examples: pd.DataFrame
) -> None:
    texts = list(tiny_examples["text"][80:90])
    found = explain_texts(texts, predictor.score, class_names=NAMES, explained=[1] * len(texts))
    for text, each in zip(texts, found, strict=True):
        assert each.probability == pytest.approx(predictor.score([text])[0, 1], abs=1e-6)
        alone = [predictor.score([left])[0, 1] for left in leave_each_out(text, find_words(text))]
        assert [word.probability for word in each.words] == pytest.approx(alone, abs=1e-6)
        assert each.without_told == pytest.approx(predictor.score([leave_out(text, each.telling())])[0, 1], abs=1e-6)
