"""Promotion, as a table of what is known and what follows."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

import pytest
from pydantic import ValidationError

from agile_classifier.config.evaluation import PromotionConfig
from agile_classifier.metrics.bootstrap import PairedDifference
from agile_classifier.ops.promotion.gate import Evidence, Limit, PromotionDecision, comparable_rows, decide
from agile_classifier.ops.promotion.since_champion import Figure, RowsApart


def gain(low: float, difference: float = 0.05, high: float = 0.1, n: int = 200) -> PairedDifference:
    return PairedDifference(metric="roc_auc", difference=difference, low=low, high=high, n=n)


def decide_on(**changed: Any) -> PromotionDecision:
    """On fields of the evidence and of the policy, in place of those of a gain beyond noise."""
    known: dict[str, Any] = {"candidate": "7", "champion": "5", "differences": {"champion": gain(0.01)}, "n_rows": 200}
    evidence = {**known, **{name: value for name, value in changed.items() if name in Evidence.model_fields}}
    policy = {name: value for name, value in changed.items() if name in PromotionConfig.model_fields}
    return decide(Evidence(**evidence), PromotionConfig().model_copy(update=policy))


FIGURES = Figure(value=0.9, low=0.85, high=0.95), Figure(value=0.8, low=0.7, high=0.9)
BROKEN, KEPT, UNMEASURED = (Limit(what="its size in MB", value=value, at_most=2) for value in (3.0, 1.0, None))
AGAINST_CHAMPION = [
    ("a gain beyond noise", {}, True, "above the smallest gain"),
    ("a gain within noise", {"differences": {"champion": gain(-0.01)}}, False, "not wholly above"),
    ("a lower bound exactly at the smallest gain", {"differences": {"champion": gain(0.0)}}, False, "not wholly above"),
    ("a gain beyond noise but below the smallest gain", {"smallest_gain": 0.02}, False, "smallest gain of 0.02"),
    ("a loss", {"differences": {"champion": gain(-0.1, -0.05, -0.01)}}, False, "-0.050 roc_auc"),
    ("no comparison", {"differences": {}}, False, "no finite result"),
    ("a baseline in place of the champion", {"differences": {"tfidf": gain(0.01)}}, False, "no finite result"),
    ("a lower bound that is not a number", {"differences": {"champion": gain(math.nan)}}, False, "no finite result"),
    ("an infinite gain", {"differences": {"champion": gain(math.inf, math.inf)}}, False, "no finite result"),
    ("a smallest gain that is not a number", {"smallest_gain": math.nan}, False, "not wholly above"),
    ("a gain that another seed may undo", {"run_noise": 0.02}, False, "-0.018 to +0.125"),
    ("a gain beyond the noise of the seed too", {"run_noise": 0.005}, True, "+0.008 to +0.102"),
    ("a limit that is broken", {"limits": (BROKEN,)}, False, "its size in MB is 3, allowed is at most 2"),
    ("a limit that is kept", {"limits": (KEPT,)}, True, "becomes champion"),
    ("a limit that could not be measured", {"limits": (UNMEASURED,)}, False, "its size in MB has no finite value"),
    ("an obstacle", {"obstacle": "it was rolled back by Ann"}, False, "it was rolled back by Ann."),
    ("too few shared rows", {"n_rows": 99}, False, "has 99 test rows that no model has seen, and needs 100"),
    ("just enough shared rows", {"n_rows": 100}, True, "becomes champion"),
    (
        "a comparison on fewer rows than stated",
        {"differences": {"champion": gain(0.01, n=40)}},
        False,
        "has 40 test rows",
    ),
    ("the champion itself", {"candidate": "5"}, False, "champion already"),
]
BEATEN = {"majority": gain(0.2), "tfidf": gain(0.01)}
WITHOUT_CHAMPION = [
    ("both baselines beaten", {"majority": gain(0.2), "tfidf": gain(0.01)}, {}, True, "becomes champion"),
    (
        "TF-IDF not beaten",
        {"majority": gain(0.2), "tfidf": gain(-0.01)},
        {},
        False,
        "gain over TF-IDF + logistic regression",
    ),
    ("majority not beaten", {"majority": gain(-0.2), "tfidf": gain(0.01)}, {}, False, "gain over majority class"),
    (
        "TF-IDF missing",
        {"majority": gain(0.2)},
        {},
        False,
        "comparison with TF-IDF + logistic regression has no finite result",
    ),
    ("nothing compared", {}, {}, False, "comparison with majority class has no finite result, and"),
    (
        "only one of the two was trained",
        {"majority": gain(0.2, 0.3, 0.4), "tfidf": gain(0.01)},
        {"run_noise": 0.01},
        True,
        "+0.005 to +0.104",
    ),
    ("too few rows", {"majority": gain(0.2), "tfidf": gain(0.01)}, {"n_rows": 20}, False, "needs 100"),
    (
        "another baseline is better beyond noise",
        BEATEN | {"frozen": gain(-0.048, -0.024, -0.001)},
        {},
        False,
        "frozen base model + logistic regression is better by 0.024 roc_auc on 200 test rows (95 % interval 0.001 to",
    ),
    (
        "another baseline is as good",
        BEATEN | {"frozen": gain(-0.02, 0.01, 0.04), "tfidf_svm": gain(0.1)},
        {},
        True,
        "becomes champion though a simpler model is as good (frozen base model + logistic regression): its gain",
    ),
    (
        "another baseline is better but for the noise of seeds",
        dict.fromkeys(BEATEN, gain(0.06, 0.1, 0.14)) | {"frozen": gain(-0.048, -0.024, -0.001)},
        {"run_noise": 0.02},
        True,
        "a simpler model is as good",
    ),
    ("another baseline has no finite result", BEATEN | {"untuned": gain(math.nan)}, {}, False, "no finite result"),
]


@pytest.mark.parametrize(("known", "changed", "promote", "said"), AGAINST_CHAMPION, ids=lambda value: str(value)[:60])
def test_a_candidate_replaces_a_champion_only_when_its_gain_is_beyond_noise(
    known: str, changed: dict[str, Any], promote: bool, said: str
) -> None:
    decision = decide_on(**changed)
    assert decision.promote is promote, known
    assert said in decision.reason
    assert ("champion 5 stays" in decision.reason) is not promote


@pytest.mark.parametrize(
    ("known", "differences", "changed", "promote", "said"), WITHOUT_CHAMPION, ids=lambda value: str(value)[:60]
)
def test_a_first_champion_must_beat_both_baselines(
    known: str, differences: dict[str, PairedDifference], changed: dict[str, Any], promote: bool, said: str
) -> None:
    decision = decide_on(champion=None, differences=differences, **changed)
    assert decision.promote is promote, known
    assert said in decision.reason
    assert ("still no champion" in decision.reason) is not promote


def test_a_reason_is_one_sentence_with_the_numbers() -> None:
    assert decide_on().reason == (
        "Candidate 7 becomes champion: its gain over the champion is +0.050 roc_auc on 200 test rows"
        " (95 % interval +0.010 to +0.100, above the smallest gain of 0)."
    )


def test_a_second_sentence_tells_the_rows_that_came_since_the_champion() -> None:
    apart = {
        "new": RowsApart(n_rows=60, metric="roc_auc", candidate=FIGURES[0], champion=FIGURES[1]),
        "old": RowsApart(n_rows=140, metric="roc_auc"),
    }
    assert decide_on(n_new=60, apart=apart).reason == (
        f"{decide_on().reason} 60 of these rows are new since champion 5 (new: roc_auc 0.900 (0.850 to 0.950) for it,"
        " 0.800 (0.700 to 0.900) for the champion; old: too few for figures)."
    )
    assert decide_on(n_new=3, n_rows=9).reason.endswith("needs 100. 3 of these rows are new since champion 5.")
    assert decide_on(n_new=0, n_rows=0, obstacle="it was rolled back").reason.endswith("it was rolled back.")


def test_a_decision_can_be_stored_and_read_whatever_its_numbers_are() -> None:
    for low in (0.01, math.nan, -math.inf):
        decision = decide_on(differences={"champion": gain(low)}, limits=(BROKEN, UNMEASURED))
        stored = json.loads(json.dumps(decision.model_dump(mode="json")))
        again = PromotionDecision.model_validate(stored)
        assert repr(again) == repr(decision)
        assert stored["evidence"]["limits"][0]["is_kept"] is False
        assert stored["evidence"]["differences"]["champion"] == pytest.approx(asdict(gain(low)), nan_ok=True)
        assert (stored["policy"]["min_rows"], stored["policy"]["smallest_gain"]) == (100, 0.0)


def test_a_comparison_that_is_none_is_no_evidence() -> None:
    with pytest.raises(ValidationError):
        Evidence(candidate="7", differences={"champion": None})  # type: ignore[dict-item]


def test_only_rows_that_no_model_has_seen_are_comparable() -> None:
    found = comparable_rows(["a", "b", "c", "b"], {"c"}, ["b", "x"])
    assert found.dtype == bool
    assert found.tolist() == [True, False, False, False]


def test_without_anything_seen_every_row_is_comparable() -> None:
    assert comparable_rows(["a", "b"]).tolist() == [True, True]
    assert comparable_rows([], {"a"}).shape == (0,)
