"""Evidence from the shadow: the gate counts what this very pair has answered, and nothing else lets a candidate pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agile_classifier.config.evaluation import PromotionConfig
from agile_classifier.config.moderation.shadow import ShadowConfig
from agile_classifier.metrics.bootstrap import PairedDifference
from agile_classifier.ops.feedback.store import FeedbackStore
from agile_classifier.ops.promotion.gate import Evidence, Limit, decide
from agile_classifier.ops.promotion.limits.shadow import limit_by_shadow
from agile_classifier.ops.serving.shadow.comparisons import Compared, find_pair, store_compared

SETTINGS = ShadowConfig(requests=10, max_flips=0.2)


@pytest.fixture(scope="module")
def pairs(registry: Any) -> Any:
    """Versions 1, 2 and 3 of `toy`."""
    from tests.toys import toy_training as toy

    run = registry.get_model_version("toy", "1").run_id
    for _ in range(2):
        toy.make_version(run, "toy", zenml_run="none")
    return registry


@pytest.fixture
def database(tmp_path: Path) -> FeedbackStore:
    return FeedbackStore(f"sqlite:///{tmp_path / 'feedback.db'}")


def store(database: FeedbackStore, *, n: int, n_flips: int, champion: str = "1", candidate: str = "2") -> None:
    """So many texts, of which the first so many flip."""
    labels = ["b" if number < n_flips else "a" for number in range(n)]
    compared = [
        Compared(f"text {number}", True, {"label": "a", "seconds": 0.1}, {"label": label, "seconds": 0.1})
        for number, label in enumerate(labels)
    ]
    store_compared(database, find_pair("toy", champion, candidate), compared, keeps_texts=False)


def reason(database: FeedbackStore, settings: ShadowConfig = SETTINGS) -> str:
    """Of the gate, where nothing else is in the way."""
    limits: tuple[Limit, ...] = tuple(
        limit_by_shadow("toy", champion="1", candidate="2", settings=settings, store=database)
    )
    gain = PairedDifference(metric="roc_auc", difference=0.05, low=0.01, high=0.1, n=200)
    evidence = Evidence(candidate="2", champion="1", n_rows=200, differences={"champion": gain}, limits=limits)
    decision = decide(evidence, PromotionConfig())
    assert decision.promote is (not [limit for limit in limits if not limit.is_kept])
    return decision.reason


def test_without_a_shadow_the_gate_says_how_many_texts_are_missing(pairs: Any, database: FeedbackStore) -> None:
    assert "in the shadow of champion 1, 10 are missing (`agile serve --shadow 2`), is 0, allowed is at least 10" in reason(database)  # fmt: skip


def test_too_few_texts_are_refused_and_enough_pass(pairs: Any, database: FeedbackStore) -> None:
    store(database, n=9, n_flips=0)
    assert "1 are missing" in reason(database)
    store(database, n=9, n_flips=0)  # the same texts once more
    assert "1 are missing" in reason(database)
    store(database, n=10, n_flips=0)
    assert "becomes champion" in reason(database)


def test_too_many_flips_are_refused_with_their_interval(pairs: Any, database: FeedbackStore) -> None:
    store(database, n=10, n_flips=2)
    assert "becomes champion" in reason(database)
    store(database, n=10, n_flips=3)
    said = reason(database)
    assert "the share of flips in the shadow (3 of 10 live texts, 95 % interval 0.1078 to 0.6032) is 0.3, allowed is at most 0.2" in said  # fmt: skip


def test_a_shadow_of_another_pair_is_no_evidence(pairs: Any, database: FeedbackStore) -> None:
    store(database, n=20, n_flips=0, candidate="3")
    store(database, n=20, n_flips=0, champion="3")
    assert "10 are missing" in reason(database)


def test_answers_that_failed_count_as_flips(pairs: Any, database: FeedbackStore) -> None:
    store(database, n=10, n_flips=2)
    failed = Compared("another", True, {"label": "a", "seconds": 0.1}, None)
    store_compared(database, find_pair("toy", "1", "2"), [failed], keeps_texts=False)
    assert "3 of 11 live texts" in reason(database)
