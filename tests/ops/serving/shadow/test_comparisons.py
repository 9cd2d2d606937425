"""Comparisons: what is stored of a text, and what all of a pair add up to."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from agile_classifier.data.text import text_digest
from agile_classifier.errors import InputError
from agile_classifier.ops.feedback.store import SHADOWED, FeedbackStore
from agile_classifier.ops.serving.shadow.comparisons import Compared, Pair, find_pair, store_compared, sum_up
from agile_classifier.ops.serving.shadow.page import as_lines, read_shadows
from tests.toys.toy_serving import Store

PAIR = Pair("toy", "1", "2", "a" * 64)


def answer(label: str, seconds: float = 0.001, **more: Any) -> dict[str, Any]:
    return {
        "label": label,
        "probability_long": 0.5,
        "model_version": "1",
        "prediction_id": "x",
        "seconds": seconds,
        **more,
    }


def compared(text: str, old: str, new: str | None, *, may_keep: bool = True, **more: Any) -> Compared:
    return Compared(text, may_keep, answer(old, **more), None if new is None else answer(new, 0.003, **more))


def test_a_text_is_kept_as_its_digest_unless_texts_are_kept_and_may_be(database: FeedbackStore) -> None:
    rows = [compared("one", "a", "a"), compared("two", "a", "b", may_keep=False)]
    store_compared(database, PAIR, rows, keeps_texts=False)
    store_compared(database, PAIR, rows, keeps_texts=True)
    found = list(database.read(select(SHADOWED).order_by(SHADOWED.c.id)))
    assert [row.digest for row in found] == [text_digest("one"), text_digest("two")] * 2
    assert [row.text for row in found] == [None, None, b"one", None]
    assert b"prediction_id" not in found[0].champion_answer
    assert b"model_version" not in found[0].champion_answer


def test_a_text_counts_once_by_the_worst_that_became_of_it(database: FeedbackStore) -> None:
    rows = [
        compared("one", "a", "a"), compared("one", "a", "a"), compared("two", "a", "b"), compared("two", "a", "a"),
        compared("three", "b", None), compared("three", "b", "a"), compared("four", "b", "b"),
    ]  # fmt: skip
    store_compared(database, PAIR, rows, keeps_texts=False)
    store_compared(database, Pair("toy", "1", "3", "b" * 64), [compared("five", "a", "b")], keeps_texts=False)
    found = sum_up(database, PAIR.key)
    assert (found.n_answers, found.n_texts, found.n_flips, found.n_failed) == (7, 4, 2, 1)
    assert dict(found.flips) == {("a", "b"): 1, ("b", "no answer"): 1}
    assert found.share == 0.5
    assert found.interval == pytest.approx((0.1500, 0.8500), abs=1e-4)  # Wilson's, by hand
    assert found.milliseconds == (1.0, 3.0)
    assert (found.n_decided, dict(found.bands)) == (0, {})


def test_decisions_in_bands_are_compared_beside_the_labels(database: FeedbackStore) -> None:
    same = Compared("one", True, answer("a", decision="review"), answer("a", decision="remove"))
    kept = Compared("two", True, answer("a", decision="release"), answer("a", decision="release"))
    store_compared(database, PAIR, [same, kept], keeps_texts=False)
    found = sum_up(database, PAIR.key)
    assert (found.n_flips, found.n_decided, dict(found.bands)) == (0, 2, {("review", "remove"): 1})
    assert "  1 of 2 texts would be decided otherwise" in as_lines(PAIR, found)


def test_nothing_compared_says_nothing(database: FeedbackStore) -> None:
    found = sum_up(database, PAIR.key)
    assert (found.n_texts, found.share, found.interval, found.milliseconds) == (0, 0.0, (0.0, 1.0), None)
    with pytest.raises(InputError, match="model toy: no version has stood in the shadow of its champion; `agile serve"):
        read_shadows(database, "toy")


def test_the_page_shows_every_pair_the_latest_last(database: FeedbackStore) -> None:
    store_compared(database, PAIR, [compared("one", "a", "b")], keeps_texts=False)
    store_compared(database, Pair("toy", "2", "3", "b" * 64), [compared("one", "a", "a")], keeps_texts=False)
    store_compared(database, Pair("other", "1", "2", "c" * 64), [compared("one", "a", "a")], keeps_texts=False)
    pages = ["\n".join(as_lines(*found)) for found in read_shadows(database, "toy")]
    assert [page.splitlines()[0] for page in pages] == [
        "toy version 2 in the shadow of champion 1", "toy version 3 in the shadow of champion 2",
    ]  # fmt: skip
    assert "  1 texts would be of another class: 100.00% (95 % interval 20.65% to 100.00%)" in pages[0]
    assert "    a → b: 1" in pages[0]
    assert "median time of a text: 1.0 ms by the champion, 3.0 ms by the candidate" in pages[0]


def test_a_pair_is_named_by_the_files_of_both_versions(store: Store) -> None:
    first = find_pair("toy", "1", "2")
    assert first == find_pair("toy", "1", "2")
    assert len({first.key, find_pair("toy", "2", "1").key, find_pair("toy", "1", "3").key}) == 3
    before = store.client.get_model_version("toy", "2").tags["digests.sha256"]
    store.client.set_model_version_tag("toy", "2", "digests.sha256", "another")
    assert find_pair("toy", "1", "2").key != first.key
    store.client.set_model_version_tag("toy", "2", "digests.sha256", before)
