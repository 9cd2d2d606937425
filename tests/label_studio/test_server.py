"""What a real Label Studio takes and gives: projects, pre-labels, annotations of several people, tokens, and errors.

With RECORD=1 its answers become the fixtures of `tests/data/label_studio`.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from agile_classifier.config.addresses.source import Source
from agile_classifier.data.label_studio import connection as server_connection
from agile_classifier.data.label_studio import files, projects
from agile_classifier.data.label_studio.connection import Connection, connect
from agile_classifier.data.label_studio.interface import Control, prelabel, write_interface
from agile_classifier.data.label_studio.labels import count_new_labels, fetch_labels, pull_labels
from agile_classifier.data.label_studio.projects import (
    Project,
    create_project,
    find_project,
    import_tasks,
    list_tasks,
    list_titles,
    read_annotated_tasks,
)
from agile_classifier.data.rows import open_rows
from agile_classifier.errors import InputError
from tests.toys.label_studio_server import Person

pytestmark = pytest.mark.label_studio
RECORDED = Path(__file__).parents[1] / "data" / "label_studio" / "answers"
MOOD = Control("mood", "Choices", "text", choices={"0": "fine & <calm>", "1": "rude"})


def make(connection: Connection, title: str, *texts: str, control: Control = MOOD) -> tuple[Project, list[int]]:
    """A project with a task a text; its tasks' numbers."""
    project = create_project(connection, title, write_interface((control,)), description="made by a test")
    prediction = {"model_version": "mood version 3", "score": 0.7, "result": prelabel((control,), "rude")}
    import_tasks(
        connection, project,
        [{"data": {control.column: text, "reason": "rude 0.70", "number": number}, "predictions": [prediction]}
         for number, text in enumerate(texts)],
    )  # fmt: skip
    return project, sorted(int(task["id"]) for task in list_tasks(connection, project))


def test_a_project_is_found_by_its_number_and_its_title(connection: Connection) -> None:
    project, tasks = make(connection, "found again", "a", "b")
    assert len(tasks) == 2
    assert project.controls == (MOOD,)
    assert find_project(connection, str(project.id)) == find_project(connection, "found again") == project
    assert list_titles(connection)[project.id] == "found again"
    with pytest.raises(InputError, match=r"project 'found agian': no such project at .*; did you mean found again\?"):
        find_project(connection, "found agian")
    with pytest.raises(InputError, match=r"^project '99999': no such project at http://127\.0\.0\.1:\d+; there are: "):
        find_project(connection, "99999")
    make(connection, "found again")
    with pytest.raises(InputError, match=r"several projects have that title: \d+, \d+; name its number"):
        find_project(connection, "found again")


