"""The launcher and requests that nobody means well with: no answer is a 5xx, and nothing is written or started."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.toys import hostile
from tests.toys.live_server import BRIEF, impatient, require_sound, running

BOMB = "[&a [x,x,x,x,x,x,x,x,x], &b [*a,*a,*a,*a,*a,*a,*a,*a,*a], &c [*b,*b,*b,*b,*b,*b,*b,*b,*b], &d [*c,*c,*c,*c,*c,*c,*c,*c,*c], &e [*d,*d,*d,*d,*d,*d,*d,*d,*d], [*e,*e,*e,*e,*e,*e,*e,*e,*e]]"  # fmt: skip
HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def app(state_folder: Path, says: Any) -> Any:
    from agile_classifier.ops.web.launcher import make_app

    return make_app(token=None)


@pytest.fixture(scope="module")
def client(app: Any) -> TestClient:
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)


@pytest.fixture(scope="module")
def port(app: Any) -> Iterator[int]:
    from dataclasses import replace

    from agile_classifier.ops.web.launcher import LIMITS

    with impatient(), running(app, replace(LIMITS, **BRIEF)) as port:
        yield port


@pytest.fixture(autouse=True)
def nothing_is_written(launches_folder: Path) -> Iterator[None]:
    def written() -> set[Path]:
        return {*launches_folder.glob("*"), *launches_folder.with_name("uploads").glob("*")}

    before = written()
    yield
    assert written() == before


VALUES: dict[str, tuple[Any, str]] = {
    "a list": ([1], "a number, a text, true, false or null is needed; found a list"),
    "an object": ({"a": 1}, "a number, a text, true, false or null is needed; found an object"),
    "nested lists": (
        json.loads("[" * 500 + "]" * 500),
        "a number, a text, true, false or null is needed; found a list",
    ),
    "150 kB": ("x" * 50_000, "the value has 50000 characters; at most 4000 are allowed"),
    "a NUL": ("a\x00b", "the value holds the character '\\x00', which is not allowed"),
    "an escape": ("\x1b[2J", "the value holds the character '\\x1b', which is not allowed"),
    "half a character": ("\ud800", "the value holds the character '\\ud800', which is not allowed"),
    "a bomb": (BOMB, "fine_tune.epochs: Input should be a valid integer, unable to parse string as an integer"),
    "a date": ("2026-01-01", "fine_tune.epochs: Input should be a valid integer"),
    "bytes": ("!!binary aGFsbG8=", "fine_tune.epochs: Input should be a valid integer"),
    "nested text": ("[" * 3999, "fine_tune.epochs: Input should be a valid integer"),
    "nested objects": ("{a: " * 700 + "1" + "}" * 700, "fine_tune.epochs: Input should be a valid integer"),
    "a large number": (-(10**400), "fine_tune.epochs: Input should be greater than 0"),
}


@pytest.mark.parametrize(("value", "said"), VALUES.values(), ids=list(VALUES))
def test_a_value_that_is_no_scalar_is_refused_at_once(client: TestClient, value: Any, said: str) -> None:
    started = time.process_time()
    document = {"config": "quickstart", "overrides": {"fine_tune.epochs": value}}
    answers = [client.post("/launches", content=json.dumps(document), headers={"content-type": "application/json"})]
    if isinstance(value, str) and value.isprintable():
        answers += [
            client.post("/configs/quickstart", data={"fine_tune.epochs": value}),
            client.post("/configs/quickstart", data={"fine_tune.epochs": value}, headers=HTML),
        ]
    assert [answer.status_code for answer in answers] == [400] * len(answers)
    assert said in answers[0].json()["message"]
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "text", [json.dumps({"config": "quickstart", "overrides": {"fine_tune.epochs": ["\ud800"]}}), '{"config": "\\ud800"}', '{"config": "quickstart", "overrides": {"\\ud800": 1}}',
             '{"config": "quickstart", "overrides": {"a\\u0000b": 1}}', '{"config": "quickstart", "overrides": {"fine_tune.epochs": NaN}}', '{"config": "quickstart", "overrides": {"fine_tune.epochs": 1e999}}',
             '{"config": "a\\u0000b"}', '{"config": "quickstart", "overrides": {"": 1}}', '{"config": "quickstart", "overrides": {"fine_tune": 1}}', json.dumps({"config": "quickstart", "overrides": {f"a.b{number}": number for number in range(400)}})],
)  # fmt: skip
@pytest.mark.parametrize("headers", [{}, HTML], ids=["JSON", "a page"])
def test_a_document_with_strange_names_is_refused(client: TestClient, text: str, headers: dict[str, str]) -> None:
    answer = client.post("/launches", content=text, headers={"content-type": "application/json", **headers})
    assert answer.status_code == 400, answer.text


def test_a_field_that_is_sent_twice_or_never_heard_of_is_refused(client: TestClient) -> None:
    for fields in (
        [("no.field", "1")],
        [("fine_tune.epochs", "0"), ("x" * 200, "1")],
        [(f"f{n}", "1") for n in range(2000)],
    ):
        answer = client.post(
            "/configs/quickstart",
            content=urlencode(fields),
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        assert answer.status_code == 400, answer.text


def post(address: bytes, body: bytes, **headers: bytes) -> bytes:
    found = {"content-length": str(len(body)).encode(), **headers}
    return hostile.request(b"POST", address, hostile.headers(**found), body)


def test_no_header_makes_the_launcher_fail(port: int, caplog: pytest.LogCaptureFixture) -> None:
    """Those that the launcher itself reads; the guard's are those of every server."""
    read = [
        (name, value)
        for name, value in hostile.HEADERS
        if name in ("host", "origin", "accept", "content-type", "cookie")
    ]
    require_sound(port, [post(b"/launches", b'{"config": "none"}', **dict([header])) for header in read], caplog)


def test_no_address_makes_the_launcher_fail(port: int, caplog: pytest.LogCaptureFixture) -> None:
    headers, methods = hostile.headers(accept=b"text/html"), (b"GET", b"POST", b"DELETE")
    asked = [hostile.request(method, address, headers) for address in hostile.ADDRESSES for method in methods]
    require_sound(port, asked, caplog)


def test_no_body_makes_the_launcher_fail(port: int, caplog: pytest.LogCaptureFixture) -> None:
    kinds, addresses = (
        (
            b"application/json",
            b"application/x-www-form-urlencoded",
            b"multipart/form-data; boundary=x",
            b"application/octet-stream",
        ),
        (b"/launches", b"/configs/quickstart", b"/files", b"/files/form", b"/files/x/parts?offset=0"),
    )
    asked = [
        post(address, body, **{"content-type": kind})
        for body in hostile.BODIES
        for kind in kinds
        for address in addresses
    ]
    require_sound(port, asked, caplog)


@given(st.lists(hostile.requests_(), min_size=8, max_size=8, unique=True))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_request_makes_the_launcher_fail(port: int, caplog: pytest.LogCaptureFixture, sent: list[bytes]) -> None:
    require_sound(port, sent, caplog)
