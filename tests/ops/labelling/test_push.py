"""Push and connect, against recorded answers: what is sent, what is not sent twice, and what is left to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agile_classifier.data.label_studio.connection import connect
from agile_classifier.data.label_studio.projects import find_project
from agile_classifier.errors import InputError
from agile_classifier.ops.labelling import push as pushing
from agile_classifier.ops.labelling.connecting import connect_project
from agile_classifier.ops.registry.contents import version_files
from agile_classifier.ops.scoring.queue import Pool, Queue
from tests.toys import toy_label_studio
from tests.toys.toy_label_studio import TOKEN, ToyLabelStudio

CONFIG = {"data": {"columns": {"text": "text"}}, "labels": {"rule": "given", "columns": ["mood"]}}


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ToyLabelStudio]:
    """A server, and version 3 of `mood`, which takes a `!` for rude."""

    class Spec:
        class_names = ("fine", "rude")

    def load(name: str, number: str) -> Callable[[Sequence[str]], pd.DataFrame]:
        def score(texts: Sequence[str]) -> pd.DataFrame:
            rude = [0.7 if "!" in text else 0.4 for text in texts]
            label = ["rude" if one > 0.5 else "fine" for one in rude]
            return pd.DataFrame(
                {"label": label, "probability_fine": [1 - one for one in rude], "probability_rude": rude}
            )

        return score

    monkeypatch.setattr(pushing, "Scorer", load)
    monkeypatch.setattr(version_files, "read_config", lambda *_: CONFIG)
    monkeypatch.setattr(version_files, "read_spec", lambda *_: Spec)
    with toy_label_studio.answering() as toy:
        monkeypatch.setenv("LABEL_STUDIO_URL", toy.address)
        monkeypatch.setenv("LABEL_STUDIO_API_KEY", TOKEN)
        yield toy


def queue_of(*texts: str, column: str = "text") -> Queue:
    frame = pd.DataFrame({
        "number": range(len(texts)), column: texts, "half": [0.5, *[None] * (len(texts) - 1)],
        "probability": 0.5, "reason": "rude 0.50", "mood": "",
    })  # fmt: skip
    return Queue(frame, Pool(Path("pool.csv"), column, "mood", frame), 0, 0, 0, "mood", "3")


def send(queue: Queue, named: str) -> pushing.Pushed:
    connection = connect()
    project, controls, is_new = pushing.open_project(connection, named, model_name="mood", version="3")
    return pushing.push(connection, queue, project, controls, is_new=is_new)


def imported(toy: ToyLabelStudio) -> list[dict[str, Any]]:
    return [task for _, path, content in toy.sent if path.endswith("/import") for task in content]


def test_a_project_is_made_with_the_question_and_filled_with_what_the_version_says(toy: ToyLabelStudio) -> None:
    pushed = send(queue_of("go away!", "so kind"), "to label")
    assert (pushed.is_new, pushed.n_sent, pushed.n_known, pushed.n_prelabelled) == (True, 2, 0, 2)
    assert '<Choices name="mood" toName="text"' in toy.project["label_config"]
    rude, fine = imported(toy)
    assert rude["data"] == {"number": 0, "text": "go away!", "half": 0.5, "probability": 0.5, "reason": "rude 0.50"}
    assert "half" not in fine["data"]  # what is missing
    (said,) = rude["predictions"]
    assert (said["score"], said["model_version"]) == (0.7, "mood version 3")
    assert said["result"][0]["value"] == {"choices": ["rude"]}
    assert (
        "PATCH",
        "/api/projects/12/",
        {"model_version": "mood version 3", "show_collab_predictions": True},
    ) in toy.sent
    assert "project 12 'to label' made: 2 tasks" in pushed.in_words(queue_of("go away!", "so kind"))


def test_a_text_that_the_project_holds_is_not_sent_again(toy: ToyLabelStudio) -> None:
    send(queue_of("go away!", "so kind"), "to label")
    pushed = send(queue_of("Go  away!", "new", column="comment"), "12")
    assert (pushed.is_new, pushed.n_sent, pushed.n_known) == (False, 1, 1)
    assert [task["data"]["text"] for task in imported(toy)] == ["go away!", "so kind", "new"]


def test_a_title_or_an_interface_that_does_not_fit_is_refused_before_anything_is_sent(toy: ToyLabelStudio) -> None:
    with pytest.raises(InputError, match="a title in Label Studio has 3 to 50 characters"):
        send(queue_of("a"), "ab")
    with pytest.raises(InputError, match=r"project '999': no such project"):
        send(queue_of("a"), "999")
    with pytest.raises(InputError, match=r"control 'mood' lacks the choice 'fine'"):
        send(queue_of("a"), str(toy.project["id"]))
    assert toy.sent == []


def test_a_config_that_does_not_read_the_labels_is_told_how(toy: ToyLabelStudio, tmp_path: Path) -> None:
    config = tmp_path / "run.yaml"
    config.write_text("parameters: {data: {source: a.csv}}")
    project = find_project(connect(), str(toy.project["id"]))
    (hint,) = pushing.hints(project, config)
    assert hint.endswith(f"name label-studio://{project.id} in data.sources")
    config.write_text(f"parameters: {{data: {{source: 'label-studio://{project.id}'}}}}")
    assert pushing.hints(project, config) == []
    assert "push with the CONFIG" in pushing.hints(project, None)[0]


def test_a_project_is_told_of_the_launcher_with_its_token_once(toy: ToyLabelStudio) -> None:
    connection = connect()
    project = find_project(connection, str(toy.project["id"]))
    toy.answers |= {"/api/webhooks/": [], "/api/ml/": []}
    connect_project(connection, project, url="http://127.0.0.1:8240/", token="sentinel-of-the-launcher")
    (webhook, backend) = [content for method, _, content in toy.sent if method == "POST"]
    assert webhook["url"] == "http://127.0.0.1:8240/webhook"
    assert webhook["headers"] == {"Authorization": "Bearer sentinel-of-the-launcher"}
    assert "PROJECT_UPDATED" not in webhook["actions"]
    assert (backend["auth_method"], backend["basic_auth_pass"]) == ("BASIC_AUTH", "sentinel-of-the-launcher")
    toy.answers |= {
        "/api/webhooks/": [{"id": 5, "url": webhook["url"], "project": project.id}],
        "/api/ml/": [{"id": 6, "url": backend["url"], "project": project.id}],
    }
    toy.sent.clear()
    connect_project(connection, project, url="http://127.0.0.1:8240", token=None)
    changed = [(method, path) for method, path, _ in toy.sent]
    assert changed[:2] == [("PATCH", "/api/webhooks/5/"), ("PATCH", "/api/ml/6")]
    for wrong in ("127.0.0.1:8240", "ftp://host", "http://me:word@host"):
        with pytest.raises(InputError, match="needed is the launcher's address"):
            connect_project(connection, project, url=wrong, token=None)
