"""The launcher's pages: what a training says and what was filled in are shown, and do nothing; a launch leaves no half of itself."""

from __future__ import annotations

import re
import shutil
import time
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from agile_classifier.ops.state.locks import is_locked
from agile_classifier.ops.web.output import plain_text
from tests.toys.waiting import until

HOSTILE = (
    b"<script>alert(1)</script></pre><h1>done</h1>\x1b[2J\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\\n"
    b"10%\r50%\r100%\r\n\x00\x08\x7f\xff\xfe\xe2\x80\xaegnp.exe\xe2\x80\xac\n{{ 7 * 7 }} {% raw %}\nrun ../../etc/passwd\nrun training-1\n"
)

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def client(state_folder: Path, says: Any) -> TestClient:
    from agile_classifier.ops.web.launcher import make_app

    return TestClient(make_app(token=None), base_url="http://localhost", raise_server_exceptions=False)


@pytest.fixture(autouse=True)
def gone_afterwards(launches_folder: Path) -> Iterator[None]:
    """The state folder is that of all tests."""
    before = set(launches_folder.glob("*"))
    yield
    for folder in set(launches_folder.glob("*")) - before:
        until(lambda folder=folder: not is_locked(folder / "lock"), f"{folder} is still written")
        shutil.rmtree(folder)


def launch(client: TestClient, overrides: dict[str, Any] | None = None) -> dict[str, Any]:
    """A launch, once it is over."""
    answer = client.post("/launches", json={"config": "quickstart", "overrides": overrides or {}})
    assert answer.status_code == 202, answer.text

    def find() -> dict[str, Any]:
        found = as_json(client, answer.json()["id"])
        return found if found["state"] != "running" else {}

    return until(find, "the launch is not over")


