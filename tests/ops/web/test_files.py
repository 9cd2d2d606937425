"""A file that is brought: sent, understood or asked about, looked at, changed, run; and files that nobody means well with."""

from __future__ import annotations

import gzip
import io
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from starlette.testclient import TestClient

from tests.drafts.strangers import LONG, PEOPLE, STRANGERS
from tests.toys.waiting import until

CSV = pd.DataFrame({"Kommentar": LONG, "urteil": ["frech", "nett", "nett"] * 20, "author": PEOPLE}).to_csv(index=False)  # fmt: skip
CHAT = next(stranger for stranger in STRANGERS if stranger.name == "chat with the other speaker's turns").frame()
OCTETS = {"content-type": "application/octet-stream"}
HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def client(state_folder: Path, says: Any) -> TestClient:
    from agile_classifier.ops.web.launcher import make_app

    return TestClient(
        make_app(token=None, most_bytes=3_000_000), base_url="http://localhost", raise_server_exceptions=False
    )


@pytest.fixture(autouse=True)
def gone_afterwards(launches_folder: Path) -> Iterator[None]:
    """The state folder is that of all tests."""
    folders = (launches_folder, launches_folder.with_name("uploads"))
    before = {path for folder in folders for path in folder.glob("*")}
    yield
    for path in {path for folder in folders for path in folder.glob("*")} - before:
        shutil.rmtree(path)