def test_tasks_come_with_what_the_model_says(connection: Connection) -> None:
    project, _ = make(connection, "said before", "so rude")
    (task,) = list_tasks(connection, project)
    (prediction,) = task["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("mood version 3", 0.7)
    assert prediction["result"][0]["value"] == {"choices": ["1"]}
    assert task["data"] == {"text": "so rude", "reason": "rude 0.70", "number": 0}


def test_more_tasks_than_a_page_and_a_piece_hold(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projects, "CHUNK", 4)
    monkeypatch.setattr(server_connection, "PAGE", 3)
    project, tasks = make(connection, "many", *(f"text {number}" for number in range(10)))
    assert len(tasks) == len(set(tasks)) == 10
    assert {task["data"]["text"] for task in list_tasks(connection, project)} == {f"text {n}" for n in range(10)}


def test_labels_of_everyone_come_back_the_latest_of_each_and_no_skip(
    connection: Connection, first: Person, second: Person, tmp_path: Path
) -> None:
    project, (plain, twice, skipped, open_, taken_back) = make(connection, "labels", "a", "b", "c", "d", "e")
    first.annotate(plain, "1", name="mood")
    first.annotate(twice, "0", name="mood")
    second.annotate(twice, "1", name="mood")
    changed = first.annotate(twice, "0", name="mood")
    result = [{"from_name": "mood", "to_name": "text", "type": "choices", "value": {"choices": ["1"]}}]
    first.ask("PATCH", f"/api/annotations/{changed}/", {"result": result})
    second.annotate(skipped, name="mood", skips=True)
    first.annotate(taken_back, "1", name="mood")
    first.annotate(taken_back, name="mood", skips=True)

    pulled = pull_labels(connection, "labels")
    me, other = (int(person.ask("GET", "/api/current-user/whoami")["id"]) for person in (first, second))
    said = [(row["text"], row["mood"], row["annotator"]) for row in pulled.rows()]
    assert sorted(said) == sorted([("a", "1", me), ("b", "1", me), ("b", "1", other)])
    assert (pulled.n_texts, pulled.n_skipped) == (2, 2)
    assert open_ not in {task["id"] for task in pulled.labels}

    (file,) = fetch_labels(Source(source=f"label-studio://{project.id}"), tmp_path)
    fetched = open_rows(file.path)
    assert sorted((row.cells["text"], row.cells["mood"], row.cells["annotator"]) for row in fetched) == sorted(said)
    exported = tmp_path / "export.json"  # as its button Export writes it
    exported.write_text(json.dumps(read_annotated_tasks(connection, project)), encoding="utf-8")
    whole = [(row.cells["text"], row.cells.get("mood"), row.cells["annotator"]) for row in open_rows(exported)]
    assert sorted(row for row in whole if row[1]) == sorted(said)
    for name in ("pulled.csv", "pulled.tsv", "pulled.jsonl", "pulled.json"):
        files.require_output(tmp_path / name)
        files.write_labels(pulled, tmp_path / name)
        files.require_output(tmp_path / name)  # one that was pulled may be pulled again
        again = [(row.cells["text"], row.cells["mood"]) for row in open_rows(tmp_path / name)]
        assert sorted(again) == [("a", "1"), ("b", "1"), ("b", "1")]
    _record(connection, project, first, twice)


def test_new_labels_are_those_after_a_time_relabels_too(connection: Connection, first: Person) -> None:
    project, tasks = make(connection, "counted", "a", "b", "c")
    assert count_new_labels(connection, project, since=None).count == 0
    numbers = [first.annotate(task, "1", name="mood") for task in tasks[:2]]
    found = count_new_labels(connection, project, since=None)
    assert found.count == 2
    assert isinstance(found.until, datetime)
    assert count_new_labels(connection, project, since=found.until).count == 0
    result = [{"from_name": "mood", "to_name": "text", "type": "choices", "value": {"choices": ["0"]}}]
    first.ask("PATCH", f"/api/annotations/{numbers[0]}/", {"result": result})
    first.annotate(tasks[2], name="mood", skips=True)
    assert count_new_labels(connection, project, since=found.until).count == 1


def test_both_kinds_of_token_and_one_that_has_expired(
    connection: Connection, first: Person, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(connection, "by token", "a")
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", first.personal_token())
    personal = connect()
    assert find_project(personal, "by token").title == "by token"
    personal._authorization = "Bearer a.b.c"  # what was bought before is no good any more
    assert find_project(personal, "by token").title == "by token"
    for wrong in ("sentinel-of-nobody", "a.b.c"):
        monkeypatch.setenv("LABEL_STUDIO_API_KEY", wrong)
        with pytest.raises(
            InputError, match=r"^LABEL_STUDIO_API_KEY: http://127.* refuses the token \(401: "
        ) as caught:
            find_project(connect(), "by token")
        assert wrong not in str(caught.value)
    first.ask("POST", "/api/jwt/settings", {"legacy_api_tokens_enabled": False, "api_tokens_enabled": True})
    try:
        with pytest.raises(InputError, match="legacy token authentication has been disabled"):
            list_titles(connection)
    finally:
        first.ask("POST", "/api/jwt/settings", {"legacy_api_tokens_enabled": True, "api_tokens_enabled": True})


def test_a_column_of_any_name_is_shown(connection: Connection, first: Person) -> None:
    control = Control("is it rude?", "Choices", "Comment text", choices={"ja": "ja", "nein": "nein ä"})
    project, (task,) = make(connection, "any name", "a text", control=control)
    first.annotate(task, "ja", name="is it rude?")
    (row,) = pull_labels(connection, str(project.id)).rows()
    assert (row["Comment text"], row["is it rude?"]) == ("a text", "ja")


def test_what_label_studio_refuses_is_said_in_its_words(connection: Connection) -> None:
    with pytest.raises(InputError, match=r"Label Studio answered 400: .*label_config"):
        create_project(connection, "broken", "<View><Choices name='a'/></View>", description="")


def _record(connection: Connection, project: Project, person: Person, task: int) -> None:
    """Keep answers for the tests that have no server, or hold what was kept against what is answered now."""
    answers: dict[str, Any] = {
        "project": connection.get(f"/api/projects/{project.id}/"),
        "projects": connection.get("/api/projects/", page=1, page_size=1, include="id,title"),
        "tasks": connection.get("/api/tasks/", project=project.id, page=1, page_size=2, fields="all"),
        "export": connection.get(f"/api/projects/{project.id}/export", exportType="JSON"),
    }  # fmt: skip
    for name, answer in answers.items():
        file = RECORDED / f"{name}.json"
        if os.environ.get("RECORD"):
            RECORDED.mkdir(exist_ok=True)
            file.write_text(json.dumps(answer, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        assert _shape(json.loads(file.read_text(encoding="utf-8"))) == _shape(answer), name


def _shape(value: Any) -> Any:
    """Keys of an answer, and of what it holds."""
    if isinstance(value, dict):
        return {key: _shape(held) for key, held in value.items()}
    return [_shape(value[0])] if isinstance(value, list) and value else type(value).__name__