def as_json(client: TestClient, identity: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/launches/{identity}", headers={"accept": "application/json"}).json()
    return found


def test_what_a_training_says_is_shown_and_does_nothing(client: TestClient, says: Any) -> None:
    says(HOSTILE, 1)
    found = launch(client)
    page = client.get(f"/launches/{found['id']}").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&lt;/pre&gt;" in page
    own = page.replace('<script src="/assets/launcher.js" defer></script>', "", 1)
    assert not re.search("<script|[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", own)
    assert found["output"].splitlines()[:2] == ["<script>alert(1)</script></pre><h1>done</h1>red link", "100%"]
    assert "{{ 7 * 7 }} {% raw %}" in page
    assert found["run"] == "training-1"


@pytest.mark.parametrize("line", [b"x" * 3_000_000, b"\xe2\x82\xac" * 1_000_000, b"\x1b[31m" * 600_000, b"y\n" * 1_500_000, b"\r" * 3_000_000], ids=["a line", "wide characters", "colours", "lines", "line beginnings"])  # fmt: skip
def test_of_megabytes_the_end_is_shown_in_an_instant(client: TestClient, says: Any, line: bytes) -> None:
    says(line + b"\nthe last words\n")
    found = launch(client)
    started = time.process_time()
    page = client.get(f"/launches/{found['id']}")
    assert time.process_time() - started < 2
    assert (page.status_code, len(page.text) < 100_000) == (200, True)
    assert "the last words" in page.text


SEEN = [
    ("plain\ttext\nof two lines\n", "plain\ttext\nof two lines\n"),
    ("\x1b[1;31mred\x1b[m", "red"),
    ("\x9b31mred", "red"),
    ("\x1b]0;a title\x07after", "after"),
    ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
    ("\x1bPdevice\x1b\\after", "after"),
    ("\x1b(Bafter\x1b7", "after"),
    ("cut\x1b[3", "cut"),
    ("10%\r20%\r", "20%"),
    ("a\r\nb\r\n", "a\nb\n"),
    ("\x00\x08\u202e", "\ufffd" * 3),
    ("", ""),
]


@pytest.mark.parametrize(("output", "seen"), SEEN)
def test_of_an_output_is_left_what_a_terminal_leaves_to_be_seen(output: str, seen: str) -> None:
    assert plain_text(output) == seen


def test_a_secret_with_a_colour_in_it_is_a_secret(
    client: TestClient, says: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGILE_TEST_TOKEN", "sentinel-secret")
    says(b"sentinel-\x1b[31msecret, sentinel-secret\n")
    assert launch(client)["output"] == "***, ***\n"


def test_values_are_shown_as_text(client: TestClient, says: Any) -> None:
    says(b"")
    hostile = '"><img src=x onerror=alert(1)>'
    identity = launch(client, {"data.columns.text": hostile})["id"]
    refused = client.post("/configs/quickstart", data={"data.columns.text": hostile, "fine_tune.epochs": "0"})
    assert refused.status_code == 400
    for page in (client.get("/").text, client.get(f"/launches/{identity}").text, refused.text):
        assert "<img" not in page
        assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_every_answer_says_what_a_browser_may_do_with_it(client: TestClient, says: Any) -> None:
    identity = launch(client)["id"]
    for path in ("/", "/configs/quickstart", f"/launches/{identity}", f"/launches/{identity}/progress", "/files/nothing", "/models/nothing", "/assets/launcher.js", "/configs/nothing", "/launches", "/health", "/docs", "/docs-files/swagger-ui.css", "/nothing"):  # fmt: skip
        headers = client.get(path, headers={"accept": "text/html"} if "docs" not in path else {}).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "same-origin", path
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
    refused = client.get("/", headers={"host": "evil.example"})
    assert refused.headers["x-content-type-options"] == "nosniff"


def test_a_page_has_its_own_style_and_one_script_of_this_server(client: TestClient) -> None:
    page = client.get("/")
    (style,) = re.findall("<style>(.*?)</style>", page.text, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in page.headers["content-security-policy"]
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert re.findall("<script[^>]*>", page.text) == ['<script src="/assets/launcher.js" defer>']
    assert client.get("/assets/launcher.js").headers["content-type"].startswith("text/javascript")
    assert " style=" not in client.get("/configs/quickstart").text


def test_a_launch_that_cannot_be_started_leaves_nothing(
    client: TestClient, launches_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.ops import project

    before = set(launches_folder.glob("*"))
    monkeypatch.setattr(project, "COMMAND", ("/bin/sh", "x" * 3_000_000))  # longer than a command line may be
    answer = client.post("/launches", json={"config": "quickstart"})
    assert answer.status_code == 500
    assert set(launches_folder.glob("*")) == before


def test_a_page_asks_ten_questions_and_folds_the_rest_away(client: TestClient) -> None:
    page = client.get("/configs/quickstart").text
    shown, folded = page.split("<details", 1)
    assert shown.count('<div class="field">') == 10
    assert folded.count('<div class="field">') > 90
    assert re.findall('name="([^"]+)"', page).count("fine_tune.epochs") == 1
    assert "Who decides whether it goes into service" in shown
    labelled = set(re.findall('<label for="([^"]+)"', page))
    assert labelled == set(re.findall('<(?:select|input) id="([^"]+)"', page))


def test_a_file_that_is_not_there_is_said_at_once(client: TestClient, launches_folder: Path, says: Any) -> None:
    says(b"")
    before = set(launches_folder.glob("*"))
    for field in ("data.source", "model.source"):
        changed = {field: "/gone.csv", field.replace("source", "sha256"): None}
        answer = client.post("/launches", json={"config": "quickstart", "overrides": changed})
        assert answer.status_code == 400
        assert f"{field} /gone.csv: no such file or folder" in answer.json()["message"]
    assert set(launches_folder.glob("*")) == before


def test_a_launch_is_stopped_with_all_its_processes(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first time it may set its things in order, and its exit code is kept; the second time it ends at once."""
    from agile_classifier.ops import project

    def start(trap: str) -> str:
        words = f"trap {trap} TERM; echo ready; (while :; do sleep 0.05; done) & while :; do wait; done"
        monkeypatch.setattr(project, "COMMAND", ("/bin/sh", "-c", words))
        identity: str = client.post("/launches", json={"config": "quickstart"}).json()["id"]
        until(lambda: "ready" in as_json(client, identity)["output"], "it does not start")
        return identity

    def is_over(identity: str) -> bool:
        return bool(as_json(client, identity)["state"] != "running")

    orderly = start("'echo in order; exit 143'")
    assert "Stop the run" in client.get(f"/launches/{orderly}").text
    answer = client.post(f"/launches/{orderly}/stop", headers=FORM, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/launches/{orderly}")
    until(lambda: is_over(orderly), "it does not stop")
    found = as_json(client, orderly)
    assert (found["state"], found["exit_code"], found["output"]) == ("stopped", 143, "ready\nin order\n")
    again = client.post(f"/launches/{orderly}/stop", headers=FORM)
    assert (again.status_code, again.json()["message"]) == (400, f"launch {orderly}: does not run; it is stopped")

    deaf = start("''")
    client.post(f"/launches/{deaf}/stop", headers=FORM)
    assert as_json(client, deaf)["state"] == "running"
    assert "Stop it at once" in client.get(f"/launches/{deaf}").text
    client.post(f"/launches/{deaf}/stop", headers=FORM)
    until(lambda: is_over(deaf), "it does not end")
    assert (as_json(client, deaf)["state"], as_json(client, deaf)["exit_code"]) == ("stopped", None)


def test_a_run_that_is_followed_comes_in_parts_until_it_is_over(client: TestClient, says: Any) -> None:
    says(b"agile: error: data.columns.text: no such column\n", 2)
    identity = launch(client)["id"]
    part = client.get(f"/launches/{identity}/progress")
    assert part.headers["x-run-is-over"] == "1"
    assert "<html" not in part.text
    assert "It has failed. data.columns.text: no such column" in part.text


def test_the_report_of_a_run_stands_in_its_page_and_can_do_nothing(
    client: TestClient, says: Any, state_folder: Path
) -> None:
    says(b"run training-with-report\n")
    report = state_folder / "reports" / "training-with-report.html"
    report.parent.mkdir(exist_ok=True)
    report.write_text("<!doctype html><title>r</title><script>alert(1)</script>", encoding="utf-8")
    identity = launch(client)["id"]
    assert (
        f'<iframe class="report" src="/launches/{identity}/report" title="Report of the run">'
        in client.get(f"/launches/{identity}").text
    )
    policy = client.get(f"/launches/{identity}/report").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'self'; sandbox" in policy
    report.unlink()
    assert client.get(f"/launches/{identity}/report").status_code == 404


def test_both_doors_take_the_same_values(client: TestClient, says: Any) -> None:
    """A text, a number, a boolean and nothing; a list as the form shows it; what is as it was changes nothing."""
    says(b"")
    read = {"labels.names": ["no", "yes"], "fine_tune.epochs": 4, "fine_tune.learning_rate": 1e-3, "model.double_quant": False,
            "data.sha256": None, "registry.model_name": "2024"}  # fmt: skip
    sent = {"labels.names": '["no", "yes"]', "fine_tune.epochs": 4, "fine_tune.learning_rate": "1e-3", "model.double_quant": False,
            "data.sha256": None, "registry.model_name": "2024", "data.limit": None}  # fmt: skip
    form = {
        name: "" if value is None else str(value).lower() if isinstance(value, bool) else value
        for name, value in sent.items()
    }
    assert launch(client, sent)["overrides"] == read
    answer = client.post("/configs/quickstart", data=form, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    assert as_json(client, answer.headers["location"].rpartition("/")[2])["overrides"] == read
