"""Limit on flips: kept, broken, and not kept where nothing was measured."""

from __future__ import annotations

import numpy as np
import pytest

from agile_classifier.config.evaluation import PromotionConfig
from agile_classifier.evaluation.contenders import Evaluation
from agile_classifier.evaluation.evasion.measure import Attacked, Rate
from agile_classifier.ops.promotion.limits.evasion import evasion_limits


def evaluation(n_flipped: int | None, *, n: int = 10) -> Evaluation:
    flips = Rate.of(np.arange(n) < (n_flipped or 0))
    tried = {"typos": Attacked(flips=flips, changes=flips, metrics={}, intervals={})}
    return Evaluation(
        metrics={}, intervals={}, thresholds={}, n_test=20, n_cut={}, n_escaped={},
        evasion={} if n_flipped is None else tried,
    )  # fmt: skip


CASES = [
    ("kept", evaluation(2), True, ""),
    ("broken", evaluation(3), False, "its largest flip rate under an attack (evaluation.evasion) is 0.3, allowed is at most 0.2"),
    ("not measured", evaluation(None), False, "has no finite value"),
    ("nothing was found that could flip", evaluation(0, n=0), False, "has no finite value"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("measured", "is_kept", "clause"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_the_worst_attack_must_keep_the_limit(measured: Evaluation, is_kept: bool, clause: str) -> None:
    (limit,) = evasion_limits(measured, PromotionConfig(max_flip_rate=0.2))
    assert limit.is_kept == is_kept
    assert is_kept or clause in limit.clause


def test_without_the_limit_nothing_is_asked() -> None:
    assert list(evasion_limits(evaluation(9), PromotionConfig())) == []
