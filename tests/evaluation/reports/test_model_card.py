"""The model card, read back by the library that the hub reads it with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from huggingface_hub import ModelCard

from agile_classifier.data.duplicates.handling import DuplicateFacts
from agile_classifier.data.duplicates.start_copies import StartCopies
from agile_classifier.data.label_and_split import Labelling, PartFacts
from agile_classifier.data.raters.answers import make_answers
from agile_classifier.data.raters.ceiling import measure_ceiling
from agile_classifier.data.raters.facts import describe_answers
from agile_classifier.evaluation.bands import Banding, OnTest
from agile_classifier.evaluation.contenders import Evaluation, evaluate_contenders
from agile_classifier.evaluation.reports.model_card import model_card
from agile_classifier.metrics.bands import Bands, Promise
from agile_classifier.metrics.risk_control import ExactShare
from agile_classifier.models.spec import Start

SHARE = ExactShare(k=9, n=10)
BANDING = Banding(
    bands=Bands(
        class_number=1, class_name="Toxic", confidence=0.9, n_rows=300, n_positive=100,
        removal=Promise(level=0.9, cut=0.9, n=80, n_wrong=1),
    ),
    on_test=OnTest(**dict.fromkeys(OnTest.model_fields, SHARE)),
)  # fmt: skip


@pytest.fixture
def evaluation() -> Evaluation:
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 2, 60)
    scores = {name: rng.dirichlet((1, 1), 60) for name in ("candidate", "last", "majority", "tfidf")}
    return evaluate_contenders(
        y_true, scores, thresholds=dict.fromkeys(scores, 0.4), calibrations={}, n_resamples=100, seed=0,
        n_cut={"test": 0}, n_escaped={"test": 0},
    )  # fmt: skip


def card_of(
    evaluation: Evaluation, *, model: str, data: str | list[str], as_good: Sequence[str] = (),
    starts: Sequence[Start] = (), **more: Any,
) -> ModelCard:  # fmt: skip
    facts = PartFacts(n_rows=30, class_rows={}, class_shares={}, digest="ab" * 32)
    labelling = Labelling(
        class_names=("Fine", "Toxic"), label_threshold=0.5, n_ties=0, n_doubtful=0, n_unused=0,
        parts=dict.fromkeys(("train", "validation", "test"), facts),
        duplicates=DuplicateFacts(handling="drop", n_rows=130, n_dropped=40), **more,
    )  # fmt: skip
    config: dict[str, Any] = {
        "model": {"source": model, "quantization": "nf4", "head": "classification", "max_length": 128},
        "data": {"source": data},
        "labels": {"rule": "value"},
        "fine_tune": {"rank": 4},
    }
    card = model_card(
        "comments", evaluation=evaluation, labelling=labelling, config=config, as_good=as_good, starts=starts
    )
    return ModelCard(card)


def test_a_card_says_first_that_a_simpler_model_is_as_good(evaluation: Evaluation) -> None:
    opening = (
        "# comments\n\n**A simpler model is as good, within noise: frozen base model + logistic regression.**\n\nTells"
    )
    assert opening in card_of(evaluation, model="google/gemma-2b-it", data="a.csv", as_good=["frozen"]).text
    assert "simpler" not in card_of(evaluation, model="google/gemma-2b-it", data="a.csv").text


def test_a_card_names_what_it_was_started_from_and_the_copies_of_its_texts(evaluation: Evaluation) -> None:
    starts = (
        Start("edos", "3", "ab" * 32, 16_000, ("edos.csv",)),
        Start("older", None, "cd" * 32, None, ()),
    )
    copies = StartCopies(checked="nearly", n_train=4, n_validation=1, n_test=2)
    text = card_of(evaluation, model="google/gemma-2b-it", data="a.csv", starts=starts, start_copies=copies).text
    assert (
        "Training went on from edos version 3, trained on 16000 texts of edos.csv (digest `abababababababab`); that from the"
        " folder older, trained on an unknown number of texts (digest `cdcdcdcdcdcdcdcd`). Copies: 1 validation and 2 test"
        " texts that it had learnt, word for word or nearly, left out; 4 such texts of train stay.\n\n| part |" in text
    )
    assert "went on from" not in card_of(evaluation, model="google/gemma-2b-it", data="a.csv").text


def test_a_card_says_what_is_decided_without_a_person_and_what_is_promised_of_it(evaluation: Evaluation) -> None:
    assert "without a person" not in card_of(evaluation, model="google/gemma-2b-it", data="a.csv").text
    banded = evaluation.model_copy(update={"banding": BANDING})
    text = card_of(banded, model="google/gemma-2b-it", data="a.csv").text
    assert (
        "## Decided without a person\n\n- removed without a person above an uncalibrated probability of 0.9: with confidence"
        " 0.9 at least 0.9 of these texts are Toxic (1 wrong of 80 validation rows)\n\n| on test" in text
    )
    assert "| precision | 90.0 % (55.5 to 99.7) of 10 |\n" in text


def test_the_metadata_name_what_lies_on_the_hub_and_nothing_else(evaluation: Evaluation) -> None:
    card = card_of(evaluation, model="google/gemma-2b-it", data="hf://datasets/ethos/binary")
    assert (card.data.base_model, card.data.datasets) == ("google/gemma-2b-it", ["ethos/binary"])
    card = card_of(evaluation, model="package://some==1/model", data="comments.csv")
    assert (card.data.base_model, card.data.datasets) == (None, None)
    assert card.data.pipeline_tag == "text-classification"
    card = card_of(evaluation, model="package://some==1/model", data=["comments.csv", "hf://datasets/ethos/binary"])
    assert card.data.datasets == ["ethos/binary"]
    assert "`comments.csv`, `hf://datasets/ethos/binary`" in card.text


def test_a_person_reads_what_it_tells_apart_how_well_and_where_it_ends(evaluation: Evaluation) -> None:
    text = card_of(evaluation, model="google/gemma-2b-it", data="comments.csv").text
    low, high = evaluation.intervals["candidate"]["roc_auc"]
    assert "**Fine / Toxic**" in text
    assert f"| roc_auc | {evaluation.metrics['candidate']['roc_auc']:.3f} [{low:.3f}, {high:.3f}] |" in text
    assert "from a probability of 0.4 upward" in text
    assert "The test set is small" in text
    assert "Duplicates: 40 of 130 rows dropped, as the same text stands before them.\n" in text
    after = text.split("trained on the same texts:\n\n")[1].splitlines()
    assert [line.count("|") for line in after[:11]] == [5] * 11, (
        "a heading, a rule, and nine metrics, with no line between"
    )


def test_a_card_states_agreement_and_ceiling_and_no_rater_by_name(evaluation: Evaluation) -> None:
    answers = make_answers(np.array([0, 0, 1, 1]), ["ann", "bob"] * 2, np.array([1.0, 1, 0, 1]), n_texts=2)
    ceiling = measure_ceiling(answers, label_threshold=0.5, how="mean")
    assert ceiling is not None
    facts = describe_answers(answers)
    text = card_of(evaluation, model="a/b", data="a.csv", raters=facts, ceiling=ceiling).text
    assert f"The labels rest on {facts.sentence}. The ceiling of what a model can reach: {ceiling.sentence}.\n" in text
    assert "ann" not in text.split("The labels rest on")[1].splitlines()[0]
    assert "The labels rest on" not in card_of(evaluation, model="a/b", data="a.csv").text
