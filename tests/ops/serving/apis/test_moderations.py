"""OpenAI's moderations: what its own client sends is answered in its form, and what is wrong is one line of its kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from agile_classifier.ops.serving.apis.classes import ClassNames
from agile_classifier.ops.serving.app import make_app
from agile_classifier.ops.serving.metrics import ServingMetrics
from agile_classifier.ops.serving.texts import ServingLimits
from tests.toys.live_server import ToyService, serving_toys, take_no_verdicts

LIMITS = ServingLimits(max_rows=3, max_characters=10)
MODELS = {"toy": ToyService(("no", "yes")), "three": ToyService(("calm", "rude", "cruel")), "four": ToyService(("a", "b", "c", "d")), "marks": ToyService(("rude", "sly"), several=True)}  # fmt: skip


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """Three models that answer each text with itself as the label; of `three` it was said which class is harmless."""
    with serving_toys(LIMITS, **MODELS) as served:
        names = ClassNames(harmless=("calm",))
        app = make_app(served, take_no_verdicts(), metrics=ServingMetrics(), token=None, names=names)
        yield TestClient(app, base_url="http://localhost", raise_server_exceptions=False)


def ask(client: TestClient, **body: Any) -> dict[str, Any]:
    answer = client.post("/v1/moderations", json={"model": "toy", **body})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_text_has_a_result_of_the_classes_that_are_a_complaint(client: TestClient) -> None:
    answer = ask(client, input="yes")
    assert answer["id"].startswith("modr-")
    assert answer["model"] == "toy"
    assert answer["results"] == [{
        "flagged": True, "categories": {"yes": True}, "category_scores": {"yes": 0.25},
        "category_applied_input_types": {"yes": ["text"]}, "model_version": "7",
    }]  # fmt: skip
    assert ask(client, input="no")["results"][0]["flagged"] is False
    assert ask(client, input="no")["id"] != answer["id"]


def test_texts_have_a_result_each_and_the_parts_of_an_input_one_together(client: TestClient) -> None:
    assert [each["flagged"] for each in ask(client, input=["yes", "no", "yes"])["results"]] == [True, False, True]
    parts = [{"type": "text", "text": text} for text in ("no", "yes", "no")]
    (together,) = ask(client, input=parts)["results"]
    assert (together["flagged"], together["categories"]) == (True, {"yes": True})
    assert ask(client, input=parts[:1])["results"][0]["flagged"] is False


def test_with_more_than_two_classes_the_harmless_one_is_said_at_the_start(client: TestClient) -> None:
    (result,) = ask(client, model="three", input="cruel")["results"]
    assert result["categories"] == {"rude": False, "cruel": True}
    assert result["flagged"] == any(result["categories"].values())
    assert ask(client, model="three", input="calm")["results"][0]["flagged"] is False
    answer = client.post("/v1/moderations", json={"model": "four", "input": "a"})
    assert answer.status_code == 400
    assert "four tells a, b, c, d apart" in answer.json()["error"]["message"]
    assert "--harmless CLASS" in answer.json()["error"]["message"]


def test_of_several_labels_each_is_a_category_of_its_own(client: TestClient) -> None:
    (both,) = ask(client, model="marks", input="rude sly")["results"]
    assert (both["flagged"], both["categories"]) == (True, {"rude": True, "sly": True})
    (neither,) = ask(client, model="marks", input="nothing")["results"]
    assert (neither["flagged"], neither["categories"]) == (False, {"rude": False, "sly": False})


WRONG = {
    "no input": ({}, 400, "input: Field required"),
    "null": ({"input": None}, 400, "input: a text, a list of texts or a list of parts is needed; found null"),
    "a number": ({"input": 5}, 400, "input: a text, a list of texts or a list of parts is needed; found the number 5"),
    "no texts": ({"input": []}, 400, "no rows: at least one text is needed"),
    "a blank text": ({"input": ["a", " "]}, 400, "row 1: the text is ' '"),
    "a number among texts": ({"input": ["a", 5]}, 400, "row 1: the text is the number 5"),
    "a long text": ({"input": "a" * 11}, 400, "row 0: the text has 11 characters; at most 10 are allowed"),
    "many texts": ({"input": ["a"] * 4}, 413, "4 rows in one request; at most 3 are allowed: send several"),
    "ten thousand texts": ({"input": ["a"] * 10_000}, 413, "10000 rows in one request; at most 3 are allowed"),
    "an image": ({"input": [{"type": "image_url", "image_url": {"url": "a"}}]}, 400, "input: part 0: type 'image_url'; only 'text' is moderated here"),
    "a part without its text": ({"input": [{"type": "text"}]}, 400, "input: part 0: its fields are 'type'; needed are 'type' and 'text'"),
    "a part of no text": ({"input": [{"type": "text", "text": None}]}, 400, "row 0: the text is missing"),
    "both": ({"input": ["a", {"type": "text", "text": "b"}]}, 400, "input: a list of texts or a list of parts is needed; found both"),
    "an unknown model": ({"model": "tox", "input": "a"}, 404, "model: no 'tox' is served here; there are: toy, three, four, marks; did you mean"),
    "no model": ({"model": None, "input": "a"}, 400, "model: name one of the models that are served here: toy, three, four, marks"),
    "an unknown field": ({"input": "a", "inputs": "b"}, 400, "inputs: Extra inputs are not permitted"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "status", "said"), WRONG.values(), ids=list(WRONG))
def test_what_is_wrong_is_a_line_in_openais_form(
    client: TestClient, body: dict[str, Any], status: int, said: str
) -> None:
    answer = client.post("/v1/moderations", json={"model": "toy", **body})
    error = answer.json()["error"]
    assert (answer.status_code, set(error)) == (status, {"message", "type", "param", "code"})
    assert error["message"].startswith(said)
    assert "\n" not in error["message"]
    assert error["type"] == "invalid_request_error"


def test_other_refusals_have_that_form_too(client: TestClient) -> None:
    assert client.get("/v1/moderations").json()["error"]["message"] == "/v1/moderations takes POST, not GET"
    csv = client.post("/v1/moderations", content=b"text\na\n", headers={"content-type": "text/csv"})
    assert (csv.status_code, csv.json()["error"]["type"]) == (415, "invalid_request_error")
    broken = client.post("/v1/moderations", content=b"{", headers={"content-type": "application/json"})
    assert (broken.status_code, broken.json()["error"]["code"]) == (400, None)
    assert client.post("/invocations", json={}).json().keys() == {"error_code", "message"}


def test_the_models_are_listed(client: TestClient) -> None:
    assert [model["id"] for model in client.get("/v1/models").json()["data"]] == [*MODELS]


def test_mlflows_interface_asks_the_model_that_is_named(client: TestClient) -> None:
    def asked(**options: Any) -> tuple[int, str]:
        answer = client.post("/invocations", **options)
        return answer.status_code, answer.text

    status, found = asked(json={"inputs": ["a"], "params": {"model": "three"}})
    assert status == 200
    assert "probability_cruel" in found
    csv = {"content": b"text\na\n", "headers": {"content-type": "text/csv"}, "params": {"model": "four"}}
    assert "probability_d" in asked(**csv)[1]
    for wrong, status, said in (
        ({"params": {"model": "nobody"}}, 404, "no 'nobody' is served here; there are: toy, three, four, marks"),
        ({"params": {"model": 5}}, 400, "params.model: the name of a model is needed; found the number 5"),
        ({}, 400, "name one of the models that are served here: toy, three, four, marks"),
    ):
        assert asked(json={"inputs": ["a"], **wrong})[0] == status
        assert said in asked(json={"inputs": ["a"], **wrong})[1]
    both = asked(json={"inputs": ["a"], "params": {"model": "toy"}}, params={"model": "four"})
    assert both[0] == 400
    assert "name one" in both[1]
