"""Batches: what waits is scored together, each request gets its own rows, and the queue has an end."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from agile_classifier.ops.serving.batches import Answer, Batches, Closed, QueueFull
from tests.toys.waiting import LONGEST


class Gated:
    """Scores nothing until the gate is opened; remembers the batches."""

    def __init__(self) -> None:
        self.gate, self.entered = threading.Event(), threading.Event()
        self.batches: list[list[str]] = []

    def score(self, texts: Sequence[str]) -> Answer:
        self.entered.set()
        assert self.gate.wait(LONGEST)
        self.batches.append(list(texts))
        if "broken" in texts:
            raise RuntimeError("broken")
        return [{"text": text} for text in texts]


def test_requests_that_wait_are_scored_together_and_a_culprit_fails_alone() -> None:
    gated = Gated()
    batches = Batches(gated.score, batch_rows=4, max_waiting=100)
    first = batches.submit(["first"])
    assert gated.entered.wait(LONGEST)
    waiting = [batches.submit(texts) for texts in (["a", "b"], ["broken"], ["c", "d"], list("efghi"))]
    gated.gate.set()
    assert first.result(LONGEST) == [{"text": "first"}]
    assert waiting[0].result(LONGEST) == [{"text": "a"}, {"text": "b"}]
    assert isinstance(waiting[1].exception(LONGEST), RuntimeError)
    assert [row["text"] for row in waiting[3].result(LONGEST)] == list("efghi")
    assert gated.batches == [["first"], ["a", "b", "broken"], ["a", "b"], ["broken"], ["c", "d"], list("efghi")]
    batches.close()


def test_the_queue_is_bounded_and_what_is_cancelled_is_not_scored() -> None:
    gated = Gated()
    batches = Batches(gated.score, batch_rows=8, max_waiting=3)
    batches.submit(["first"])
    assert gated.entered.wait(LONGEST)
    cancelled, kept = batches.submit(["a", "b"]), batches.submit(["c"])
    with pytest.raises(QueueFull):
        batches.submit(["d"])
    assert batches.waiting_rows == 3
    assert cancelled.cancel()
    gated.gate.set()
    assert kept.result(LONGEST) == [{"text": "c"}]
    batches.close()
    assert gated.batches == [["first"], ["c"]]
    with pytest.raises(Closed):
        batches.submit(["e"])
