"""The share decided without a person as a limit of the gate: fails closed, and is contradicted by test rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from agile_classifier.metrics.bands import RELEASE, REMOVE, REVIEW, Bands, Promise
from agile_classifier.ops.promotion.gate import Limit
from agile_classifier.ops.promotion.limits.automation import limit_automation
from agile_classifier.ops.promotion.measured_version import MeasuredVersion

N = 200
ROWS = pd.DataFrame({"text": [f"text {row} {row * 7919}" for row in range(N)], "label": np.arange(N) % 2})
BANDS = Bands(
    class_number=1, class_name="rude", confidence=0.9, n_rows=500, n_positive=250,
    removal=Promise(level=0.9, cut=0.9, n=100, n_wrong=1), release=Promise(level=0.1, cut=0.2, n=250, n_wrong=5),
)  # fmt: skip


class Version(MeasuredVersion):
    """A version whose answers are known."""

    def __init__(self, bands: Bands | None, decided: list[str]) -> None:
        super().__init__("toy", "1")
        self.bands, self._decided = bands, dict(zip(ROWS["text"], decided, strict=True))

    def decide(self, texts: Any) -> NDArray[Any]:
        return np.array([self._decided[text] for text in texts], dtype=object)


def decide(removed: list[int], released: list[int]) -> list[str]:
    return [REMOVE if row in removed else RELEASE if row in released else REVIEW for row in range(N)]


def broken(limits: tuple[Limit, ...]) -> list[str]:
    return [limit.clause for limit in limits if not limit.is_kept]


RIGHT = decide([row for row in range(N) if row % 2][:60], [row for row in range(N) if not row % 2][:60])
WRONG = decide([row for row in range(N) if not row % 2][:40], [])
MISSED = decide([], [row for row in range(N) if row % 2][:40])


def test_without_the_limit_nothing_is_measured() -> None:
    assert limit_automation(Version(None, RIGHT), ROWS, least=None) == ()


def test_a_version_without_bands_does_not_reach_it() -> None:
    (clause,) = broken(limit_automation(Version(None, RIGHT), ROWS, least=0.01))
    assert clause == (
        "the share of texts that it decides without a person (it has no bands: set decision.bands) has no finite value"
    )


def test_the_lower_end_of_the_share_decides() -> None:
    assert broken(limit_automation(Version(BANDS, RIGHT), ROWS, least=0.5)) == []
    (clause,) = broken(limit_automation(Version(BANDS, RIGHT), ROWS, least=0.6))
    assert clause == (
        "the lower end of its share of texts decided without a person, 120 of 200, is 0.5285, allowed is at least 0.6"
    )


@pytest.mark.parametrize(("decided", "line"), [
    (WRONG, "the upper end of the precision of its removals (0 of 40 are rude), which it promises, is 0.0881, allowed is at least 0.9"),
    (MISSED, "the lower end of its miss rate (40 of 100 rude texts are released), which it promises, is 0.3033, allowed is at most 0.1"),
])  # fmt: skip
def test_promises_that_the_test_rows_contradict_refuse_it(decided: list[str], line: str) -> None:
    assert broken(limit_automation(Version(BANDS, decided), ROWS, least=0.01)) == [line]


def test_a_promise_that_was_not_made_is_not_held_against_it() -> None:
    open_side = BANDS.model_copy(update={"removal": Promise(level=0.9, cut=None, n=0, n_wrong=0)})
    assert broken(limit_automation(Version(open_side, WRONG), ROWS, least=0.01)) == []
