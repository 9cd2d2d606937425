"""Old comparisons from the shadow: what a decision may still ask for stays, all else goes once its days are over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from agile_classifier.ops.feedback.store import SHADOWED, FeedbackStore
from agile_classifier.ops.serving.shadow import comparisons
from agile_classifier.ops.serving.shadow.comparisons import Compared, Pair, find_pair, store_compared

OLD, BEFORE, NEW = 1_000, 2_000, 3_000


@pytest.fixture(scope="module")
def pairs(registry: Any) -> Any:
    """Versions 1 to 4 of `toy`, of which 2 is champion and 1 was before."""
    from tests.toys import toy_training as toy

    run = registry.get_model_version("toy", "1").run_id
    for _ in range(3):
        toy.make_version(run, "toy", zenml_run="none")
    registry.set_registered_model_alias("toy", "champion", "2")
    registry.set_registered_model_alias("toy", "previous", "1")
    return registry


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FeedbackStore]:
    monkeypatch.setenv("AGILE_FEEDBACK_URL", f"sqlite:///{tmp_path / 'feedback.db'}")
    with closing(FeedbackStore(f"sqlite:///{tmp_path / 'feedback.db'}")) as store:
        yield store


def compare(database: FeedbackStore, monkeypatch: pytest.MonkeyPatch, pair: Pair, *, made: int = OLD) -> Pair:
    monkeypatch.setattr(comparisons, "now", lambda: made)
    answer = {"label": "a", "seconds": 0.1}
    store_compared(database, pair, [Compared("a text", True, answer, answer)], keeps_texts=True)
    return pair


def going(database: FeedbackStore, **settings: Any) -> list[tuple[str, str]]:
    """Champion and candidate of the pairs that a prune lists."""
    from agile_classifier.ops.promotion.shadow.old_pairs import list_old_pairs

    found = list_old_pairs(database, before=BEFORE, **settings)
    return [(each.pair.champion, each.pair.candidate) for each in found]


def test_evidence_on_a_registered_candidate_stays_however_old_it_is(
    pairs: Any, database: FeedbackStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for champion, candidate in (("2", "3"), ("1", "3"), ("3", "4"), ("4", "3")):
        compare(database, monkeypatch, find_pair("toy", champion, candidate))
    assert going(database) == [("3", "4"), ("4", "3")], "neither is nor was champion just before"
    assert going(database, without={"toy version 3"}) == [("2", "3"), ("1", "3"), ("3", "4"), ("4", "3")]


def test_what_versions_answered_that_are_gone_goes_when_it_is_old(
    pairs: Any, database: FeedbackStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare(database, monkeypatch, Pair("toy", "2", "9", "a" * 64))
    compare(database, monkeypatch, Pair("toy", "2", "3", "of a deleted model of that name"))
    compare(database, monkeypatch, Pair("deleted", "1", "2", "b" * 64))
    compare(database, monkeypatch, Pair("toy", "2", "8", "c" * 64))
    compare(database, monkeypatch, Pair("toy", "2", "8", "c" * 64), made=NEW)
    assert going(database) == [("2", "9"), ("2", "3"), ("1", "2")]


def test_in_a_teams_database_a_model_of_another_registry_is_left_alone(
    pairs: Any, database: FeedbackStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.ops.promotion.shadow import old_pairs

    compare(database, monkeypatch, Pair("elsewhere", "1", "2", "b" * 64))
    compare(database, monkeypatch, Pair("toy", "2", "9", "a" * 64))
    monkeypatch.setattr(old_pairs, "SQLITE", "another scheme://")
    assert going(database) == [("2", "9")]


def test_a_pair_that_came_into_use_since_it_was_listed_is_kept(
    pairs: Any, database: FeedbackStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.ops.promotion.shadow.old_pairs import list_old_pairs

    first, second = (compare(database, monkeypatch, find_pair("toy", "3", each)) for each in ("1", "4"))
    found = list(list_old_pairs(database, before=BEFORE))
    compare(database, monkeypatch, first, made=NEW)
    pairs.set_registered_model_alias("toy", "champion", "3")
    try:
        assert [each.remove() for each in found] == [False, False]
    finally:
        pairs.set_registered_model_alias("toy", "champion", "2")
    assert {row.pair for row in database.read(select(SHADOWED))} == {first.key, second.key}
    assert [each.remove() for each in found] == [False, True]
    assert {row.pair for row in database.read(select(SHADOWED))} == {first.key}


def test_a_prune_says_how_many_go(
    pairs: Any, database: FeedbackStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from agile_classifier.ops.upkeep import prune

    for _ in range(2):
        compare(database, monkeypatch, find_pair("toy", "3", "4"))
    needed = compare(database, monkeypatch, find_pair("toy", "2", "4"))
    (leftover,) = prune._old_comparisons(datetime.fromtimestamp(BEFORE, UTC), without=set())
    assert leftover.kind == "shadow comparisons"
    assert leftover.name == f"2 of toy version 4 in the shadow of champion 3 in {tmp_path / 'feedback.db'}"
    sizes = [
        len(row.champion_answer) + len(row.candidate_answer) + len(row.text)
        for row in database.read(select(SHADOWED))
        if row.pair != needed.key
    ]
    assert leftover.n_bytes == sum(sizes)
    assert leftover.remove() is True
    assert [row.pair for row in database.read(select(SHADOWED))] == [needed.key]
