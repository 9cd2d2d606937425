"""Limits on groups and functional tests, from models whose answers are known by heart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agile_classifier.config.evaluation import PromotionConfig
from agile_classifier.config.fairness.limits import FairnessLimits
from agile_classifier.errors import InputError
from agile_classifier.evaluation.bias.figures import measure_groups
from agile_classifier.evaluation.bias.groups import COLUMN
from agile_classifier.evaluation.contenders import Evaluation
from agile_classifier.metrics.bootstrap import PairedDifference
from agile_classifier.metrics.comparison import Answers
from agile_classifier.ops.promotion.gate import Evidence, decide
from agile_classifier.ops.promotion.limits.hurt import Measured, describe_hurt, measure_hurt

CLASSES = ("fine", "rude")


class ByHeart:
    """A version that calls rude what holds one of its words."""

    class_names = CLASSES

    def __init__(self, *words: str) -> None:
        self.words = words

    def answer(self, texts: list[str]) -> Answers:
        rude = np.asarray([0.9 if any(word in text for word in self.words) else 0.1 for text in texts])
        return Answers(np.column_stack([1 - rude, rude]), 0.5)


def make_rows(n: int = 400, *, harm: float) -> tuple[pd.DataFrame, Answers]:
    """Test rows of which half name women; their harmless ones are scored higher by `harm`."""
    rng = np.random.default_rng(0)
    label, member = rng.integers(0, 2, n), np.arange(n) < n // 2
    score = np.clip(0.4 * label + 0.6 * rng.random(n) + harm * (member & (label == 0)), 0, 1)
    few = np.where(np.arange(n) < 10, 1.0, 0.0)
    rows = pd.DataFrame({"text": "t", "label": label, f"{COLUMN}women": member.astype(float), f"{COLUMN}few": few})
    return rows, Answers(np.column_stack([1 - score, score]), 0.5)


def evaluated(rows: pd.DataFrame, answers: Answers, *, has_groups: bool = True) -> Evaluation:
    women = rows[f"{COLUMN}women"].to_numpy()
    report = measure_groups(
        {"women": women}, y_true=rows["label"].to_numpy(), answers=answers, positive=1, class_names=CLASSES,
        n_resamples=100, seed=0,
    )  # fmt: skip
    return Evaluation(
        metrics={}, intervals={}, thresholds={"candidate": 0.5}, n_test=len(rows), n_cut={}, n_escaped={},
        groups=report if has_groups else None,
    )  # fmt: skip


def measure(harm: float = 0.0, *, has_groups: bool = True, n: int = 400, **settings: Any) -> Measured:
    rows, answers = make_rows(n, harm=harm)
    evaluation = evaluated(rows, answers, has_groups=has_groups)
    candidate: Any = ByHeart("idiot")
    return measure_hurt(candidate, None, rows, lambda: answers, evaluation, FairnessLimits(**settings))


def check(suite: Path, *candidate: str, champion: tuple[str, ...] | None = None) -> Measured:
    rows, answers = make_rows(harm=0)
    beside = None if champion is None else ByHeart(*champion).answer
    version: Any = ByHeart(*candidate)
    return measure_hurt(
        version, beside, rows, lambda: answers, evaluated(rows, answers), FairnessLimits(checks=str(suite))
    )


def test_a_group_that_falls_behind_breaks_the_limit_and_a_small_one_is_not_judged() -> None:
    (limit,) = measure(0.4, bias_limit=0.1).limits
    assert not limit.is_kept
    assert limit.clause.startswith("the upper end of its loss in BPSN AUC on texts that name women (+0.")
    assert limit.clause.endswith("allowed is at most 0.1")
    assert set(measure(0.4, bias_limit=0.1).bias) == {"women"}


def test_a_group_that_keeps_up_keeps_the_limit_and_its_figures_are_evidence() -> None:
    found = measure(0.0, bias_limit=0.2)
    assert all(limit.is_kept for limit in found.limits)
    assert set(found.bias["women"]) == {"subgroup_auc", "bpsn_auc", "bnsp_auc"}
    (fact,) = describe_hurt(Evidence(candidate="2", bias=found.bias))
    assert fact.name == "groups"
    assert fact.value.startswith("1 judged; the largest loss that cannot be ruled out is 0.")


@pytest.mark.parametrize("changed", [{"bias_min_rows": 5000}, {"has_groups": False}])
def test_what_cannot_be_measured_is_not_kept(changed: dict[str, Any]) -> None:
    (limit,) = measure(0.0, bias_limit=0.9, **changed).limits
    assert not limit.is_kept
    assert "has no finite value" in limit.clause


def test_without_limits_nothing_is_asked_for() -> None:
    def never() -> Answers:
        raise AssertionError("the rows were scored")

    rows, answers = make_rows(harm=0)
    candidate: Any = ByHeart()
    found = measure_hurt(candidate, None, rows, never, evaluated(rows, answers), FairnessLimits())
    assert (found.limits, found.checks, found.bias) == ((), (), {})


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    file = tmp_path / "own.yaml"
    file.write_text(
        "name: Own\n"
        "terms: {who: [you, he, she, they, we, it, one, all]}\n"
        "tests:\n"
        "  - {name: insults, template: '{who} idiot', expected: rude, least: 0.9}\n"
        "  - {name: slurs, template: '{who} moron', expected: rude}\n"
        "  - {name: a threat, texts: [I will k1ll], expected: rude}\n"
        "  - {name: calm, template: '{who} read', expected: fine}\n",
        encoding="utf-8",
    )
    return file


def test_a_test_below_its_least_rate_is_refused_by_name(suite: Path) -> None:
    found = check(suite, "moron")
    broken = [limit.clause for limit in found.limits if not limit.is_kept]
    assert broken == ["its pass rate in functional test insults of Own (0 of 8 texts) is 0, allowed is at least 0.9"]


def test_what_the_champion_passed_is_not_lost_and_a_tiny_test_counts_text_by_text(suite: Path) -> None:
    found = check(suite, "idiot", champion=("idiot", "moron", "k1ll"))
    broken = [limit.clause for limit in found.limits if not limit.is_kept]
    assert broken == [
        "McNemar's p-value in functional test slurs of Own, which it loses (the champion alone is right on 8 of 8"
        " texts, it on 0), is 0.007812, allowed is at least 0.05",
        "the number of texts that it gets right in functional test a threat of Own, all of which the champion does, is"
        " 0, allowed is at least 1",
    ]
    (fact,) = describe_hurt(Evidence(candidate="2", checks=found.checks))
    assert fact.name == "functional tests Own"
    assert fact.value.endswith(
        "1 of 1 functional tests keep their least rate; lost what the champion passed: slurs, a threat"
    )


def test_a_version_that_wins_or_keeps_all_breaks_nothing(suite: Path) -> None:
    assert all(limit.is_kept for limit in check(suite, "idiot", "moron", champion=("idiot",)).limits)


def test_the_reason_of_the_decision_names_the_lost_test(suite: Path) -> None:
    found = check(suite, "idiot", champion=("idiot", "moron", "k1ll"))
    gain = PairedDifference(metric="roc_auc", difference=0.05, low=0.01, high=0.1, n=200)
    evidence = Evidence(
        candidate="7", champion="5", n_rows=200, differences={"champion": gain}, checks=found.checks,
        limits=found.limits,
    )  # fmt: skip
    decision = decide(evidence, PromotionConfig())
    assert not decision.promote
    assert "functional test slurs of Own, which it loses" in decision.reason


def test_a_suite_that_is_gone_or_asks_for_another_class_is_an_input_error(suite: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"suite of functional tests .*absent\.yaml: no such file"):
        check(tmp_path / "absent.yaml")
    suite.write_text(suite.read_text(encoding="utf-8").replace("expected: fine", "expected: calm"), encoding="utf-8")
    with pytest.raises(InputError, match="test calm: expected class 'calm' is none of the version's: fine, rude"):
        check(suite)
