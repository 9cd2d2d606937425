"""Requests that nobody means well with: no answer is a 5xx, and the server answers the next one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.toys import hostile
from tests.toys.live_server import BRIEF, impatient, require_sound, running, scoring

TOKEN = b"sentinel-token-of-the-test"
SCORING, FILE = b"/invocations", b"/docs-files/swagger-ui.css"
BODY = b'{"inputs": ["a"]}'
KINDS = (b"application/json", b"text/csv", b"application/x-www-form-urlencoded")
AUTHORIZATION = b"Bearer " + TOKEN


@pytest.fixture(scope="module", params=[None, TOKEN.decode()], ids=["open", "with a token"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    scored = scoring(token=request.param, max_bytes=200_000, **BRIEF)
    with impatient(), scored as (app, limits), running(app, limits) as port:
        yield port


def post(body: bytes, **headers: bytes) -> bytes:
    found = {"authorization": AUTHORIZATION, "content-length": str(len(body)).encode(), **headers}
    return hostile.request(b"POST", SCORING, hostile.headers(**found), body)


def test_no_header_makes_the_server_fail(
    port: int, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    read_with_a_token = ("host", "authorization", "origin")
    is_open = request.node.callspec.params["port"] is None
    sent = [header for header in hostile.HEADERS if is_open or header[0] in read_with_a_token]
    require_sound(port, [post(BODY, **dict([header])) for header in sent], caplog)


def test_no_header_makes_the_server_fail_that_gives_a_file(port: int, caplog: pytest.LogCaptureFixture) -> None:
    """They are read there that name a part of it, or a version."""
    named = ("range", "if-range", "if-none-match", "if-modified-since", "accept-encoding", "host")
    asked = [
        hostile.headers(authorization=AUTHORIZATION, **{name: value})
        for name, value in hostile.HEADERS
        if name in named
    ]
    require_sound(port, [hostile.request(b"GET", FILE, headers) for headers in asked], caplog)


def test_no_address_or_method_makes_the_server_fail(port: int, caplog: pytest.LogCaptureFixture) -> None:
    headers = hostile.headers(authorization=AUTHORIZATION)
    asked = [(method, b"/") for method in hostile.METHODS] + [
        (method, address) for address in hostile.ADDRESSES for method in (b"GET", b"POST")
    ]
    require_sound(port, [hostile.request(*line, headers) for line in asked], caplog)


def test_no_body_makes_the_server_fail(port: int, caplog: pytest.LogCaptureFixture) -> None:
    require_sound(port, [post(body, **{"content-type": kind}) for body in hostile.BODIES for kind in KINDS], caplog)


@given(st.lists(hostile.requests_(), min_size=8, max_size=8, unique=True))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_request_makes_the_server_fail(port: int, caplog: pytest.LogCaptureFixture, sent: list[bytes]) -> None:
    require_sound(port, sent, caplog)


@pytest.mark.parametrize("n_headers", [100, 2000, 20_000])
def test_many_headers_are_read_or_refused(port: int, caplog: pytest.LogCaptureFixture, n_headers: int) -> None:
    many = [*hostile.headers(authorization=AUTHORIZATION), *[(b"a", b"b")] * n_headers]
    require_sound(port, [hostile.request(b"GET", b"/ping", many)], caplog)
