"""Dawid-Skene and MACE: the numbers of the paper of 1979 and of crowd-kit, and what raters' errors do to a score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from crowdkit.aggregation import MACE
from crowdkit.aggregation import DawidSkene as CrowdKit
from hypothesis import given, settings
from hypothesis import strategies as st

from agile_classifier.data.raters.answers import Answers, make_answers
from agile_classifier.data.raters.dawid_skene import fit_dawid_skene
from agile_classifier.data.raters.mace import Beginning, fit_from, fit_mace
from agile_classifier.data.raters.scoring import score_answers
from agile_classifier.errors import InputError

QUICK = settings(max_examples=8, deadline=None, derandomize=True)


def made(table: pd.DataFrame) -> Answers:
    """Answers of a table with a column a rater; NaN where a rater is silent."""
    long = table.reset_index(drop=True).melt(ignore_index=False).dropna().sort_index(kind="stable")
    value = long["value"].to_numpy(dtype="float64")
    return make_answers(long.index.to_numpy(dtype="int64"), list(long["variable"]), value, n_texts=len(table))


def for_crowd_kit(answers: Answers) -> pd.DataFrame:
    return pd.DataFrame({"task": answers.text, "worker": answers.rater, "label": answers.value})


@st.composite
def rated(draw: st.DrawFn) -> Answers:
    """Answers of 2 to 6 raters of unequal diligence to 5 to 40 texts, in 2 to 4 classes, the first of them class 0."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    n_texts, n_raters, n_classes = draw(st.tuples(st.integers(5, 40), st.integers(2, 6), st.integers(2, 4)))
    truth = rng.integers(n_classes, size=n_texts)
    knows = rng.random((n_texts, n_raters)) < rng.uniform(0.3, 0.95, size=n_raters)
    said = np.where(knows, truth[:, None], rng.integers(n_classes, size=(n_texts, n_raters))).astype("float64")
    said[rng.random(said.shape) < 0.3] = np.nan
    said[np.isnan(said).all(axis=1), 0] = 0
    said[:n_classes] = np.arange(n_classes)[:, None]
    return made(pd.DataFrame(said, columns=[f"r{place}" for place in range(n_raters)]))


@pytest.fixture(scope="module")
def anesthesia() -> Answers:
    """Table 1 of Dawid and Skene (1979): 45 patients, five observers, of whom the first saw each three times."""
    rows = Path(__file__).with_name("anesthesia.txt").read_text(encoding="utf-8").splitlines()
    said = [
        (patient, f"observer {number}", float(answer))
        for patient, row in enumerate(rows)
        for number, answers in enumerate(row.split(), start=1)
        for answer in answers
    ]
    text, names, value = zip(*said, strict=True)
    return make_answers(np.array(text), list(names), np.array(value), n_texts=45)


def test_dawid_skene_finds_what_the_paper_found(anesthesia: Answers) -> None:
    found = fit_dawid_skene(anesthesia)
    np.testing.assert_allclose(found.prior, [0.40, 0.42, 0.11, 0.07], atol=0.005)
    first = anesthesia.raters.index("observer 1")
    np.testing.assert_allclose(found.errors[first, :, 0], [0.89, 0.11, 0, 0], atol=0.005)
    np.testing.assert_allclose(found.errors[first, :, 1], [0.07, 0.88, 0.05, 0], atol=0.01)
    assert found.probability[0].argmax() == 0
    assert found.probability[2].argmax() == 1  # the mode of patient 3 is no more 2 than 1
    assert found.probability.sum(axis=1) == pytest.approx(1)


@QUICK
@given(answers=rated(), n_iterations=st.sampled_from([1, 3, 8]))
def test_dawid_skene_is_that_of_crowd_kit(answers: Answers, n_iterations: int) -> None:
    found = fit_dawid_skene(answers, n_iterations=n_iterations, tolerance=0)
    oracle = CrowdKit(n_iter=n_iterations, tol=-np.inf).fit(for_crowd_kit(answers))
    assert oracle.probas_ is not None
    expected = oracle.probas_.reindex(index=range(answers.n_texts), columns=answers.domain)
    np.testing.assert_allclose(found.probability, expected, atol=1e-6)


