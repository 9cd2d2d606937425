"""Connections that are held, slow, endless or left: each ends, and an honest client is answered meanwhile."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import psutil
import pytest
import requests
from fastapi import FastAPI, Request, Response

from agile_classifier.ops.serving.connections import RequestLimits
from agile_classifier.ops.serving.guard import Guard
from agile_classifier.ops.serving.listening import Rules
from tests.toys.live_server import BRIEF, connect, impatient, read_all, running, statuses, talk
from tests.toys.waiting import LONGEST, until

JSON = "application/json"
GET = b"GET /page HTTP/1.1\r\nhost: localhost\r\n\r\n"
LAST = GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
HALF_A_HEAD = GET[:-2]
POST = b"POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
HALF_A_BODY = POST + b"content-length: 100\r\n\r\n{"
LARGE = 50_000_000
HELD = 100
"""Connections that are held in the tests here; `python -m benchmarks.servers.held` holds 700."""


@contextmanager
def server(**limits: Any) -> Iterator[int]:
    chosen = RequestLimits(**{"max_bytes": 1000, "max_requests": 2, "max_per_address": 64, **limits})
    app = FastAPI()
    waits = threading.Event()
    app.state.waits = waits

    @app.get("/page")
    async def page() -> Response:
        return Response(b"page")

    @app.get("/large")
    async def large() -> Response:
        return Response(b"x" * LARGE)

    @app.get("/slow")
    def slow() -> str:
        waits.wait(LONGEST)
        return "slow"

    @app.post("/echo")
    async def echo(request: Request) -> int:
        return len(await request.body())

    with impatient(), running(Guard(app, Rules(token=None, media_types=(JSON,), limits=chosen)), chosen) as port:
        try:
            yield port
        finally:
            waits.set()


def message_of(answer: bytes) -> str:
    body = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert set(body) == {"error_code", "message"}
    return str(body["message"])


@pytest.mark.parametrize(
    ("sent", "answered", "message"),
    [
        (b"", [], ""),
        (HALF_A_HEAD, [408], "the head of the request was not sent within 0.3 s"),
        (b"\r\n\r\n", [408], "the head of the request was not sent within 0.3 s"),
        (HALF_A_BODY, [408], "the request was not sent within 0.3 s"),
        (GET, [200], ""),
        (GET + b"\r\n", [200], ""),
        (GET + HALF_A_HEAD, [200, 408], ""),
        (HALF_A_BODY.replace(b"POST /echo", b"GET /page"), [200], ""),
    ],
    ids=["silent", "half a head", "empty lines", "half a body", "idle", "idle but for an empty line", "half a second head", "half of a body that nobody reads"],
)  # fmt: skip
def test_a_client_that_takes_too_long_is_told_and_its_connection_ends(
    sent: bytes, answered: list[int], message: str
) -> None:
    with server(**BRIEF) as port:
        answer = talk(port, sent)
    assert statuses(answer) == answered
    if message:
        assert message_of(answer) == message


def test_an_answer_that_nobody_fetches_is_given_up() -> None:
    with server(**BRIEF) as port, connect(port) as client:
        client.sendall(GET.replace(b"/page", b"/large"))
        assert client.recv(1, socket.MSG_PEEK), "the answer has begun"
        until(lambda: not is_held(port), "the server gives no connection up")
        assert len(read_all(client)) < LARGE


def is_held(port: int) -> bool:
    """Whether the server, which runs in this process, holds a connection."""
    found = psutil.Process().net_connections("tcp")
    return any(one.laddr.port == port and one.status == psutil.CONN_ESTABLISHED for one in found)


@pytest.mark.parametrize("held", [b"", HALF_A_HEAD, HALF_A_BODY], ids=["silent", "half heads", "half bodies"])
def test_held_connections_shut_no_honest_client_out(held: bytes) -> None:
    with server() as port, ExitStack() as held_until_the_end:
        for _ in range(HELD):
            held_until_the_end.enter_context(connect(port)).sendall(held)
        with ThreadPoolExecutor(8) as clients:
            answers = list(clients.map(ask_often, [port] * 8))
    assert [status for few in answers for status in few] == [200] * 8 * 20


def ask_often(port: int) -> list[int]:
    """Ten requests on one connection, ten on their own; half of them with a body."""
    address = f"http://127.0.0.1:{port}"
    with requests.Session() as session:
        answers = [
            asking.post(f"{address}/echo", json=1, timeout=LONGEST) if number % 2 else asking.get(f"{address}/page", timeout=LONGEST)
            for asking in (session, requests)
            for number in range(10)
        ]  # fmt: skip
    return [200 if answer.status_code == 503 else answer.status_code for answer in answers]


def test_where_all_connections_are_being_answered_one_more_is_told_to_come_back() -> None:
    with server(max_requests=1) as port, ExitStack() as held:
        for _ in range(64):
            held.enter_context(connect(port)).sendall(GET.replace(b"/page", b"/slow"))
        answer = until(lambda: refusal(port), "nobody is told to come back")
    assert message_of(answer) == "too many connections: try again later"
    assert b"retry-after: 1" in answer


def refusal(port: int) -> bytes:
    answer = talk(port, GET)
    return answer if statuses(answer) == [503] else b""


ENDLESS: dict[str, tuple[bytes, bytes, list[int]]] = {
    "a header": (HALF_A_HEAD + b"a: ", b"x" * 1000, [431]),
    "headers": (HALF_A_HEAD, b"a: b\r\n" * 200, [431]),
    "an address": (b"GET /", b"x" * 1000, [431]),
    "chunks of a byte": (POST + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 200, [413]),
    "trailers": (POST + b"transfer-encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n" * 200, []),
    "a trailer": (POST + b"transfer-encoding: chunked\r\n\r\n0\r\na: ", b"x" * 1000, []),
}


@pytest.mark.parametrize(("begin", "more", "answered"), ENDLESS.values(), ids=list(ENDLESS))
def test_what_does_not_end_is_read_to_its_limit(begin: bytes, more: bytes, answered: list[int]) -> None:
    with server(max_head_bytes=2000) as port, connect(port) as client:
        client.sendall(begin)
        sent, answer = 0, b""
        client.settimeout(0.01)
        try:
            while sent < 100_000:
                client.sendall(more)
                sent += len(more)
                try:
                    answer += client.recv(65_536)
                except TimeoutError:
                    continue
                break
        except (ConnectionResetError, BrokenPipeError):
            pass
        client.settimeout(LONGEST)
        assert sent < 100_000
        assert statuses(answer or read_all(client)) in (answered, [])


def test_a_large_head_that_comes_at_once_is_refused() -> None:
    with server(max_head_bytes=2000) as port:
        answer = talk(port, LAST[:-2] + b"a: " + b"x" * 2000 + b"\r\n\r\n")
    assert statuses(answer) == [431]
    assert message_of(answer) == "the address and headers of the request have more than 2000 bytes"


@pytest.mark.parametrize(
    "sent",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\n\r\n",
     b"GET /\xff HTTP/1.1\r\nhost: localhost\r\n\r\n", POST + b"content-length: -1\r\n\r\n", POST + b"content-length: 1\r\ncontent-length: 2\r\n\r\n{}",
     POST + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", POST + b"transfer-encoding: chunked\r\n\r\nxyz\r\n",
     GET.replace(b"host", b"a b")],
    ids=["TLS", "HTTP/2", "CONNECT", "an address in bytes", "a negative length", "two lengths", "a length and chunks", "no chunks", "a name with a space"],
)  # fmt: skip
def test_what_is_no_http_is_refused_in_mlflows_form(sent: bytes) -> None:
    with server() as port:
        answer = talk(port, sent)
        assert statuses(answer) == [400]
        assert message_of(answer) == "Invalid HTTP request received."
        assert statuses(talk(port, LAST)) == [200]


def test_an_upgrade_that_is_not_to_be_had_is_answered_and_closes(caplog: pytest.LogCaptureFixture) -> None:
    wish = b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\n"
    with server() as port:
        for sent in (GET[:-2] + wish + b"\r\n", POST + wish + b"content-length: 2\r\n\r\n{}"):
            answer = talk(port, sent + GET)
            assert statuses(answer) == [200]
            assert b"\r\nconnection: close\r\n" in answer
    assert caplog.messages == []


def test_bodies_that_are_sent_together_make_room_for_each_other(caplog: pytest.LogCaptureFixture) -> None:
    almost = POST + b"content-length: 1000\r\n\r\n" + b" " * 999
    with server() as port, ExitStack() as held:
        clients = [held.enter_context(connect(port)) for _ in range(20)]
        for client in clients:
            client.sendall(almost)
        first = read_all(clients[0])
        assert statuses(talk(port, LAST.replace(b"GET /page", b"POST /echo"))) == [415]
    assert statuses(first) == [503]
    assert message_of(first) == "too much is being sent at once: try again later"


@pytest.mark.parametrize(
    "sent", [HALF_A_HEAD, HALF_A_BODY, POST + b"content-length: 100000\r\n\r\n" + b" " * 90_000, GET, GET.replace(b"/page", b"/large"), GET.replace(b"/page", b"/slow")],
    ids=["in the head", "in the body", "in a body that is too large", "after the answer", "in the answer", "before the answer"],
)  # fmt: skip
@pytest.mark.parametrize("how", ["closed", "reset"])
def test_a_client_that_leaves_is_one_line_at_most_and_no_traceback(
    sent: bytes, how: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.WARNING), server() as port:
        client = connect(port)
        client.sendall(sent)
        if how == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        if sent == HALF_A_BODY:
            line = "a connection ended before its request was answered: POST /echo"
            until(lambda: line in caplog.messages, lambda: caplog.messages)
        assert statuses(talk(port, LAST)) == [200]
    assert len(caplog.records) <= 1
    assert not any(record.exc_info for record in caplog.records)
    assert "Traceback" not in capfd.readouterr().err