def bring(client: TestClient, content: str | bytes, name: str = "comments.csv") -> str:
    """Send a file as a browser without scripts does; the address of its page."""
    files = {"file": (name, content if isinstance(content, bytes) else content.encode())}
    answer = client.post("/files/form", files=files, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def see(client: TestClient, address: str) -> str:
    answer = client.get(address, headers=HTML)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def chosen(page: str, name: str) -> str:
    """What a choice shows."""
    select = re.search(f'<select id="{re.escape(name)}".*?</select>', page, re.DOTALL)
    assert select, name
    (shown,) = re.findall("selected>([^<]*)<", select[0])
    return str(shown)


def options(page: str, name: str) -> dict[str, str]:
    """What may be chosen → its value."""
    select = re.search(f'<select id="{re.escape(name)}".*?</select>', page, re.DOTALL)
    assert select, name
    return {means: value for value, means in re.findall('<option value="([^"]*)"[^>]*>([^<]*)<', select[0])}


def test_a_file_that_is_understood_is_shown_as_a_run_reads_it_changed_and_run(client: TestClient, says: Any) -> None:
    from agile_classifier.config.files import load_config
    from agile_classifier.ops.web.launches import find

    address = bring(client, CSV)
    page = see(client, address)
    assert (chosen(page, "text"), chosen(page, "learnt"), chosen(page, "class_1"), chosen(page, "group")) == (
        "Kommentar", "urteil: its classes", "frech", "author",
    )  # fmt: skip
    rows = re.findall('<td data-label="text"><bdi>(.*?)</bdi></td>\\s*<td data-label="class">(.*?)</td>', page)
    assert rows == [*zip(LONG[:10], (["frech", "nett", "nett"] * 4)[:10], strict=True)]
    shown = page.split("How the file is read")[1].split("All other settings")[0]
    assert len(re.findall('<div class="field">', shown.replace("The words or columns", "").split("<details")[0])) == 4

    said = {"text": options(page, "text")["Kommentar"], "learnt": options(page, "learnt")["urteil: its classes"], "class_1": "nett", "group": options(page, "group")["nothing"]}  # fmt: skip
    run = client.post(f"{address}/runs", data={**said, "fine_tune.epochs": "2"})
    assert run.status_code == 400
    assert "read otherwise now than it was shown" in run.text
    page = see(client, address)
    assert (chosen(page, "class_1"), chosen(page, "group")) == ("nett", "nothing")

    says(b"run training-of-comments\n")
    settings = {"fine_tune.epochs": "2", "registry.model_name": "rudeness", "base": "quickstart"}
    run = client.post(f"{address}/runs", data={**said, **settings}, follow_redirects=False)
    assert run.status_code == 303, run.text
    identity = run.headers["location"].rpartition("/")[2]
    launch = find(identity)
    assert (launch.config, launch.file) == ("comments.csv", address.rpartition("/")[2])
    assert launch.overrides == {"fine_tune.epochs": 2, "registry.model_name": "rudeness"}
    folder = until(lambda: find(identity).state == "done", "it does not end") and Path(str(find_folder(address)))
    config = load_config(folder / "config.yaml", needs_sources=True)
    assert config.labels.class_names == ("frech", "nett")
    assert config.data.columns.group is None
    assert Path(str(config.data.source)) == folder / "comments.csv"


def find_folder(address: str) -> Path:
    from agile_classifier.ops.web.uploads import find

    return find(address.rpartition("/")[2]).folder


def test_what_a_file_leaves_open_is_asked_and_nothing_runs_before_it_is_answered(client: TestClient) -> None:
    address = bring(client, CHAT.to_csv(index=False), "chat.csv")
    page = see(client, address)
    question = re.search('<h2 id="question">(.*?)</h2>', page)
    assert question
    answers = re.findall('name="answer" value="(\\d)"[^>]*> <span>(.*?)</span>', page)
    assert len(answers) > 1
    assert "First rows, as they are read" in page
    refused = client.post(f"{address}/runs", data={"fine_tune.epochs": "2"})
    assert "not understood yet" in refused.text
    asks = {"asks": question[1][:1].lower() + question[1][1:-1]}
    assert client.post(f"{address}/answers", data={**asks, "answer": "9"}).status_code == 400
    assert client.post(f"{address}/answers", data={"asks": "another", "answer": "0"}, follow_redirects=True).text.count(
        'id="question"'
    )
    client.post(f"{address}/answers", data={**asks, "answer": "0"})
    page = see(client, address)
    assert asks["asks"] not in page.lower()


def test_a_file_in_parts_is_the_file(client: TestClient) -> None:
    content = CSV.encode()
    begun = client.post("/files", json={"name": "a.csv", "size": len(content)})
    assert begun.status_code == 201, begun.text
    parts = f"/files/{begun.json()['id']}/parts"
    for at in range(0, len(content), 1000):
        answer = client.post(f"{parts}?offset={at}", content=content[at : at + 1000], headers=OCTETS)
        assert answer.json()["received"] == min(at + 1000, len(content)), answer.text
    assert client.post(f"{parts}?offset=0", content=b"x", headers=OCTETS).status_code == 409
    assert [each["name"] for each in client.get("/files").json()] == ["a.csv"]
    assert "Kommentar" in see(client, f"/files/{begun.json()['id']}")


def test_a_file_that_cannot_be_understood_says_why_and_lets_the_columns_be_chosen(client: TestClient) -> None:
    address = bring(client, pd.DataFrame({"a": LONG, "b": "same"}).to_csv(index=False))
    page = see(client, address)
    assert "nothing to learn from" in page
    assert "/uploads/" not in page, "a person is told of the file, not of its folder"
    assert "a" in options(page, "text")
    assert "The run" not in page


@pytest.mark.parametrize(
    ("name", "content", "status", "said"),
    [
        ("a.pkl", b"\x80\x04", 400, "may be a pickle"), ("a.exe", b"MZ", 400, "found suffix '.exe'"),
        ("a.csv", b"", 400, "the file is empty"), ("a.csv", b"x" * 3_000_001, 400, "at most 3.0 MB are taken"),
    ],
)  # fmt: skip
def test_what_is_not_taken_is_refused_with_the_reason(
    client: TestClient, name: str, content: bytes, status: int, said: str
) -> None:
    answer = client.post("/files/form", files={"file": (name, content)}, headers=HTML)
    assert (answer.status_code, said in unescape(answer.text)) == (status, True), answer.text
    begun = client.post("/files", json={"name": name, "size": len(content)})
    assert (begun.status_code, said in begun.json()["message"]) == (status, True)
    assert client.get("/files").json() == []


def test_a_part_is_bounded_and_a_form_stays_small(client: TestClient) -> None:
    begun = client.post("/files", json={"name": "a.csv", "size": 2_900_000}).json()
    assert (
        client.post(f"/files/{begun['id']}/parts?offset=0", content=b"x" * 4_000_001, headers=OCTETS).status_code == 413
    )
    assert (
        client.post("/launches", content=b"x" * 64_001, headers={"content-type": "application/json"}).status_code == 413
    )
    assert client.post("/launches", content=b"x", headers=OCTETS).status_code == 415
    assert client.post("/files/form", data={"a": "b"}).status_code == 400
    assert client.post("/files/form", files={"other": ("a.csv", b"text")}).status_code == 400
    two = [("file", ("a.csv", b"text")), ("file", ("b.csv", b"text"))]
    assert client.post("/files/form", files=two).status_code == 400


def test_a_page_of_another_site_brings_nothing(client: TestClient) -> None:
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert client.post("/files/form", files={"file": ("a.csv", CSV)}, headers=headers).status_code == 403
        assert client.post("/files/x/removal", headers=headers).status_code == 403
    assert client.get("/files").json() == []


def test_what_a_file_is_called_and_holds_is_shown_and_does_nothing(client: TestClient) -> None:
    hostile = "<script>alert(1)</script>"
    frame = pd.DataFrame(
        {f"text {hostile}": [f"{text} {hostile}" for text in LONG], f"label {hostile}": [hostile, "no"] * 30}
    )
    address = bring(client, frame.to_csv(index=False), f'../../"><img src=x>{hostile}.csv')
    for page in (client.get(address).text, client.get("/").text):
        assert re.findall("<script[^>]*>", page) == ['<script src="/assets/launcher.js" defer>']
        assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in client.get(address).text
    assert find_folder(address).parent.name == "uploads"
    assert {path.name for path in find_folder(address).iterdir()} >= {"upload.json"}


def bombs() -> dict[str, tuple[bytes, Any]]:
    """Files of some kB that unpack to far more than they are, and what their reader may take."""
    from agile_classifier.ops.web.apart import Allowance

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.csv", "w") as file:
        file.write(b"text,label\n")
        for _ in range(200):
            file.write(b"x" * 2**20)
    rows = gzip.compress(b"text,label\n" + b"a b c d,1\n" * 3_000_000, 1)
    return {
        "of one line.zip": (packed.getvalue(), Allowance(n_bytes=150_000_000)),
        "of rows.csv.gz": (rows, Allowance(seconds=0.1)),
    }


@pytest.mark.slow
def test_a_bomb_ends_its_reader_and_nothing_else(client: TestClient) -> None:
    from agile_classifier.errors import InputError
    from agile_classifier.ops.web import guesses, uploads

    for name, (content, allowance) in bombs().items():
        assert len(content) < 3_000_000
        upload = uploads.find(bring(client, content, name).rpartition("/")[2])
        try:
            refusal = guesses.read(upload, allowance=allowance).refusal
        except InputError as error:
            refusal = str(error)
        assert "bring fewer rows" in refusal or "characters" in refusal, (name, refusal)
        assert client.get("/health").status_code == 200


def test_a_file_that_a_run_reads_stays_until_it_is_over(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from agile_classifier.ops import project

    address = bring(client, CSV)
    see(client, address)
    monkeypatch.setattr(project, "COMMAND", ("/bin/sh", "-c", "while :; do sleep 0.05; done"))
    run = client.post(f"{address}/runs", data={"fine_tune.epochs": "2"}, follow_redirects=False).headers["location"]
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post(f"{address}/removal", headers=form).status_code == 409
    client.post(f"{run}/stop", headers=form)
    until(lambda: client.get(run, headers={"accept": "application/json"}).json()["state"] == "stopped", "it goes on")
    assert client.post(f"{address}/removal", headers=form, follow_redirects=False).status_code == 303
    assert client.get(address).status_code == 404
    assert json.loads(client.get(run, headers={"accept": "application/json"}).text)["state"] == "stopped"