@QUICK
@given(answers=rated())
def test_mace_from_one_beginning_is_that_of_crowd_kit(answers: Answers) -> None:
    start = scipy.stats.uniform(1, 1.5)
    shape = (len(answers.raters), len(answers.domain))
    beginning = Beginning(start.rvs(size=(shape[0], 2), random_state=0), start.rvs(size=shape, random_state=0))
    found = fit_from(beginning, answers, n_iterations=10)
    oracle = MACE(n_restarts=1, n_iter=10).fit(for_crowd_kit(answers))
    assert oracle.probas_ is not None
    expected = oracle.probas_.reindex(index=range(answers.n_texts), columns=answers.domain)
    np.testing.assert_allclose(found.probability, expected, atol=1e-9)


def test_hatechecks_raters_are_those_of_crowd_kit(hatecheck_annotations_file: Path) -> None:
    frame = pd.read_csv(hatecheck_annotations_file)
    answers = made(
        frame[[f"label_{number}" for number in range(1, 11)]].eq("hateful").where(frame.notna()).astype(float)
    )
    oracle = CrowdKit(n_iter=6, tol=-np.inf).fit(for_crowd_kit(answers))
    assert oracle.probas_ is not None
    np.testing.assert_allclose(fit_dawid_skene(answers).probability[:, 1], oracle.probas_.sort_index()[1.0], atol=1e-4)
    is_hateful = (frame["label_gold"] == "hateful").to_numpy()
    for how in ("dawid_skene", "mace", "share"):
        assert ((score_answers(answers, how) >= 0.5) == is_hateful).all(), how


def test_a_hundred_answers_to_a_text_do_not_vanish() -> None:
    said = np.tile([[1.0], [0.0]], (20, 400))
    said[:, 300:] = 1 - said[:, 300:]
    answers = made(pd.DataFrame(said))
    assert fit_mace(answers).probability[:, 1] == pytest.approx(np.tile([1, 0], 20), abs=1e-6)


def test_a_contrary_rater_tells_dawid_skene_as_much_as_a_good_one() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(300) < 0.4
    noise = rng.random((300, 5)) < np.array([0.1, 0.1, 0.1, 0.92, 0.5])
    answers = made(pd.DataFrame((truth[:, None] ^ noise).astype(float)))
    rightly = {
        how: float(((score_answers(answers, how) >= 0.5) == truth).mean()) for how in ("share", "dawid_skene", "mace")
    }
    assert rightly["share"] < 0.93 < 0.96 < rightly["dawid_skene"]
    assert rightly["mace"] > rightly["share"]


def test_the_score_is_the_answer_to_be_expected_in_the_unit_of_the_answers() -> None:
    answers = made(pd.DataFrame({"a": [1, 5, 3, np.nan], "b": [1, 5, 3, np.nan], "c": [1, 5, np.nan, np.nan]}))
    for how in ("dawid_skene", "mace"):
        score = score_answers(answers, how)
        assert score[:3] == pytest.approx([1, 5, 3], abs=0.3), how
        assert np.isnan(score[3])


def test_nameless_or_too_many_different_answers_are_refused_in_one_line() -> None:
    nameless = make_answers(np.array([0, 0]), [None, None], np.array([1.0, 0.0]), n_texts=1)
    fine = make_answers(np.arange(30), ["a"] * 30, np.arange(30.0), n_texts=30)
    for how in ("dawid_skene", "mace"):
        with pytest.raises(InputError, match=rf"^labels\.raters {how} .* found 2 answers in lists without names"):
            score_answers(nameless, how)
        with pytest.raises(InputError, match=rf"^labels\.raters {how} .* at most 20; found 30 different answers"):
            score_answers(fine, how)
    with pytest.raises(InputError, match=r"^labels\.raters share .* found the answer 2, which is neither yes"):
        score_answers(fine, "share")
