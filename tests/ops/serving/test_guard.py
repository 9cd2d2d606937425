"""The guard: who may ask, from where, and how much; held against a toy application that says what it was sent."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from agile_classifier.ops.serving.connections import RequestLimits
from agile_classifier.ops.serving.guard import Guard
from agile_classifier.ops.serving.listening import Rules

TOKEN, JSON = "sentinel-token-of-the-test", "application/json"
BODY: dict[str, Any] = {"content": b"{}", "headers": {"content-type": JSON}}


def make_client(token: str | None = None, seen: list[Any] | None = None) -> TestClient:
    app = FastAPI(title="toy", docs_url=None, redoc_url=None)

    @app.get("/open")
    async def answer() -> str:
        return "open"

    @app.post("/echo")
    async def echo(request: Request) -> int:
        return len(await request.body())

    @app.post("/broken")
    async def fail() -> int:
        raise ZeroDivisionError("an inner secret")

    rules = Rules(
        token=token, media_types=(JSON,), limits=RequestLimits(max_bytes=100, max_requests=1), open_paths=("/open",)
    )
    guard = Guard(app, rules, observe=lambda *facts: None if seen is None else seen.append(facts))
    return TestClient(guard, base_url="http://localhost:8000", raise_server_exceptions=False)


def post(client: TestClient, path: str = "/echo", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(path, content=b"{}", headers={"content-type": JSON} | named).status_code


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("127.0.0.1:9", 200), ("127.8.8.8", 200), ("[::1]:9", 200), ("evil.example", 421),
     ("localhost.evil.example", 421), ("10.0.0.1", 421), ("[", 421), ("", 421)],
)  # fmt: skip
def test_without_a_token_only_names_of_this_machine_are_answered(host: str, status: int) -> None:
    assert make_client().get("/open", headers={"host": host}).status_code == status
    bearer = {"host": host, "authorization": f"Bearer {TOKEN}"}
    assert make_client(TOKEN).get("/docs", headers=bearer).status_code == 200


def basic(password: str) -> str:
    return f"Basic {b64encode(f'anybody:{password}'.encode()).decode()}"


@pytest.mark.parametrize(
    ("authorization", "status"),
    [(f"Bearer {TOKEN}", 200), (f"bearer  {TOKEN}", 200), (basic(TOKEN), 200), (basic(TOKEN[1:]), 401), (f"Bearer {TOKEN}x", 401),
     ("Bearer", 401), ("Bearer é", 401), ("Basic ä", 401), (TOKEN, 401), (f"Digest {TOKEN}", 401), ("", 401)],
)  # fmt: skip
def test_with_a_token_it_is_wanted_as_bearer_or_password(authorization: str, status: int) -> None:
    client, headers = make_client(TOKEN), {"authorization": authorization.encode()}
    assert client.post("/echo", content=b"{}", headers={"content-type": JSON, **headers}).status_code == status
    assert client.get("/nothing", headers=headers).status_code == (404 if status == 200 else 401)
    assert client.get("/open", headers=headers).status_code == 200


def test_only_the_pages_for_a_browser_ask_it_to_log_in() -> None:
    client = make_client(TOKEN)
    challenges = {
        path: client.get(path).headers["www-authenticate"].split()[0] for path in ("/docs", "/openapi.json", "/echo")
    }
    assert challenges == {"/docs": "Basic", "/openapi.json": "Basic", "/echo": "Bearer"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 200), ({"origin": "http://localhost:8000", "sec_fetch_site": "same-origin"}, 200), ({"sec_fetch_site": "none"}, 200),
     ({"origin": "http://evil.example"}, 403), ({"origin": "http://localhost:9"}, 403), ({"origin": "null"}, 403),
     ({"origin": "http://["}, 403), ({"sec_fetch_site": "cross-site"}, 403), ({"sec_fetch_site": "same-site"}, 403)],
)  # fmt: skip
def test_a_page_of_another_site_may_send_nothing(headers: dict[str, str], status: int) -> None:
    assert post(make_client(), **headers) == status
    assert post(make_client(TOKEN), authorization=f"Bearer {TOKEN}", **headers) == status


def chunks(n: int) -> Iterator[bytes]:
    """Ten bytes each; their number is not announced."""
    yield from [b"x" * 10] * n


def test_a_body_is_read_up_to_its_limit_be_its_length_announced_or_not() -> None:
    client = make_client()
    for content, answered in ((b"x" * 100, 100), (chunks(10), 100)):
        assert client.post("/echo", content=content, headers={"content-type": JSON}).json() == answered
    for content in (b"x" * 101, chunks(11), chunks(1000)):
        answer = client.post("/echo", content=content, headers={"content-type": JSON})
        assert (answer.status_code, answer.headers["connection"]) == (413, "close")
        assert answer.json()["message"] == "the request has more than 100 bytes: send less at a time"


def test_every_error_has_mlflows_form_and_every_answer_is_observed() -> None:
    seen: list[Any] = []
    client = make_client(seen=seen)
    answers = [
        client.get("/open"),
        client.get("/nothing"),
        client.get("/echo"),
        client.post("/broken", **BODY),
        client.post("/echo"),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 405, 500, 415]
    assert [set(answer.json()) for answer in answers[1:]] == [{"error_code", "message"}] * 4
    assert answers[3].json() == {"error_code": "INTERNAL_ERROR", "message": "the server failed: ZeroDivisionError"}
    assert [(path, status, code) for path, status, _, code in seen] == [
        ("/open", 200, None), ("other", 404, "ENDPOINT_NOT_FOUND"), ("/echo", 405, "BAD_REQUEST"),
        ("/broken", 500, "INTERNAL_ERROR"), ("/echo", 415, "BAD_REQUEST"),
    ]  # fmt: skip


def test_the_page_docs_takes_nothing_from_elsewhere() -> None:
    client = make_client()
    page = client.get("/docs")
    addresses = re.findall(r"(?:src|href)=\"([^\"]+)\"|url: '([^']+)'", page.text)
    files = [one or other for one, other in addresses]
    assert len(files) == 4
    assert all(client.get(f"/{file}").status_code == 200 for file in files)
    assert "http" not in page.text.replace("http-equiv", "")
    sources = re.findall(r"\S+-src ([^;]+)", page.headers["content-security-policy"])
    assert {word.partition("-")[0] for source in sources for word in source.split()} <= {
        "'none'",
        "'self'",
        "'sha256",
        "'unsafe",
        "data:",
    }
    assert client.get("/docs-files/..%2f__init__.py").status_code == 404
    assert "/docs" not in client.get("/openapi.json").json()["paths"]
