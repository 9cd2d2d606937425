"""The page of a classifier: its versions, which one is in service, what has happened, and how a promotion is asked for."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.toys.waiting import until

NAME = "Hate and rudeness 2.0"
FORM = {"content-type": "application/x-www-form-urlencoded"}
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def client(state_folder: Path) -> TestClient:
    from agile_classifier.ops.web.launcher import make_app

    return TestClient(make_app(token=None), base_url="http://localhost", raise_server_exceptions=False)


@pytest.fixture
def echoed(launches_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A stand-in for `agile` that says which words it was given."""
    from agile_classifier.ops import project

    monkeypatch.setattr(project, "COMMAND", ("/bin/echo",))
    before = set(launches_folder.glob("*"))
    yield
    for folder in set(launches_folder.glob("*")) - before:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def model(state_folder: Path, client: TestClient) -> Iterator[str]:
    """Two versions, as they stand in the registry; a person in MLflow has put the first into service."""
    from mlflow import MlflowClient

    registry = MlflowClient()
    registry.create_registered_model(NAME)
    for roc_auc in ("0.8123", "0.9000"):
        tags = {"test_roc_auc": roc_auc, "test_f1": "0.7", "promotion.reason": HOSTILE}
        registry.create_model_version(NAME, "s3://bucket/none", tags=tags)
    registry.set_registered_model_alias(NAME, "champion", "1")
    yield NAME
    registry.delete_registered_model(NAME)


def outputs(client: TestClient, address: str) -> str:
    found = until(
        lambda: (
            (told := client.get(address, headers={"accept": "application/json"}).json())["state"] != "running" and told
        ),
        "it does not end",
    )
    return str(found["output"])


def test_versions_champion_and_history_stand_on_one_page(client: TestClient, model: str) -> None:
    page = client.get(f"/models/{model}").text
    assert "In service: <b>version 1</b>" in page
    assert re.findall('<td data-label="ROC AUC">(.*?)</td>', page) == ["0.900", "0.812"]
    assert re.findall('<td data-label="F1">(.*?)</td>', page) == ["0.700", "0.700"]
    assert "precision" not in page.split("Versions</h2>")[1].split("</thead>")[0]
    assert "version 1 moved by hand by somebody in MLflow" in page
    assert len(re.findall("Ask for the promotion of version 2", page)) == 1
    assert "Ask for the promotion of version 1" not in page
    assert HOSTILE not in page
    assert f"/models/{model.replace(' ', '%20')}" in client.get("/").text


