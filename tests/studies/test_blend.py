"""Study blend: an ensemble of calibrated members, from cells alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit

from agile_classifier.errors import InputError
from agile_classifier.metrics.metrics import evaluate_scores
from agile_classifier.studies.blend import as_two, with_blends
from agile_classifier.studies.file import Study

CONTENDERS: dict[str, Any] = {
    "one": {"config": "toy"}, "other": {"config": "toy"}, "both": {"blend": ["one", "other"]}, "alone": {"blend": ["one"]}
}  # fmt: skip
STUDY = Study.model_validate({"title": "A toy", "reference": "one", "contenders": CONTENDERS})


def cell(contender: str, *, split: int = 0, seed: int, scale: float = 1.0, validated: bool = True) -> dict[str, Any]:
    """A noisy view of the same truth, stated on a scale of its own."""
    generator, noise = np.random.default_rng(split), np.random.default_rng(100 + seed)
    true = generator.normal(0, 1.5, 2000)
    truth = (generator.random(2000) < expit(true)).astype(int)
    said = expit(scale * (true + noise.normal(0, 1.5, 2000)))
    validation = slice(0, 1000 if validated else 0)
    place = {"contender": contender, "size": None, "split": split, "seed": 0, "key": contender, "n_train": 100}
    return {
        **place, "train_seconds": 2.0, "seconds": 3.0,
        "y_true": truth[1000:].tolist(), "y_score": said[1000:].tolist(),
        "y_true_validation": truth[validation].tolist(), "y_score_validation": said[validation].tolist(),
        **evaluate_scores(y_true=truth[1000:], y_score=as_two(said[1000:]), decision_threshold=0.5),
    }  # fmt: skip


def test_two_noisy_views_of_one_truth_are_better_together_whatever_their_scales() -> None:
    rows = [cell("one", seed=1), cell("other", seed=2, scale=0.05)]
    found = {row["contender"]: row for row in with_blends(STUDY, rows)}
    assert found["both"]["roc_auc"] > max(found["one"]["roc_auc"], found["other"]["roc_auc"]) + 0.01
    assert (found["both"]["train_seconds"], found["both"]["key"]) == (4.0, "one+other")
    assert found["alone"]["roc_auc"] == pytest.approx(found["one"]["roc_auc"])
    assert found["alone"]["brier"] < found["one"]["brier"], "calibrated"
    both = found["both"]
    again = evaluate_scores(
        y_true=both["y_true"], y_score=as_two(both["y_score"]), decision_threshold=both["decision_threshold"]
    )
    assert again["f1"] == both["f1"], "cut where the row says"


def test_a_blend_may_take_its_members_as_they_are() -> None:
    rows = [cell("one", seed=1), cell("other", seed=2, scale=0.05)]
    raw = Study.model_validate({"title": "x", "reference": "one", "contenders": {
        **CONTENDERS, "both": {"blend": ["one", "other"], "calibrate": False}
    }})  # fmt: skip
    found = {row["contender"]: row for row in with_blends(raw, rows)}
    assert found["both"]["y_score"] == pytest.approx(expit(np.mean([logit(row["y_score"]) for row in rows], axis=0)))


def test_of_one_contender_it_is_the_ensemble_of_its_seeds() -> None:
    rows = [cell("one", seed=1), {**cell("one", seed=2), "seed": 1}]
    seeded = Study.model_validate({"title": "x", "reference": "one", "seeds": [0, 1], "contenders": CONTENDERS})
    assert len(with_blends(seeded, rows[:1])) == 1, "one seed of two is no ensemble yet"
    found = {row["contender"]: row for row in with_blends(seeded, rows)}
    assert found["alone"]["roc_auc"] > max(row["roc_auc"] for row in rows) + 0.01
    assert found["alone"]["key"] == "one+one"


def test_there_is_a_blend_only_where_all_members_are() -> None:
    rows = [cell("one", seed=1), cell("one", split=1, seed=1), cell("other", split=1, seed=2)]
    assert [row["split"] for row in with_blends(STUDY, rows) if row["contender"] == "both"] == [1]


def test_without_validation_the_answers_are_averaged_as_they_are() -> None:
    rows = [cell("one", seed=1, validated=False), cell("other", seed=2, validated=False)]
    found = {row["contender"]: row for row in with_blends(STUDY, rows)}
    assert found["both"]["y_score"] == pytest.approx(expit(np.mean([logit(row["y_score"]) for row in rows], axis=0)))


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
    (both,) = [row for row in with_blends(STUDY, [one, other]) if row["contender"] == "both"]
    assert (both["y_true_validation"], both["y_score_validation"]) == ([], [])
    with pytest.raises(InputError, match="blend both: its members were judged on other rows"):
        with_blends(STUDY, [one, {**cell("other", seed=2), "y_true_validation": one["y_true_validation"][::-1]}])
