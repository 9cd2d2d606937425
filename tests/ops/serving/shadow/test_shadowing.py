"""Shadowing: the champion's answers wait for nothing, whatever the candidate does, and every text is accounted for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select

from agile_classifier.ops.feedback.store import SHADOWED, FeedbackStore
from agile_classifier.ops.serving.metrics import ServingMetrics
from agile_classifier.ops.serving.several.fleet import Answered, AskedText
from agile_classifier.ops.serving.shadow import shadowing
from agile_classifier.ops.serving.shadow.choice import ShadowChoice, ShadowTarget
from agile_classifier.ops.serving.shadow.comparisons import find_pair, sum_up
from agile_classifier.ops.serving.shadow.process import CandidateFailed, CandidateGone
from agile_classifier.ops.serving.shadow.shadowing import Shadow
from tests.toys.toy_serving import Store
from tests.toys.waiting import LONGEST, until


@dataclass
class Candidate:
    """A candidate in this process: `long` from three characters on; it may be held, fail, or end."""

    gate: threading.Event = field(default_factory=threading.Event)
    asked: list[list[str]] = field(default_factory=list)
    n_started: int = 0
    cannot_load: int = 0

    def open(self, model_name: str, version: str) -> Any:
        self.n_started += 1
        return self

    def require_ready(self) -> None:
        if self.cannot_load:
            self.cannot_load -= 1
            raise CandidateGone("its files are gone")

    def score(self, texts: Sequence[str]) -> tuple[list[dict[str, Any]], float]:
        assert self.gate.wait(LONGEST)
        self.asked.append(list(texts))
        if "deadly" in texts:
            raise CandidateGone("its process ended by signal 9")
        if "bad" in texts:
            raise CandidateFailed("RuntimeError: bad")
        return [{"label": "long" if len(text) >= 3 else "short"} for text in texts], 0.002

    def kill(self) -> None:
        self.gate.set()

    def close(self) -> None:
        pass


def answered(*texts: str, version: str = "1", may_keep: bool = True) -> Answered:
    rows = [{"label": "short", "model_version": version} for _ in texts]
    return Answered("toy", [AskedText("toy", text, may_keep) for text in texts], rows, 0.001)


@dataclass
class Bench:
    """A shadow, its candidate, and what it says."""

    shadow: Shadow
    candidate: Candidate
    metrics: ServingMetrics
    database: FeedbackStore
    said: list[str]

    def count(self, result: str) -> int:
        return int(self.metrics.shadow.labels("toy", result)._value.get())

    def until(self, **counts: int) -> None:
        until(
            lambda: all(self.count(result) == n for result, n in counts.items()),
            lambda: (self.said, self.metrics.page()),
        )


Make = Callable[..., Bench]


@pytest.fixture
def make(store: Store, database: FeedbackStore) -> Iterator[Make]:
    made: list[Bench] = []

    def make(candidate: Candidate, *, target: ShadowTarget = ShadowTarget("toy", "2", None), **choice: Any) -> Bench:
        metrics, said = ServingMetrics(), list[str]()
        shadow = Shadow(
            target, ShadowChoice((target.version,), **choice), store=database, metrics=metrics, every=0.01, pause=0.001,
            open_process=candidate.open, say=said.append,
        )  # fmt: skip
        made.append(Bench(shadow, candidate, metrics, database, said))
        shadow.start()
        return made[-1]

    yield make
    for bench in made:
        bench.shadow.stop()


def opened() -> Candidate:
    candidate = Candidate()
    candidate.gate.set()
    return candidate


def test_both_answers_are_stored(make: Make) -> None:
    bench = make(opened(), keep_texts=True)
    bench.shadow.hear(answered("ab", "abc"))
    bench.shadow.hear(answered("private", may_keep=False))
    bench.until(same=1, flipped=2)
    found = sum_up(bench.database, find_pair("toy", "1", "2").key)
    assert (found.n_texts, found.n_flips, found.milliseconds) == (3, 2, (1.0, 2.0))
    assert {row.text for row in bench.database.read(select(SHADOWED))} == {b"ab", b"abc", None}


def test_nobody_waits_for_a_candidate_that_is_held_and_what_finds_no_place_is_counted(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadowing, "MOST_WAITING", 5)
    bench = make(Candidate())
    bench.shadow.hear(answered("first"))
    until(lambda: not bench.shadow._waiting, "the candidate is not asked")
    for _ in range(10):
        bench.shadow.hear(answered("a", "b", "c"))  # would never return if it waited
    assert bench.count("dropped") == 25
    bench.candidate.gate.set()
    bench.until(same=5, flipped=1)


def test_a_text_over_which_the_candidate_fails_is_found_and_the_others_are_compared(make: Make) -> None:
    bench = make(Candidate())
    bench.shadow.hear(answered("a"))
    bench.shadow.hear(answered("b", "bad", "abc"))
    bench.candidate.gate.set()
    bench.until(same=2, flipped=1, failed=1)
    assert "agile serve: shadow of toy: version 2 fails over a text: RuntimeError: bad" in bench.said
    assert sum_up(bench.database, find_pair("toy", "1", "2").key).flips["short", "no answer"] == 1


def test_a_text_over_which_its_process_ends_is_found_and_the_others_are_compared(make: Make) -> None:
    bench = make(opened())
    bench.shadow.hear(answered("a", "deadly", "b", "abc"))
    bench.until(same=2, flipped=1, failed=1)
    assert bench.candidate.n_started >= 2
    assert bench.said[0] == "agile serve: shadow of toy: version 2: its process ended by signal 9; it is started again"
    bench.shadow.hear(answered("c"))
    bench.until(same=3)


def test_a_candidate_that_cannot_be_loaded_is_tried_again_and_loses_nothing(make: Make) -> None:
    candidate = opened()
    candidate.cannot_load = 2
    bench = make(candidate)
    bench.shadow.hear(answered("a", "b"))
    bench.until(same=2)
    assert (candidate.n_started, bench.count("failed")) == (3, 0)


def test_a_promotion_of_the_candidate_ends_the_comparison_until_the_alias_moves(make: Make, store: Store) -> None:
    store.client.set_registered_model_alias("toy", "next", "2")
    bench = make(opened(), target=ShadowTarget("toy", "2", "next"))
    bench.shadow.hear(answered("a"))
    bench.until(same=1)
    bench.shadow.hear(answered("a", version="2"))
    bench.until(skipped=1)
    assert "version 2 is not compared with champion 2: it is the champion itself" in bench.said[-1]
    store.client.set_registered_model_alias("toy", "next", "3")
    until(lambda: "version 3 stands in the shadow now" in bench.said[-1], lambda: bench.said)
    bench.shadow.hear(answered("b", version="2"))
    bench.until(same=2)
    assert sum_up(bench.database, find_pair("toy", "2", "3").key).n_texts == 1


def test_a_candidate_of_another_task_is_not_compared(make: Make) -> None:
    bench = make(opened(), differs=lambda *_: "its label threshold is 3 and the champion's 2")
    bench.shadow.hear(answered("a"))
    bench.until(skipped=1)
    assert "its label threshold is 3" in bench.said[0]
    assert bench.candidate.n_started == 0


def test_a_share_of_the_texts_is_asked(make: Make) -> None:
    bench = make(opened(), share=0.1)
    for number in range(50):
        bench.shadow.hear(answered(*(f"{number} {other}" for other in range(10))))
    until(lambda: not bench.shadow._waiting, "texts wait")
    bench.shadow.stop()
    assert 10 < sum(bench.count(result) for result in ("same", "flipped")) < 120  # of 500


def test_a_store_that_does_not_answer_loses_comparisons_and_counts_them(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make(opened())
    monkeypatch.setattr(bench.shadow, "_store", FeedbackStore("postgresql://nobody@127.0.0.1:9/none"))
    bench.shadow.hear(answered("a"))
    bench.until(lost=1)
    assert "comparisons are lost" in bench.said[0]
