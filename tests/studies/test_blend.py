"""Study blend: an ensemble of calibrated members, from cells alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit

from agile_classifier.errors import InputError
from agile_classifier.label_sets import two_columns
from agile_classifier.metrics.metrics import evaluate_scores
from agile_classifier.studies.blend import Result, with_blends
from agile_classifier.studies.cells import Trial
from agile_classifier.studies.file import Study
from agile_classifier.studies.grid import Place

CONTENDERS: dict[str, Any] = {
    "one": {"config": "toy"}, "other": {"config": "toy"}, "both": {"blend": ["one", "other"]}, "alone": {"blend": ["one"]}
}  # fmt: skip
STUDY = Study.model_validate({"title": "A toy", "reference": "one", "contenders": CONTENDERS})


def cell(
    contender: str, *, split: int = 0, seed: int, of: int = 0, scale: float = 1.0, validated: bool = True
) -> Result:
    """A noisy view of the same truth, stated on a scale of its own."""
    generator, noise = np.random.default_rng(split), np.random.default_rng(100 + seed)
    true = generator.normal(0, 1.5, 2000)
    truth = (generator.random(2000) < expit(true)).astype(int)
    said = expit(scale * (true + noise.normal(0, 1.5, 2000)))
    validation = slice(0, 1000 if validated else 0)
    trial = Trial(
        metrics=evaluate_scores(y_true=truth[1000:], y_score=two_columns(said[1000:]), decision_threshold=0.5),
        decision_threshold=0.5, y_true=truth[1000:].tolist(), y_score=said[1000:].tolist(),
        y_true_validation=truth[validation].tolist(), y_score_validation=said[validation].tolist(),
        n_train=100, train_seconds=2.0, seconds=3.0, peak_gigabytes=1.0,
    )  # fmt: skip
    return Result(Place(contender=contender, split=split, seed=of), trial, contender)


def by_contender(study: Study, results: list[Result]) -> dict[str, Result]:
    return {result.place.contender: result for result in with_blends(study, results)}


def test_two_noisy_views_of_one_truth_are_better_together_whatever_their_scales() -> None:
    rows = [cell("one", seed=1), cell("other", seed=2, scale=0.05)]
    found = by_contender(STUDY, rows)
    metrics = {name: result.trial.metrics for name, result in found.items()}
    assert metrics["both"]["roc_auc"] > max(metrics["one"]["roc_auc"], metrics["other"]["roc_auc"]) + 0.01
    both = found["both"].trial
    assert (both.train_seconds, found["both"].key) == (4.0, "one+other")
    assert metrics["alone"]["roc_auc"] == pytest.approx(metrics["one"]["roc_auc"])
    assert metrics["alone"]["brier"] < metrics["one"]["brier"], "calibrated"
    again = evaluate_scores(
        y_true=both.y_true, y_score=two_columns(both.y_score), decision_threshold=both.decision_threshold
    )
    assert again["f1"] == both.metrics["f1"], "cut where the row says"


def test_a_blend_may_take_its_members_as_they_are() -> None:
    rows = [cell("one", seed=1), cell("other", seed=2, scale=0.05)]
    raw = Study.model_validate({"title": "x", "reference": "one", "contenders": {
        **CONTENDERS, "both": {"blend": ["one", "other"], "calibrate": False}
    }})  # fmt: skip
    expected = expit(np.mean([logit(row.trial.y_score) for row in rows], axis=0))
    assert by_contender(raw, rows)["both"].trial.y_score == pytest.approx(expected)


def test_of_one_contender_it_is_the_ensemble_of_its_seeds() -> None:
    rows = [cell("one", seed=1), cell("one", seed=2, of=1)]
    seeded = Study.model_validate({"title": "x", "reference": "one", "seeds": [0, 1], "contenders": CONTENDERS})
    assert len(with_blends(seeded, rows[:1])) == 1, "one seed of two is no ensemble yet"
    alone = by_contender(seeded, rows)["alone"]
    assert alone.trial.metrics["roc_auc"] > max(row.trial.metrics["roc_auc"] for row in rows) + 0.01
    assert alone.key == "one+one"


def test_there_is_a_blend_only_where_all_members_are() -> None:
    rows = [cell("one", seed=1), cell("one", split=1, seed=1), cell("other", split=1, seed=2)]
    assert [row.place.split for row in with_blends(STUDY, rows) if row.place.contender == "both"] == [1]


def test_without_validation_the_answers_are_averaged_as_they_are() -> None:
    rows = [cell("one", seed=1, validated=False), cell("other", seed=2, validated=False)]
    expected = expit(np.mean([logit(row.trial.y_score) for row in rows], axis=0))
    assert by_contender(STUDY, rows)["both"].trial.y_score == pytest.approx(expected)


@pytest.mark.parametrize(
    ("contender", "why"),
    [
        ({"blend": ["one", "nobody"]}, "blends 'nobody'; there are one, other"),
        ({"blend": ["alone"]}, "blends 'alone'"),
        ({"blend": ["one"], "config": "toy"}, "not both"),
        ({}, "either config or blend"),
    ],
)
def test_a_blend_of_what_is_not_trained_is_refused(contender: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Study.model_validate({"title": "x", "reference": "one", "contenders": {**CONTENDERS, "new": contender}})


def test_members_of_other_rows_are_refused_and_one_without_validation_leaves_none_to_the_blend() -> None:
    one, other = cell("one", seed=1), cell("other", seed=2, validated=False)
    both = by_contender(STUDY, [one, other])["both"].trial
    assert (both.y_true_validation, both.y_score_validation) == ([], [])
    other = cell("other", seed=2)
    turned = other.trial.model_copy(update={"y_true_validation": one.trial.y_true_validation[::-1]})
    with pytest.raises(InputError, match="blend both: its members were judged on other rows"):
        with_blends(STUDY, [one, replace(other, trial=turned)])
