"""Explanations of a version's answers: as a column, for a terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pandas as pd
import pytest

from agile_classifier.errors import InputError
from agile_classifier.ops.scoring.answer_columns import EXPLANATION, find_earlier, place_answers
from agile_classifier.ops.scoring.explanations.asked import Explained, as_lines, explain
from agile_classifier.ops.scoring.explanations.explaining import (
    ExplainingScorer,
    as_facts,
    choose_class,
    class_columns,
    explain_answers,
)


class ByLength:
    """Scores a text by its length, as the toy that servers are tested with does."""

    columns = ("label", "probability_short", "probability_long")

    def __call__(self, texts: Sequence[str]) -> pd.DataFrame:
        long = pd.Series([min(1.0, len(text) / 20) for text in texts], dtype="float64")
        label = long.ge(0.5).map({True: "long", False: "short"})
        return pd.DataFrame({"label": label, "probability_short": 1 - long, "probability_long": long})


TEXTS = ["nasty little words", "go"]


def test_the_answered_class_is_explained_by_the_version_s_own_answers() -> None:
    scorer = ByLength()
    first, second = explain_answers(TEXTS, scorer(TEXTS), scorer)
    assert (first.class_name, first.probability) == ("long", pytest.approx(0.9))
    assert [word.probability for word in first.words] == pytest.approx([13 / 20, 12 / 20, 13 / 20])
    assert (second.class_name, second.words[0].probability) == ("short", pytest.approx(19 / 20))


def test_a_scorer_that_explains_answers_the_same_and_one_column_more() -> None:
    plain, explained = ByLength()(TEXTS), ExplainingScorer(ByLength())
    found = explained(TEXTS)
    assert found[list(ByLength.columns)].equals(plain)
    assert list(found.columns) == list(explained.columns)
    assert found[EXPLANATION][0].startswith("little +")
    assert explained(TEXTS * 40)[EXPLANATION].tolist() == found[EXPLANATION].tolist() * 40
    assert explained([]).empty


def test_the_column_is_known_again_in_a_file_that_was_scored() -> None:
    names = place_answers(["id", "text"], ExplainingScorer(ByLength()).columns, prefix=None)
    columns = ["id", "text", *names.names.values()]
    assert names.names[EXPLANATION] == EXPLANATION
    assert find_earlier(columns) == columns[2:]


def test_a_terminal_is_told_words_shares_and_what_is_left_and_nothing_acts_on_it() -> None:
    scorer, hostile = ByLength(), ["\x1b[2Jnasty words here"]
    found = explain_answers(hostile, scorer(hostile), scorer, most_words=2)
    lines = as_lines(Explained("toy", "3", found))
    assert "by toy version 3" in lines
    assert "of its 3 words the first 2 were left out" in lines
    assert "\x1b" not in lines
    assert all(line.isprintable() for line in lines.splitlines())


def test_json_holds_every_word_and_is_json() -> None:
    scorer = ByLength()
    facts = json.loads(json.dumps(as_facts(explain_answers(TEXTS[:1], scorer(TEXTS[:1]), scorer)[0])))
    assert (facts["label"], facts["truncated"], facts["n_words"]) == ("long", False, 3)
    assert [TEXTS[0][word["start"] : word["end"]] for word in facts["words"]] == TEXTS[0].split()
    assert sum(word["share"] for word in facts["words"]) == pytest.approx(1)


def test_an_answer_of_several_labels_is_explained_by_its_likeliest() -> None:
    columns = class_columns(["label", "probability_a", "probability_b", "model_version"])
    assert columns == ["probability_a", "probability_b"]
    assert choose_class({"label": '["a", "b"]', "probability_a": 0.6, "probability_b": 0.7}, columns) == 1
    assert choose_class({"label": "a", "probability_a": 0.4, "probability_b": 0.6}, columns) == 0


BAD = [
    ("empty", "", "text 2: the text is ''; a text with visible characters is needed"),
    ("blank", " \u200b", "a text with visible characters is needed"),
    ("too long", "word " * 2001, "text 2: the text has 10005 characters; at most 10000 are allowed"),
]


@pytest.mark.parametrize(("text", "said"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_text_that_cannot_be_explained_is_refused_by_its_number(text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        explain(["a text", text], model_name=None, version=None, most_words=10)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
