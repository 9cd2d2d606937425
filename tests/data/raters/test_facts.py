"""What is told of raters: a table, who is pointed out, the gate, the ceiling, votes as targets, and the page."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from agile_classifier.config.data import LabelsConfig
from agile_classifier.config.data_quality import DataQualityConfig
from agile_classifier.config.split import SplitConfig
from agile_classifier.data.label_and_split import label_and_split
from agile_classifier.data.labels.cut import vote_targets
from agile_classifier.data.raters.answers import Answers, write_ratings
from agile_classifier.data.raters.ceiling import measure_ceiling
from agile_classifier.data.raters.facts import describe_answers, describe_raters, refuse_disagreement
from agile_classifier.data.raters.page import add_raters
from agile_classifier.errors import GateRefused
from tests.data.raters.test_posteriors import made


def crowd(seed: int = 0, n_texts: int = 400) -> pd.DataFrame:
    """Four careful raters, one who always says yes, one who guesses, one who turns it round, one who answers twice."""
    rng = np.random.default_rng(seed)
    truth = rng.random(n_texts) < 0.5
    said = {f"careful {place}": truth ^ (rng.random(n_texts) < 0.1) for place in range(4)}
    said |= {
        "yes": np.ones(n_texts, bool),
        "guess": rng.random(n_texts) < 0.5,
        "turned": truth ^ (rng.random(n_texts) < 0.9),
    }
    table = pd.DataFrame(said).astype(float)
    return table.assign(seldom=[1.0, 0.0, *[np.nan] * (n_texts - 2)])


def test_lazy_and_contrary_raters_are_pointed_out_and_careful_or_seldom_ones_are_not() -> None:
    facts = describe_answers(made(crowd()))
    rows = {row.name: row for row in facts.listed}
    assert {name: row.remark for name, row in rows.items() if row.remark} == {
        "yes": "lazy", "guess": "lazy", "turned": "contrary",
    }  # fmt: skip
    assert [row.remark for row in facts.listed[:3]].count(None) == 0
    assert rows["yes"].agreement == pytest.approx(0, abs=1e-9)
    assert rows["yes"].bias is not None
    assert rows["yes"].bias > 0.3
    accuracy = {name: row.accuracy for name, row in rows.items()}
    assert accuracy["careful 1"] == pytest.approx(0.9, abs=0.03)
    assert accuracy["turned"] == pytest.approx(0.1, abs=0.04)
    assert facts.n_pointed_out == 3
    lazy, contrary = sorted(facts.warnings, key=lambda said: "contrary" in said or "against" in said)
    assert "yes (0.00)" in lazy
    assert contrary.startswith("raters turned (-0.")


def test_the_agreement_of_two_raters_is_cohens_kappa() -> None:
    rng = np.random.default_rng(1)
    one = rng.random(500) < 0.3
    other = one ^ (rng.random(500) < 0.2)
    facts = describe_answers(made(pd.DataFrame({"a": one, "b": other}).astype(float)))
    assert [row.agreement for row in facts.listed] == pytest.approx([cohen_kappa_score(one, other)] * 2)


def test_raters_on_a_scale_are_compared_by_how_far_their_answers_lie_apart() -> None:
    rng = np.random.default_rng(2)
    mood = rng.integers(1, 6, size=300).astype(float)
    table = pd.DataFrame({"a": mood, "b": mood, "mild": np.maximum(mood - 1, 1), "down": 6 - mood})
    facts = describe_answers(made(table))
    rows = {row.name: row for row in facts.listed}
    assert facts.level == "ordinal"
    assert rows["down"].remark == "contrary"
    assert rows["mild"].remark is None
    assert rows["mild"].bias is not None
    assert rows["mild"].bias < 0


def test_the_sentence_tells_of_agreement_and_never_of_names() -> None:
    said = describe_answers(made(crowd())).sentence
    assert said.startswith("8 raters, 2802 answers to 400 texts, 7 to 8 a text: Krippendorff's alpha 0.")
    assert "nominal: there are at most two different answers" in said
    assert "careful" not in said
    alone = describe_answers(made(pd.DataFrame({"a": [1.0, np.nan], "b": [np.nan, 0.0]})))
    assert alone.sentence.endswith("agreement cannot be measured, since no text has two answers")


@pytest.mark.parametrize(("limit", "is_refused"), [(None, False), (-1, False), (0, False), (0.9, True)])
def test_too_little_agreement_is_refused_and_says_who_is_to_be_looked_at(limit: float | None, is_refused: bool) -> None:
    facts = describe_answers(made(crowd()))
    if not is_refused:
        refuse_disagreement(facts, limit=limit)
        return
    with pytest.raises(
        GateRefused, match=r"^raters disagree: 8 raters.*\(data_quality\.min_agreement asks for 0\.9\); raters turned"
    ):
        refuse_disagreement(facts, limit=limit)


def test_agreement_that_cannot_be_measured_passes_no_limit() -> None:
    alone = describe_answers(made(pd.DataFrame({"a": [1.0, np.nan], "b": [np.nan, 0.0]})))
    refuse_disagreement(alone, limit=None)
    with pytest.raises(GateRefused, match=r"no text has two answers \(data_quality\.min_agreement asks for 0\.1\)$"):
        refuse_disagreement(alone, limit=0.1)


def test_the_page_shows_a_table_and_escapes_names() -> None:
    facts = describe_answers(made(crowd().rename(columns={"turned": "<script>x</script>"})))
    page = add_raters("<main><p>x</p>\n<footer>GX</footer></main>", facts)
    assert "<script>" not in page
    assert "&lt;script&gt;x&lt;/script&gt;" in page
    assert page.index("posterior accuracy") < page.index("<footer>")
    assert add_raters("<p></p>", None) == "<p></p>"


def rated(answers: Answers) -> pd.DataFrame:
    score = answers.sums(answers.value) / answers.n_per_text
    texts = [f"text number {place} says something" for place in range(answers.n_texts)]
    ids = [str(place) for place in range(answers.n_texts)]
    return pd.DataFrame({"id": ids, "text": texts, "score": score, "ratings": write_ratings(answers)})


def test_the_ceiling_is_how_often_one_rater_goes_with_the_others() -> None:
    answers = made(pd.DataFrame({"a": [1.0, 1, 0, 0], "b": [1.0, 1, 0, 1], "c": [1.0, 0, 0, np.nan]}))
    found = measure_ceiling(answers, label_threshold=0.5, how="mean")
    assert found is not None
    # texts 1 and 3: all agree. text 2: a and b meet 1 and 0, a mean of 0.5, and agree; c does not. text 4: neither.
    assert (found.n_answers, found.n_texts, found.accuracy) == (11, 4, 8 / 11)
    assert found.low < found.accuracy < found.high <= 1
    assert measure_ceiling(answers, label_threshold=None, how="mean") is None
    assert measure_ceiling(None, label_threshold=0.5, how="mean") is None
    posterior = measure_ceiling(answers, label_threshold=1e-9, how="dawid_skene")
    assert posterior is not None
    assert posterior.accuracy == 8 / 11


def test_votes_are_binomial_targets_weighed_by_their_number() -> None:
    answers = made(pd.DataFrame({"a": [4.0, 1, 2], "b": [2.0, 1, np.nan], "c": [5.0, np.nan, np.nan]}))
    target, weight = vote_targets(rated(answers).assign(label=[1, 0, 0]), label_threshold=3)
    assert (target.tolist(), weight.tolist()) == ([2 / 3, 0, 0], [3, 2, 1])
    target, weight = vote_targets(rated(answers).assign(label=[1, 0, 0]), label_threshold=3, most=2)
    assert (target.tolist(), weight.tolist()) == ([2 / 3, 0, 0], [2, 2, 1])
    silent = rated(answers).assign(label=[1, 0, 1], ratings=[None, "[]", '["a", 2.0]'])
    target, weight = vote_targets(silent, label_threshold=3)
    assert (target.tolist(), weight.tolist()) == ([1, 0, 0], [1, 1, 1])


@pytest.mark.parametrize("duplicates", ["keep", "together"])
def test_votes_reach_training_and_names_do_not(duplicates: Any) -> None:
    table = crowd()[["careful 0", "careful 1", "careful 2"]]
    examples = rated(made(table))
    examples.loc[1:199:2, "text"] = examples.loc[0:198:2, "text"].to_numpy()
    labels = LabelsConfig(rule="value", value=0.5, target="votes")
    quality = DataQualityConfig(duplicates=duplicates, similarity=1)
    split = SplitConfig(method="shuffle", validation=0.2, test=0.2)
    labelled = label_and_split(examples, labels, split, quality)
    train = labelled.parts["train"]
    assert all("ratings" not in part for part in labelled.parts.values())
    np.testing.assert_allclose(train["target"], train["score"])
    assert train["weight"].mean() == pytest.approx(1)
    assert train["weight"].nunique() == (1 if duplicates == "keep" else 2)
    assert labelled.labelling.ceiling is not None
    assert 0.5 < labelled.labelling.ceiling.accuracy < 0.95
    assert describe_raters(examples.drop(columns="ratings")) is None
