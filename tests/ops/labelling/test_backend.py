"""The routes that Label Studio calls: what they answer, to whom, and which events lead to a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.errors import InputError
from agile_classifier.ops.labelling import backend, champions
from agile_classifier.ops.labelling.champions import LoadedChampions
from agile_classifier.ops.labelling.links import Link, write_link
from agile_classifier.ops.registry.versions import Champion
from agile_classifier.ops.serving.guard import Guard, Rules
from agile_classifier.ops.serving.refusals import Refusal, answer_error

SERVER, TOKEN = "http://127.0.0.1:8080", "sentinel-token-of-the-launcher"
INTERFACE = """<View><Text name="t" value="$body"/><Choices name="mood" toName="t">
<Choice value="fine" alias="0"/><Choice value="rude" alias="1"/></Choices></View>"""
MINE = "7.1764485000"


class Heard:
    """A trigger that only remembers."""

    def __init__(self) -> None:
        self.noticed: list[tuple[int, bool]] = []

    def notice(self, link: Link, *, is_asked: bool) -> None:
        self.noticed.append((link.project, is_asked))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def client(heard: Heard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> TestClient:
    """The routes behind the guard, where project 7 belongs to `mood`, whose champion is version 3."""
    monkeypatch.setenv("AGILE_HOME", str(tmp_path))
    monkeypatch.setenv("LABEL_STUDIO_URL", SERVER)
    write_link(Link(address=SERVER, project=7, title="to label", model_name="mood", config="/run.yaml"))
    write_link(Link(address=SERVER, project=8, title="a model's", model_name="mood", config=None))

    def find(model_name: str | None) -> Champion:
        if model_name != "mood":
            raise InputError("several models have a champion: name one with --model: mood, topic")
        return Champion("mood", "3")

    def load(name: str, version: str) -> champions.Score:
        def score(texts: Sequence[str]) -> pd.DataFrame:
            rude = ["!" in text for text in texts]
            return pd.DataFrame(
                {"label": ["rude" if one else "fine" for one in rude],
                 "probability_fine": [0.1 if one else 0.8 for one in rude],
                 "probability_rude": [0.9 if one else 0.2 for one in rude]}
            )  # fmt: skip

        return score

    monkeypatch.setattr(champions, "find_champion", find)
    app = FastAPI()
    backend.add_routes(app, heard, LoadedChampions(load))  # type: ignore[arg-type]

    @app.exception_handler(InputError)
    async def refuse(request: Any, error: InputError) -> Any:
        return await answer_error(request, Refusal(400, str(error)))

    client = TestClient(Guard(app, Rules(token=TOKEN, media_types=("application/json",))))
    client.auth = ("agile", TOKEN)
    return client


def task(text: Any, number: int = 1) -> dict[str, Any]:
    return {"id": number, "data": {"body": text}, "project": 7, "predictions": [], "is_labeled": False}


def test_nobody_without_the_token_is_answered(client: TestClient, heard: Heard) -> None:
    for path in backend.PATHS:
        assert client.post(path, json={"action": backend.START}, auth=("agile", "wrong")).status_code == 401
    assert heard.noticed == []
    headers = {"Authorization": f"Bearer {TOKEN}"}  # as the webhook sends it
    assert (
        client.post(
            "/webhook", json={"action": "PROJECT_UPDATED"}, headers=headers, auth=lambda request: request
        ).status_code
        == 202
    )


def test_the_champion_is_told_before_it_is_loaded(client: TestClient) -> None:
    body = {"project": MINE, "schema": INTERFACE, "hostname": "", "access_token": "x", "extra_params": None}
    assert client.post("/setup", json=body).json() == {"model_version": "mood version 3"}
    refused = client.post("/setup", json={**body, "project": "99.1"})
    assert (refused.status_code, refused.json()["message"][:30]) == (400, "several models have a champion")


def test_each_task_is_predicted_in_its_place_and_a_blank_one_has_no_result(client: TestClient) -> None:
    tasks = [task("go away!"), task("  "), task("so kind"), task(None), {"id": 9, "data": {"other": "x"}}]
    answer = client.post("/predict", json={"project": MINE, "label_config": INTERFACE, "tasks": tasks}).json()
    assert answer["model_version"] == "mood version 3"
    rude, blank, fine, nothing, other = answer["results"]
    assert rude == {
        "model_version": "mood version 3", "score": 0.9,
        "result": [{"from_name": "mood", "to_name": "t", "type": "choices", "value": {"choices": ["1"]}}],
    }  # fmt: skip
    assert (fine["score"], fine["result"][0]["value"]) == (0.8, {"choices": ["0"]})
    assert [one["result"] for one in (blank, nothing, other)] == [[], [], []]


def test_an_interface_that_judges_no_text_is_refused(client: TestClient) -> None:
    body = {"project": MINE, "label_config": "<View/>", "tasks": [task("a")]}
    refused = client.post("/predict", json=body)
    assert refused.status_code == 400
    assert "no control that judges a text" in refused.json()["message"]


@pytest.mark.parametrize(
    "event",
    [
        {"action": "START_TRAINING", "project": {"id": 7, "title": "to label"}},
        {"action": "ANNOTATION_CREATED", "annotation": {"id": 1, "project": 7}, "task": {"id": 1, "project": 7}},
        {"action": "ANNOTATION_CREATED", "annotation": {"id": 1, "project": 7}, "project": {"id": 7}},
        {"action": "ANNOTATIONS_CREATED", "annotation": [{"id": 1, "project": 7}], "task": [{"id": 1, "project": 7}]},
        {"action": "ANNOTATION_UPDATED", "task": {"id": 1, "project": "7"}},
    ],
)  # fmt: skip
def test_labels_and_the_button_are_noticed_wherever_the_project_stands(
    client: TestClient, heard: Heard, event: dict[str, Any]
) -> None:
    assert client.post("/webhook", json=event).status_code == 202
    assert heard.noticed == [(7, event["action"] == "START_TRAINING")]


def test_the_button_of_older_servers_is_noticed(client: TestClient, heard: Heard) -> None:
    body = {"project": MINE, "annotations": [], "label_config": INTERFACE, "params": {"login": "", "password": ""}}
    assert client.post("/train", json=body).status_code == 202
    assert heard.noticed == [(7, True)]


@pytest.mark.parametrize(
    "action", ["PROJECT_UPDATED", "TASKS_CREATED", "ANNOTATIONS_DELETED", "LABEL_LINK_CREATED", "x"]
)
def test_no_other_event_starts_anything(client: TestClient, heard: Heard, action: str) -> None:
    answer = client.post("/webhook", json={"action": action, "project": {"id": 7}})
    assert (answer.status_code, heard.noticed) == (202, [])


def test_what_no_training_can_follow_from_is_said(client: TestClient, heard: Heard) -> None:
    pressed = {"action": "START_TRAINING"}
    for event, status, words in (
        (pressed, 400, "no project"),
        ({**pressed, "project": {"id": 99}}, 409, "agile label push CONFIG --project NUMBER"),
        ({**pressed, "project": {"id": 8}}, 409, "pushed for model mood alone"),
    ):
        refused = client.post("/webhook", json=event)
        assert (refused.status_code, words in refused.json()["message"]) == (status, True)
    labelled = {"action": "ANNOTATION_CREATED", "project": {"id": 99}}
    assert client.post("/webhook", json=labelled).json()["status"].startswith("noted")
    assert heard.noticed == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("7.1"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "project", "annotation", "task"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["project", "annotation", "annotations", "task", "tasks"]), JSON, max_size=5))
def test_no_form_of_an_event_makes_the_search_for_its_project_fail(event: dict[str, Any]) -> None:
    found = backend.project_of(event)
    assert found is None or found >= 0


def test_a_promotion_is_followed_and_a_version_is_loaded_once() -> None:
    loaded: list[tuple[str, str]] = []

    def load(name: str, version: str) -> champions.Score:
        loaded.append((name, version))
        return lambda texts: pd.DataFrame({"label": [version] * len(texts)})

    known = LoadedChampions(load)
    said = [known.score(Champion(*one), ["a"])["label"][0] for one in (("m", "1"), ("m", "1"), ("n", "4"), ("m", "2"))]
    assert said == ["1", "1", "4", "2"]
    assert loaded == [("m", "1"), ("n", "4"), ("m", "2")]
