"""Perspective's comments:analyze: requests as its documentation writes them, answered by the classes of served models."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from agile_classifier.errors import InputError
from agile_classifier.ops.serving.apis.classes import ClassNames, ClassTable, read_attributes
from agile_classifier.ops.serving.app import make_app
from agile_classifier.ops.serving.metrics import ServingMetrics
from agile_classifier.ops.serving.texts import ServingLimits
from tests.toys.live_server import ToyService, serving_toys, take_no_verdicts

TOKEN = "sentinel-token-0123456789"
LIMITS = ServingLimits(max_characters=100)
MODELS = {"hate": ToyService(("no", "hateful"), "3"), "abuse": ToyService(("no", "very rude"), "5")}
NAMES = ClassNames({"TOXICITY": "hateful", "CLEAN": "abuse/no"})
DOCUMENTED = {
    "comment": {"text": "what kind of idiot name is foo? Sorry, I like your name."},
    "languages": ["en"],
    "requestedAttributes": {"TOXICITY": {}},
}
"""A request of Perspective's documentation."""


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with serving_toys(LIMITS, **MODELS) as served:
        app = make_app(served, take_no_verdicts(), metrics=ServingMetrics(), token=TOKEN, names=NAMES)
        yield TestClient(app, base_url="http://localhost", raise_server_exceptions=False)


def ask(client: TestClient, body: Any, *, key: str = TOKEN) -> dict[str, Any]:
    answer = client.post("/v1alpha1/comments:analyze", params={"key": key}, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_documented_request_is_answered(client: TestClient) -> None:
    assert ask(client, DOCUMENTED) == {
        "attributeScores": {
            "TOXICITY": {"summaryScore": {"value": 0.25, "type": "PROBABILITY"}, "modelVersion": "3"}
        },
        "languages": ["en"],
    }  # fmt: skip


def test_every_field_of_perspective_is_taken(client: TestClient) -> None:
    asked = {
        "comment": {"text": "a comment", "type": "PLAIN_TEXT"},
        "context": {"entries": [{"text": "before", "type": "PLAIN_TEXT"}]},
        "requestedAttributes": {
            "hateful": {"scoreType": "PROBABILITY", "scoreThreshold": 0.25}, "HATEFUL": {"scoreThreshold": 0.26},
            "VERY_RUDE": {}, "hate/no": {}, "CLEAN": {},
        },
        "spanAnnotations": True, "languages": ["de", "en"], "doNotStore": True, "clientToken": "mine",
        "sessionId": "a", "communityId": "b",
    }  # fmt: skip
    answer = ask(client, asked)
    assert set(answer["attributeScores"]) == {"hateful", "VERY_RUDE", "hate/no", "CLEAN"}
    assert answer["attributeScores"]["CLEAN"]["summaryScore"]["value"] == 0.125
    assert answer["attributeScores"]["CLEAN"]["modelVersion"] == "5"
    assert answer["attributeScores"]["hateful"]["spanScores"] == [
        {"begin": 0, "end": 9, "score": {"value": 0.25, "type": "PROBABILITY"}}
    ]
    assert (answer["clientToken"], answer["languages"]) == ("mine", ["de", "en"])
    in_snakes = {"comment": {"text": "a"}, "requested_attributes": {"TOXICITY": {}}, "do_not_store": True}
    assert ask(client, in_snakes)["attributeScores"]["TOXICITY"]["summaryScore"]["value"] == 0.25


WRONG = {
    "an unknown attribute": ({"requestedAttributes": {"TOXICTY": {}}}, "requestedAttributes: no 'TOXICTY'; there are TOXICITY, CLEAN, hate/no, hateful, abuse/no, very rude; did you mean"),
    "an attribute of two models": ({"requestedAttributes": {"no": {}}}, "requestedAttributes: several models have 'no': ask for hate/no or abuse/no"),
    "no attributes": ({"requestedAttributes": {}}, "requestedAttributes: Dictionary should have at least 1 item"),
    "no comment": ({"comment": None}, "comment: Input should be"),
    "a blank comment": ({"comment": {"text": " "}}, "comment.text: the text is ' '"),
    "a long comment": ({"comment": {"text": "a" * 101}}, "comment.text: the text has 101 characters; at most 100"),
    "HTML": ({"comment": {"text": "<p>a</p>", "type": "HTML"}}, "comment: type: Input should be 'PLAIN_TEXT'"),
    "a threshold out of bounds": ({"requestedAttributes": {"TOXICITY": {"scoreThreshold": 2}}}, "requestedAttributes: TOXICITY: scoreThreshold: Input should be less than or equal to 1"),
    "an unknown field": ({"coment": "a"}, "coment: Extra inputs are not permitted"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "said"), WRONG.values(), ids=list(WRONG))
def test_what_is_wrong_is_a_line_in_googles_form(client: TestClient, change: dict[str, Any], said: str) -> None:
    answer = client.post("/v1alpha1/comments:analyze", params={"key": TOKEN}, json={**DOCUMENTED, **change})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    assert error["message"].startswith(said)


def test_the_token_is_the_key_or_a_bearer_and_is_neither_logged_nor_passed_on(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    path = "/v1alpha1/comments:analyze"
    for options in ({"params": {"key": TOKEN}}, {"headers": {"X-Goog-Api-Key": TOKEN}}, {"headers": {"Authorization": f"Bearer {TOKEN}"}}):  # fmt: skip
        assert client.post(path, json=DOCUMENTED, **options).status_code == 200
    with caplog.at_level(logging.DEBUG):
        for options in ({}, {"params": {"key": f"{TOKEN}x"}}, {"headers": {"X-Goog-Api-Key": "é".encode()}}):
            answer = client.post(path, json=DOCUMENTED, **options)
            assert (answer.status_code, answer.json()["error"]["status"]) == (401, "UNAUTHENTICATED")
            assert TOKEN not in answer.text
    assert TOKEN not in "".join(record.getMessage() for record in caplog.records if record.name.startswith("agile"))
    for other in ("/invocations", "/v1/moderations"):
        assert client.post(other, params={"key": TOKEN}, json={"input": "a"}).status_code == 401


@pytest.mark.parametrize(("pairs", "said"), [
    (["TOXICITY"], "--attribute 'TOXICITY': write NAME=CLASS, as TOXICITY=hate"),
    (["=hate"], "write NAME=CLASS"),
    (["T=a", "T=b"], "--attribute T: named twice, as 'a' and 'b'"),
])  # fmt: skip
def test_pairs_that_say_nothing_are_refused(pairs: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_attributes(pairs)
    assert read_attributes([" T = a=b "]) == {"T": "a=b"}


@pytest.mark.parametrize(("names", "said"), [
    (ClassNames({"T": "hatefull"}), "--attribute T=hatefull: no such class; there are no, hateful, no, very rude; did you mean"),
    (ClassNames({"T": "no"}), "--attribute T=no: several models have it; name hate/no or abuse/no"),
    (ClassNames(harmless=["clean"]), "--harmless clean: no such class; there are hateful, no, very rude"),
])  # fmt: skip
def test_names_of_no_class_are_refused_at_the_start(names: ClassNames, said: str) -> None:
    with serving_toys(LIMITS, **MODELS) as served, pytest.raises(InputError, match=said):
        ClassTable(served, names)
