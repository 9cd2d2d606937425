"""Explanations that a request asks for: by the version in service, bounded, and never taken for predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from starlette.testclient import TestClient

from agile_classifier.ops.serving.app import make_app
from agile_classifier.ops.serving.batches import Answer, Batches
from agile_classifier.ops.serving.explanations.asking import MOST_TEXTS, MOST_WORDS, Variant
from agile_classifier.ops.serving.metrics import ServingMetrics
from agile_classifier.ops.serving.several.fleet import AskedText
from agile_classifier.ops.serving.several.served import Served
from agile_classifier.ops.serving.texts import ServingLimits
from tests.toys.live_server import ToyService, take_no_verdicts

LIMITS = ServingLimits(max_rows=20, max_characters=2_000, batch_rows=8)
EXPLAIN = {"explain": True}
Serve = Callable[..., TestClient]


def answer(texts: Sequence[str], version: str = "1") -> Answer:
    """By length, as the toy that is served elsewhere."""
    long = [min(1.0, len(text) / 20) for text in texts]
    return [
        {"label": "long" if one >= 0.5 else "short", "probability_short": 1 - one, "probability_long": one, "model_version": version}
        for one in long
    ]  # fmt: skip


@pytest.fixture
def serve() -> Iterator[Serve]:
    running: list[Batches[AskedText]] = []

    def run(score: Callable[[Sequence[str]], Answer] = answer) -> TestClient:
        def score_texts(asked: Sequence[AskedText]) -> Answer:
            return score([each.text for each in asked])

        running.append(Batches(score_texts, batch_rows=LIMITS.batch_rows, max_waiting=64))
        served = Served({"toy": ToyService()}, running[-1], LIMITS)
        app = make_app(served, take_no_verdicts(), metrics=ServingMetrics(), token=None)
        return TestClient(app, base_url="http://localhost")

    yield run
    for batches in running:
        batches.close()


def ask(client: TestClient, texts: Sequence[str], params: Any = None) -> Any:
    body = {"inputs": list(texts), **({"params": params} if params is not None else {})}
    return client.post("/invocations", json=body)


TEXTS = ["nasty little words", "go"]


def test_each_answer_has_the_words_that_carry_it_and_is_otherwise_the_same(serve: Serve) -> None:
    client = serve()
    plain, explained = (ask(client, TEXTS, params).json()["predictions"] for params in (None, EXPLAIN))
    found = [row.pop("explanation") for row in explained]
    assert explained == plain
    assert [row["label"] for row in plain] == [each["label"] for each in found]
    assert [word["probability"] for word in found[0]["words"]] == pytest.approx([13 / 20, 12 / 20, 13 / 20])
    assert found[1]["words"][0]["share"] == 1


@pytest.mark.parametrize("params", [{"explain": False}, {}, {"temperature": 1}])
def test_nothing_is_explained_that_was_not_asked_for(serve: Serve, params: dict[str, Any]) -> None:
    assert all("explanation" not in row for row in ask(serve(), TEXTS, params).json()["predictions"])


def test_words_are_scored_a_batch_at_a_time_and_marked_as_no_predictions(serve: Serve) -> None:
    asked: list[list[str]] = []

    def noted(texts: Sequence[str]) -> Answer:
        asked.append(list(texts))
        return answer(texts)

    text = " ".join(["word"] * 20)
    assert ask(serve(noted), [text], EXPLAIN).status_code == 200
    first, *others = asked
    assert not any(isinstance(each, Variant) for each in first)
    assert all(isinstance(each, Variant) for batch in others for each in batch)
    assert max(map(len, asked)) <= LIMITS.batch_rows
    assert sum(map(len, others)) == 1 + 20 + 1  # the text once more, without each word, without the telling ones


def test_of_a_long_text_the_first_words_are_weighed_and_the_answer_says_so(serve: Serve) -> None:
    text = " ".join(["word"] * (MOST_WORDS + 1))
    found = ask(serve(), [text], EXPLAIN).json()["predictions"][0]["explanation"]
    assert (len(found["words"]), found["n_words"], found["truncated"]) == (MOST_WORDS, MOST_WORDS + 1, True)


BAD = [
    ({"explain": "yes"}, 1, 400, "params: explain: true or false is needed; found 'yes'"),
    ({"explain": 1}, 1, 400, "params: explain: true or false is needed; found 1"),
    (EXPLAIN, MOST_TEXTS + 1, 413, f"9 rows to explain in one request; at most {MOST_TEXTS} are allowed: send several"),
]


@pytest.mark.parametrize(("params", "n_texts", "status", "said"), BAD, ids=lambda value: str(value)[:40])
def test_what_cannot_be_explained_is_refused_in_a_line(
    serve: Serve, params: dict[str, Any], n_texts: int, status: int, said: str
) -> None:
    refused = ask(serve(), ["a text"] * n_texts, params)
    assert (refused.status_code, refused.json()["message"]) == (status, said)


def test_an_explanation_is_of_one_version_or_there_is_none(serve: Serve) -> None:
    versions = iter(["1", "1", "2", "2", "2", "2"])
    refused = ask(serve(lambda texts: answer(texts, next(versions))), [" ".join(["word"] * 20)], EXPLAIN)
    assert (refused.status_code, refused.json()["message"]) == (503, "another version took over: try again later")
