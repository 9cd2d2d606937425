"""Verdicts over HTTP, on a real server: ids beside the answers, verdicts on them, and what is refused."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.toys.toy_serving import EXPECTED, TEXTS, Server, Start
from tests.toys.waiting import LONGEST, until

CONFIG = """
parameters:
  data: {source: a.csv, columns: {score: s}}
  model: {source: a/b}
  registry: {model_name: toy}
  monitoring: {keep_texts: true, review: {long: 1.0}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("feedback")


@pytest.fixture(scope="module")
def marking(start: Start, folder: Path) -> Server:
    """A server whose answers carry ids; of `long` every text is marked, and texts are kept."""
    (folder / "run.yaml").write_text(CONFIG)
    (folder / "a.csv").write_text("text,s\na,1\n")
    return start(
        "--prediction-ids", "--config", str(folder / "run.yaml"), "--max-rows", "5",
        AGILE_FEEDBACK_URL=f"sqlite:///{folder / 'feedback.db'}",
    )  # fmt: skip


def rows_of(folder: Path, table: str) -> list[dict[str, Any]]:
    if not (folder / "feedback.db").exists():
        return []
    with closing(sqlite3.connect(folder / "feedback.db")) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(f"SELECT * FROM {table} ORDER BY id")]


def say(server: Server, *verdicts: Any, **options: Any) -> requests.Response:
    return requests.post(f"{server.address}/feedback", json={"verdicts": list(verdicts)}, timeout=LONGEST, **options)


def ask(server: Server) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = server.ask({"inputs": TEXTS}).json()["predictions"]
    return rows


def test_answers_carry_ids_and_verdicts_on_them_are_stored(marking: Server, folder: Path) -> None:
    short, long = ask(marking)
    assert [{name: row[name] for name in EXPECTED[0]} for row in (short, long)] == EXPECTED
    assert (short["review"], long["review"]) == (False, True)
    stored = say(
        marking, {"prediction_id": short["prediction_id"], "verdict": "long", "person": "mo"},
        {"prediction_id": long["prediction_id"], "verdict": "long", "text": TEXTS[1]},
    )  # fmt: skip
    assert (stored.status_code, stored.json()) == (200, {"stored": 2, "unweighted": 1})
    found = rows_of(folder, "agile_verdicts")
    assert [(row["predicted"], row["verdict"], row["sampling"]) for row in found] == [(0, 1, None), (1, 1, 1.0)]
    assert found[1]["text"] == TEXTS[1].encode()
    until(lambda: len(rows_of(folder, "agile_predictions")) == 2, marking.log.read_text)
    assert [row["text"] for row in rows_of(folder, "agile_predictions")] == [text.encode() for text in TEXTS]
    assert marking.metric('agile_serving_verdicts_total{result="stored"}') == 2
    assert marking.metric('agile_serving_predictions_logged_total{result="stored"}') == 2


def test_what_cannot_be_stored_is_refused_whole(marking: Server, folder: Path) -> None:
    good = {"prediction_id": ask(marking)[0]["prediction_id"], "verdict": "long"}
    before = len(rows_of(folder, "agile_verdicts"))
    for bad, status, line in (
        ({"prediction_id": "nobody", "verdict": "long"}, 404, "row 1: unknown prediction_id 'nobody'; nothing was stored"),
        ({**good, "verdict": "lang"}, 400, "row 1: verdict 'lang' is no class of toy version 1; its classes are short, long"),
        ({**good, "sampling_probability": 0}, 400, "verdicts: row 1: sampling_probability: Input should be greater than 0; found 0"),
        ({**good, "verdict": None}, 400, "verdicts: row 1: verdict: Input should be a valid string; found None"),
        ({**good, "note": "a"}, 400, "verdicts: row 1: note: Extra inputs are not permitted; found 'a'"),
        ({"verdict": "long"}, 400, "verdicts: row 1: prediction_id: Field required"),
        ({**good, "text": " "}, 400, "row 1: the text is ' '"),
    ):  # fmt: skip
        answer = say(marking, good, bad)
        assert (answer.status_code, set(answer.json())) == (status, {"error_code", "message"})
        assert answer.json()["message"].startswith(line)
    assert say(marking).status_code == 400
    assert say(marking, *[good] * 6).status_code == 413
    assert requests.get(f"{marking.address}/feedback", timeout=LONGEST).status_code == 405
    assert len(rows_of(folder, "agile_verdicts")) == before
    assert marking.metric('agile_serving_verdicts_total{result="refused"}') >= 6


def test_a_server_without_ids_answers_as_before_and_takes_verdicts(server: Server, marking: Server) -> None:
    assert ask(server) == EXPECTED
    answer = say(server, {"prediction_id": "nobody", "verdict": "long"})
    assert answer.status_code == 404


def test_verdicts_want_the_token(start: Start) -> None:
    server = start(AGILE_SERVE_TOKEN="sentinel-token-0123456789")
    assert say(server, {"prediction_id": "a", "verdict": "b"}).status_code == 401
    bearer = {"headers": {"Authorization": "Bearer sentinel-token-0123456789"}}
    assert say(server, {"prediction_id": "a", "verdict": "b"}, **bearer).status_code == 404


def test_what_was_answered_is_logged_when_the_server_ends(start: Start, folder: Path, tmp_path: Path) -> None:
    server = start("--prediction-ids", AGILE_FEEDBACK_URL=f"sqlite:///{tmp_path / 'feedback.db'}")
    (first, _) = ask(server)
    assert "review" not in first
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(LONGEST) == 0
    (one, two) = rows_of(tmp_path, "agile_predictions")
    assert (one["text"], two["text"]) == (None, None)