def test_a_promotion_is_asked_for_by_the_policy_and_never_against_it(
    client: TestClient, model: str, echoed: None
) -> None:
    answer = client.post(f"/models/{model}/versions/2/promotion", headers=FORM, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    assert outputs(client, answer.headers["location"]).split() == f"promote --model {model} -- 2".split()
    assert answer.headers["location"] in client.get(f"/models/{model}").text
    for version in ("3", "candidate", "--force", "2%20--force"):
        refused = client.post(f"/models/{model}/versions/{version}/promotion", headers=FORM)
        assert refused.status_code == 400, version


def test_only_a_question_that_is_open_is_answered(client: TestClient, model: str, echoed: None) -> None:
    from agile_classifier.ops.registry.versions import tag_version

    for said in ({"run": "promotion-1", "answer": "yes"}, {"run": "promotion-1", "answer": "perhaps"}, {"answer": "yes"}, {"run": "../x", "answer": "no"}):  # fmt: skip
        answer = client.post(f"/models/{model}/answers", data=said)
        assert answer.status_code == 400, said
    tag_version(model, "2", {"promotion": "waits for a person", "promotion.run": "promotion-gone"})
    page = unescape(client.get(f"/models/{model}").text)
    assert "Shall version 2 go into service?" not in page, "its run is gone, so nobody can answer"
    assert "Ask for the promotion of version 2" in page


@pytest.fixture
def replaced(state_folder: Path, client: TestClient) -> Iterator[str]:
    """A classifier whose version 1 was in service until somebody moved the alias to version 2."""
    from mlflow import MlflowClient

    name, registry = "Replaced", MlflowClient()
    registry.create_registered_model(name)
    for version in ("1", "2"):
        registry.create_model_version(name, "s3://bucket/none")
        registry.set_registered_model_alias(name, "champion", version)
        client.get(f"/models/{name}")  # which records what was done by hand
    yield name
    registry.delete_registered_model(name)


def test_a_champion_is_rolled_back_after_a_question_and_only_the_one_that_was_shown(
    client: TestClient, replaced: str, echoed: None
) -> None:
    page = unescape(client.get(f"/models/{replaced}").text)
    asked = page[page.index("<details><summary>Roll back to the champion before</summary>") :].partition("</details>")[
        0
    ]
    assert "Version 1 goes back into service in place of version 2" in asked
    assert '<label for="rollback-reason">' in asked
    assert "Yes, roll back to version 1</button>" in asked
    answer = client.post(
        f"/models/{replaced}/rollback", data={"version": "2", "reason": "--force; it shouts"}, follow_redirects=False
    )
    assert answer.status_code == 303, answer.text
    words = outputs(client, answer.headers["location"]).strip()
    assert words == f"rollback --model {replaced} --from=2 --reason=--force; it shouts"
    assert "(rollback)" in client.get(f"/models/{replaced}").text
    for version in ("1", "3", "champion", "--force", ""):
        refused = client.post(f"/models/{replaced}/rollback", data={"version": version}, follow_redirects=False)
        assert refused.status_code == 400, version
        assert "is not the champion; version 2 is" in refused.text


def test_a_rollback_is_guarded_as_a_promotion_is(client: TestClient, replaced: str, echoed: None) -> None:
    from agile_classifier.ops.web.launcher import make_app

    said = {"version": "2"}
    for path in (f"/models/{replaced}/rollback", f"/models/{replaced}/versions/1/promotion"):
        for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}, {"host": "evil.example"}):
            refused = client.post(path, data=said, headers=headers, follow_redirects=False)
            assert refused.status_code in (400, 403, 421), (path, headers)
        closed = TestClient(make_app(token="a" * 24), base_url="http://localhost")
        assert closed.post(path, data=said, follow_redirects=False).status_code == 401, path
    assert client.post(f"/models/{replaced}/rollback", data={"version": "2\x00"}).status_code == 400


def test_where_no_champion_stood_before_the_page_says_so_and_shows_no_button(
    client: TestClient, model: str, echoed: None
) -> None:
    page = client.get(f"/models/{model}").text
    assert "There is no champion before to roll back to." in page
    assert "/rollback" not in page
    refused = client.post(f"/models/{model}/rollback", data={"version": "1"}, follow_redirects=False)
    assert refused.status_code == 400
    assert "there is no champion before to roll back to" in refused.text


def test_an_unknown_classifier_or_report_is_not_found(client: TestClient, model: str) -> None:
    for path in ("/models/nothing", f"/models/{model}/versions/9/report", f"/models/{model}/versions/1/report", "/models/a'b"):  # fmt: skip
        answer = client.get(path, headers={"accept": "text/html"})
        assert answer.status_code == 404, path
        assert "That did not work" in answer.text


def test_losses_are_read_as_they_are_logged(state_folder: Path) -> None:
    import mlflow
    from mlflow import MlflowClient

    from agile_classifier.ops.web.progress import read_curves

    experiment = mlflow.create_experiment("followed")
    run = MlflowClient().create_run(experiment, tags={"zenml.run_name": "training-followed"})
    assert read_curves("training-followed") == ()
    for step, loss in ((10, 0.8), (20, 0.4), (20, 0.2), (30, float("nan"))):
        MlflowClient().log_metric(run.info.run_id, "train_loss", loss, step=step)
    (curve,) = read_curves("training-followed")
    assert (curve.part, curve.losses, curve.points) == ("train", (0.8, 0.2), "12.0,12.0 588.0,129.0")
    assert read_curves("training-another") == ()
    MlflowClient().delete_run(run.info.run_id)
    mlflow.delete_experiment(experiment)
